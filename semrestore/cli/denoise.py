"""Denoise images and films: an image becomes a PNG of the same name, a film a film with its sound.

  semrestore denoise photo.jpg
  semrestore denoise noisy/ 'more/*.jpg' clip.mp4 --for camera --out restored
  semrestore denoise noisy/ --model ffdnet.pth --config semrestore::baselines/ffdnet.py --sigma auto --out restored
  semrestore denoise noisy/ --model none --config semrestore::baselines/mcwnnm_photographs.py --out restored
  torchrun --nproc-per-node 4 -m semrestore denoise noisy/ --out restored --resume

EXIF data, ICC profile, alpha channel, greyscale and 16-bit depth stay as they came. A file that cannot be read is
reported and the rest goes on; the exit status is then 2. Processes of torchrun or of SLURM's srun share the files out.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semrestore.cli.options import add_device, count, positive, sigma_or
from semrestore.errors import UserError
from semrestore.weights.zoo import PURPOSES, resolve


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'inputs', nargs='+', metavar='INPUT', help='image, video, glob, or folder (with its subfolders)'
    )
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        '--for',
        choices=list(PURPOSES),
        default='people',
        dest='purpose',
        help='who will look at the result, or camera for photos as a camera stored them (default: %(default)s)',
    )
    weights.add_argument(
        '--model', metavar='CKPT', help="weights: a file or a name of `semrestore zoo`; 'none' for no weights"
    )
    parser.add_argument('--config', metavar='CONFIG', help='config of the denoiser (default: what the file records)')
    parser.add_argument(
        '--out', type=Path, default=Path('restored'), metavar='DIR', help='folder for the results (default: restored)'
    )
    parser.add_argument(
        '--sigma',
        type=sigma_or('auto'),
        metavar='S',
        help="noise level on 0..255, for methods that need it; 'auto' estimates it",
    )
    parser.add_argument('--frames', action='store_true', help='write a folder of PNG files for a film')
    parser.add_argument('--ensemble', action='store_true', help='mean over eight orientations: eight times the work')
    parser.add_argument('--tile', type=count, default=512, metavar='PIXELS', help='side of tiles (default: 512)')
    parser.add_argument(
        '--batch-size', type=count, default=8, metavar='N', help='images of one size that go together (default: 8)'
    )
    parser.add_argument(
        '--max-megapixels', type=positive, default=179, metavar='N', help='refuse larger images (default: 179)'
    )
    there = parser.add_mutually_exclusive_group()
    there.add_argument('--overwrite', action='store_true', help='replace files that --out already holds')
    there.add_argument(
        '--resume', action='store_true', help='go on after a stop, with the same weights and options: keep what is done'
    )
    parser.add_argument('--overwrite-inputs', action='store_true', help='replace also the images that are denoised')
    add_device(parser)
    options = parser.parse_args(arguments)
    if options.resume and options.overwrite_inputs:
        parser.error('argument --resume: not allowed with --overwrite-inputs, which leaves no trace of what is done')
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore denoise``."""
    options = parse(arguments)
    weights = options.model or PURPOSES[options.purpose]

    from PIL import Image

    from semrestore.inference import sharing
    from semrestore.inference.targets import targets

    Image.MAX_IMAGE_PIXELS = int(options.max_megapixels * 1e6 / 2)  # Pillow refuses at twice this
    share = sharing.share_of(os.environ)
    replace = options.overwrite or options.resume
    pairs = list(targets(options.inputs, options.out, replace, options.overwrite_inputs, options.frames, share))
    model = None if weights == 'none' else weights
    file = resolve(model) if model else None
    config = None
    if options.config:
        from semrestore.config.load import load_denoiser_config

        config = load_denoiser_config(options.config)
    settings = sharing.settings_of(file, config, options.sigma, options.ensemble, options.frames)
    if options.resume:
        sharing.check_record(options.out, settings, pairs)
        planned = len(pairs)
        pairs = sharing.unfinished(pairs)
        print(f'{planned - len(pairs)} of {planned} files are done already')

    from semrestore.inference import DenoiseInferencer

    device = sharing.own_device(options.device, share)
    inferencer = DenoiseInferencer(model, config, device, ensemble=options.ensemble, tile=options.tile)
    if not options.overwrite_inputs:  # which cannot be resumed
        sharing.write_record(options.out, settings)
    print(f'weights: {weights}')
    if share.processes > 1:
        print(f'process {share.rank} of {share.processes}: {len(pairs)} files on {inferencer.device}')
    failures: list[str] = []
    restored = sum(1 for _ in _shown(inferencer, pairs, options, failures))
    print(f'{restored} of {restored + len(failures)} images restored: {options.out}')
    sharing.end_together(share, failed=bool(failures))
    if failures:
        raise UserError(f'{len(failures)} of {restored + len(failures)} images could not be restored')


def _shown(inferencer: Any, pairs: list, options: argparse.Namespace, failures: list[str]) -> Iterator:
    """Yield what is restored, with a bar that shows how fast, and list what fails."""
    from semrestore.inference.pictures import read_files, write_files
    from semrestore.progress import ProgressBar

    def report(message: str) -> None:
        failures.append(message)
        print(f'failed: {message}', file=sys.stderr)

    started = time.monotonic()
    with ProgressBar('denoising', len(pairs)) as bar:
        items = inferencer.restore(read_files(pairs, report, options.resume), options.sigma, options.batch_size, report)
        for done, item in enumerate(write_files(items, report), 1):
            finished = done + len(failures)
            rate = f'{done / max(time.monotonic() - started, 1e-9):.2f} images/s'
            bar.advance(finished - bar.done, rate, total=max(len(pairs), finished))  # a video has more
            if options.sigma == 'auto' and item.sigma is not None:
                bar.print(f'{item.path}: sigma {item.sigma:.1f}')
            yield item
