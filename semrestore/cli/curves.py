"""Draw trainings from their logs: each term of the loss, and the figures of the validation.

Faint lines are the logged values, which depend on the patches of each batch. Strong lines are their running mean.

Example:
  semrestore curves work_dirs/separate work_dirs/joint --out curves.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import add_dpi, new_parser
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
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
        raise UserError(
            'two of the folders have the same name; expected different ones, because the curves are labelled by'
            ' them. Rename one'
        )
    with replacing(options.out) as path:
        try:
            draw_curves(runs, path, options.dpi)
        except (ValueError, OverflowError) as error:  # from an unknown format, or from extreme numbers
            raise UserError(f"'{options.out}' cannot be written: {error}") from None
    print(f'result: {options.out}')
