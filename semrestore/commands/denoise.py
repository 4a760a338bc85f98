"""Denoise images and videos: each becomes a PNG of the same name, a video a folder of them; folders keep their structure.

  semrestore denoise noisy/ 'more/*.jpg' --model zoo:multiscale-sigma25 --out restored
  semrestore denoise noisy/ --model ffdnet.pth --config semrestore::baselines/ffdnet.py --sigma auto --out restored
  semrestore denoise noisy/ --model none --config semrestore::baselines/mcwnnm_photographs.py --out restored

EXIF data, ICC profile, alpha channel, greyscale and 16-bit depth stay as they came. A file that cannot be read is reported and the rest
goes on; the exit status is then 2.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.common import load_quietly
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='image, video, glob, or folder that is searched recursively')
    parser.add_argument(
        '--model', required=True, metavar='CKPT', help="a denoiser's weights: a file, or zoo:NAME; 'none' for a method without"
    )
    parser.add_argument('--config', metavar='CONFIG', help="config of the denoiser (default: the paper's network)")
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the restored images')
    parser.add_argument(
        '--sigma', type=_sigma, metavar='S', help="standard deviation of the noise on 0..255, for methods that need it; 'auto' estimates it"
    )
    parser.add_argument('--ensemble', action='store_true', help='mean over the eight orientations: eight times the work, a little better')
    parser.add_argument('--tile', type=int, default=512, metavar='PIXELS', help='side of the tiles of large images (default: 512)')
    parser.add_argument('--batch-size', type=int, default=8, metavar='N', help='images of one size that go together (default: 8)')
    parser.add_argument('--max-megapixels', type=float, default=179, metavar='N', help='refuse larger images (default: 179)')
    parser.add_argument('--overwrite', action='store_true', help='replace files that --out already holds')
    parser.add_argument('--overwrite-inputs', action='store_true', help='replace also the images that are denoised')
    parser.add_argument('--device', help='such as cpu or cuda:1 (default: what there is)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore denoise``."""
    from PIL import Image

    options = parse(arguments)
    for name in ('tile', 'batch_size', 'max_megapixels'):
        if not 1 <= getattr(options, name) <= 1e6:
            raise UserError(f'--{name.replace("_", "-")} is {getattr(options, name)}; expected 1 to 1,000,000')
    Image.MAX_IMAGE_PIXELS = int(options.max_megapixels * 1e6 / 2)  # Pillow refuses at twice this
    config = None
    if options.config:
        config = load_quietly(options.config).model.get('denoiser')
        if not config:
            raise UserError(f"config '{options.config}' has no denoiser")
    from semrestore.inference.files import targets
    from semrestore.inference.inferencer import DenoiseInferencer, check_level

    check_level(options.sigma)
    pairs = list(targets(options.inputs, options.out, options.overwrite, options.overwrite_inputs))
    model = None if options.model == 'none' else options.model
    inferencer = DenoiseInferencer(model, config, options.device, ensemble=options.ensemble, tile=options.tile)
    failures: list[str] = []
    restored = sum(1 for _ in _shown(inferencer, pairs, options, failures))
    print(f'{restored} of {restored + len(failures)} images restored: {options.out}')
    if failures:
        raise UserError(f'{len(failures)} of {restored + len(failures)} images could not be restored')


def _sigma(text: str) -> float | str:
    try:
        return text if text == 'auto' else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a number nor 'auto'") from None


def _shown(inferencer, pairs: list, options: argparse.Namespace, failures: list[str]):
    """Yield what is restored, with a bar that shows how fast, and list what fails."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    def report(message: str) -> None:
        failures.append(message)
        print(f'failed: {message}', file=sys.stderr)

    columns = TextColumn('denoising'), BarColumn(), MofNCompleteColumn(), TextColumn('{task.fields[rate]}'), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True, markup=False)) as progress:
        task = progress.add_task('', total=len(pairs), rate='')
        for done, (path, level) in enumerate(inferencer.to_files(pairs, options.sigma, options.batch_size, report), 1):
            elapsed = progress.tasks[task].elapsed
            total = max(len(pairs), done + len(failures))  # a video has more
            progress.update(task, completed=done + len(failures), total=total, rate=f'{done / elapsed:.2f} images/s' if elapsed else '')
            if options.sigma == 'auto':
                progress.console.print(f'{path}: sigma {level:.1f}', highlight=False, soft_wrap=True)
            yield path
