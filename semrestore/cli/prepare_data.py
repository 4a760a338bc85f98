"""Check which data sets of the configs are in the data folder, and build what can be built.

The command builds bsds432 and cbsd68 from a copy of BSDS500 (--bsds500), VOC's list trainaug.txt from the labels in
voc2012/SegmentationClassAug, and the class folders of tiny_imagenet from its archives. It changes no existing file.

Example:
  semrestore prepare-data --data /path/to/data --bsds500 BSDS500 --only bsds432 cbsd68
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from semrestore import data_tree
from semrestore.cli.options import new_parser
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    default = Path(os.environ.get('SEMRESTORE_DATA', 'data'))
    parser.add_argument(
        '--data', type=Path, default=default, metavar='DIR', help='data folder (default: $SEMRESTORE_DATA, or data)'
    )
    parser.add_argument(
        '--bsds500', type=Path, metavar='DIR', help='copy of BSDS500, with its images in any subfolders'
    )
    known = sorted(data_tree.CHECKS)
    parser.add_argument(
        '--only',
        nargs='+',
        choices=known,
        metavar='SET',
        help=f'check only these sets, and exit with status 2 if one is missing: {", ".join(known)} (default: all)',
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore prepare-data``."""
    from rich.console import Console
    from rich.table import Table

    options = parse(arguments)
    console = Console(highlight=False, markup=False)
    if options.bsds500:
        for line in data_tree.build_bsds(options.bsds500, options.data):
            console.print(line)
    if not options.data.is_dir():
        raise UserError(f"the data folder '{options.data}' does not exist. Give it as --data, or set SEMRESTORE_DATA")
    built = [data_tree.build_trainaug(options.data / 'voc2012')]
    if not options.only or 'tiny_imagenet' in options.only:
        built += data_tree.unpack_tiny_imagenet(options.data / 'tiny_imagenet')
    for line in filter(None, built):
        console.print(line)
    console.print(f'data sets in {options.data}', soft_wrap=True)
    table = Table('set', 'state')
    table.add_column('content', overflow='fold')
    missing = []
    for name in options.only or data_tree.CHECKS:
        problem, found = data_tree.check(name, options.data)
        table.add_row(name, 'missing' if problem else 'there', problem or found)
        missing += [name] * bool(problem)
    console.print(table)
    if missing and options.only:
        raise UserError(
            f'these sets are missing or incomplete: {", ".join(missing)}. docs/data.md shows the folders and the'
            ' sources'
        )
