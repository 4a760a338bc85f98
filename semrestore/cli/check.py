"""Say what the published denoisers are worth before a network of yours, on photos of yours, without training.

  semrestore check torchvision:mobilenet_v2 --photos photos/ --noise 0-60
  semrestore check timm:resnet50 --photos photos/ --noise-like noisy/ --denoisers mine=denoiser.pth scunet=scunet.pth

Noise is put on photos of the folder, and the network's prediction for the restored photo is compared with its own for
the clean one. It runs on a tenth of the photos, at least 8: those on which `semrestore fit` does not train, so that
what it writes can be checked, too. Helped: predictions that were wrong on the noisy photo and are right on the restored
one; harmed: the other way round.
"""

import argparse
from collections.abc import Sequence

from semrestore.cli.fitting import add_network_options, network_and_photos, noise_of, print_table


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_network_options(parser)
    parser.add_argument(
        '--denoisers',
        nargs='+',
        default=[],
        metavar='NAME=CKPT',
        help='others beside the published blind ones',
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore check``."""
    options = parse(arguments)
    named, split = network_and_photos(options)
    noise, said = noise_of(options)

    from semrestore.fitting import check, published_blind

    records = check(named, split, noise, ['noisy', *published_blind(), *options.denoisers])
    photos = len(split.train) + len(split.held_out)
    title = f'{options.network}, {said}, {len(split.held_out)} of {photos} photos, those that `fit` holds out'
    print_table(records, title)
