"""Draw trainings from their logs: each term of the loss on an axis of its own, and what validation measured.

  semrestore curves work_dirs/denoise_vgg16_sigma30 --out curves.png
  semrestore curves work_dirs/separate work_dirs/joint --out curves.png

Faint lines are what was logged, which depends on the patches of each batch; the others are its running mean.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import add_dpi
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', type=Path, metavar='WORK_DIR', help='folders of trainings')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='picture to write, such as curves.png')
    add_dpi(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore curves``."""
    options = parse(arguments)

    from semrestore.files import replacing
    from semrestore.visualization.curves import draw_curves, read_log

    runs = {run.name: read_log(run) for run in options.runs}
    if len(runs) < len(options.runs):
        raise UserError('two of the folders have one name, by which the curves are told apart')
    with replacing(options.out) as path:
        try:
            draw_curves(runs, path, options.dpi)
        except (ValueError, OverflowError) as error:  # a format that Matplotlib lacks, or numbers
            raise UserError(f"'{options.out}' cannot be written: {error}") from None
    print(options.out)
