"""Measure what the published denoisers do for your own network on your own photos, without training.

The command adds noise to photos, and compares the network's answer on the restored photo with its answer on the clean
one. It uses a tenth of the photos, at least 8: those that `semrestore fit` holds out. --all uses every photo. Helped
counts answers that were wrong on the noisy photo and are right on the restored one; harmed counts the opposite.

Example:
  semrestore check torchvision:mobilenet_v2 --photos photos/ --noise 0-60
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.fitting import add_network_options, network_and_photos, noise_of, print_table
from semrestore.cli.options import new_parser
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    add_network_options(parser)
    compared = parser.add_argument_group('denoisers')
    compared.add_argument(
        '--denoisers',
        nargs='+',
        default=[],
        metavar='NAME=CKPT',
        help='more denoisers to compare (default: only the published ones for any noise level)',
    )
    compared.add_argument(
        '--all',
        action='store_true',
        help='use all photos; not for denoisers that were fitted on them, which know nine tenths of them',
    )
    compared.add_argument('--out', type=Path, metavar='JSON', help='file for the figures (default: print them only)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore check``."""
    options = parse(arguments)
    if options.out and (options.out.is_dir() or not options.out.absolute().parent.is_dir()):
        raise UserError(f"--out: '{options.out}' cannot be written; expected a file in a folder that exists")
    named, split = network_and_photos(options)
    photos = len(split.train) + len(split.held_out)
    if options.all:
        split = split._replace(train=[], held_out=list(range(photos)))
    noise, said = noise_of(options)

    from semrestore.evaluation.methods import check_unique, parse_method
    from semrestore.files import write_text
    from semrestore.fitting import check, published_for

    denoisers = ['noisy', *published_for(noise), *options.denoisers]
    check_unique([parse_method(text, '--denoisers') for text in denoisers], '--denoisers')
    names = ', '.join(text.partition('=')[0] for text in denoisers)
    print(f'comparing {names} on {len(split.held_out)} photos, {said}', flush=True)
    records = check(named, split, noise, denoisers)
    which = '' if options.all else f'{len(split.held_out)} of {photos} photos, those that `fit` holds out'
    title = f'{options.network}, {said}, {which or f"all {photos} photos"}'
    if options.out:
        document = dict(network=options.network, noise=noise, photos=len(split.held_out), records=records)
        write_text(options.out, json.dumps(document, indent=2) + '\n')
    print_table(records, title)
