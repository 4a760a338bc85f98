"""List the published weights: the noise that each is for, and its PSNR.

  semrestore zoo

Take one by its name wherever a checkpoint is asked for: semrestore denoise photo.jpg --model NAME.
"""

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore zoo``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)

    from rich.console import Console
    from rich.table import Table

    from semrestore.weights.zoo import DEFAULT, figures, level_note, published

    table = Table('weights', 'noise, sigma', 'PSNR on CBSD68 (dB)')
    for name, entry in published().items():
        sigma = entry['sigma']
        level = f'{sigma[0]} to {sigma[1]}' if isinstance(sigma, list) else sigma
        shown = ', '.join(f'{value:.2f} at {noise}' for noise, value in figures(name))
        note = ' (default)' if name == DEFAULT else ''
        table.add_row(f'{name}{note}', 'of cameras' if level is None else str(level), shown)
    console = Console(markup=False, highlight=False)
    console.print(table)
    if any(map(level_note, published())):
        console.print(
            'Weights for one level ruin cleaner photos: they are for comparisons at that level.', soft_wrap=True
        )
