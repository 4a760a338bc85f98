"""List the published weights, with their noise and PSNR.

Use a name from the list wherever a command takes weights.

Example:
  semrestore zoo
"""

from collections.abc import Sequence

from semrestore.cli.options import new_parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore zoo``."""
    parser = new_parser(__doc__)
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
        shown = shown.replace('sigma camera', "a camera's noise")
        kind = 'many kinds of damage' if name == 'recognition-universal' else "a camera's"
        table.add_row(f'{name}{note}', kind if level is None else str(level), shown)
    console = Console(markup=False, highlight=False)
    console.print(table)
    if any(map(level_note, published())):
        console.print(
            'Weights for one level ruin cleaner photos: they are for comparisons at that level.', soft_wrap=True
        )
