"""Open a page in the browser on which to try the denoisers and see what a network makes of a photo before and after.

Nothing leaves this machine. Without --networks the page offers the networks whose weights are installed;
`pip install 'semrestore[judges]'` adds two. The libraries of other networks download their weights.

Example:
  semrestore app --networks torchvision:lraspp_mobilenet_v3_large timm:resnet50
"""

import argparse
from collections.abc import Sequence

from semrestore.cli.options import add_device, new_parser, port, positive


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--networks',
        nargs='+',
        default=[],
        metavar='NETWORK[=CKPT]',
        help='classifiers and segmenters to choose from: timm:NAME, torchvision:NAME, hf:NAME, mmseg:CONFIG,'
        ' mmpretrain:CONFIG or a config file, with their weights if they are your own (default: those whose weights'
        ' are installed)',
    )
    address = parser.add_argument_group('address')
    address.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default: %(default)s, for this machine alone)'
    )
    address.add_argument(
        '--port', type=port, default=7860, help='port to listen on; 0 takes a free one (default: %(default)s)'
    )
    limits = parser.add_argument_group('limits')
    limits.add_argument(
        '--max-megapixels', type=positive, default=24, metavar='N', help='refuse larger photos (default: %(default)s)'
    )
    limits.add_argument(
        '--max-megabytes', type=positive, default=50, metavar='N', help='refuse larger files (default: %(default)s)'
    )
    limits.add_argument(
        '--max-seconds',
        type=positive,
        default=120,
        metavar='N',
        help='stop if restoring one photo takes longer (default: %(default)s)',
    )
    add_device(parser.add_argument_group('device'))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore app``."""
    options = parse(arguments)

    from semrestore.app.page import open_page
    from semrestore.app.trial import Limits, Trial

    limits = Limits(options.max_megapixels, options.max_megabytes, options.max_seconds)
    page, address = open_page(Trial(limits, options.device), options.networks, options.host, options.port)
    print(f'{address}  (Ctrl+C stops)', flush=True)
    page.block_thread()
