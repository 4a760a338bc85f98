"""Denoise images and films: an image becomes a PNG of the same name, a film becomes a film with its sound.

EXIF data, ICC profile, alpha channel, greyscale and 16-bit depth stay as they are. If a file cannot be read, the
command reports it, continues, and exits with status 2. Processes of torchrun or of SLURM's srun share the files.

Example:
  semrestore denoise noisy/ 'more/*.jpg' clip.mp4 --for camera --out restored
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semrestore.cli.options import add_device, count, new_parser, positive, sigma_or
from semrestore.errors import UserError
from semrestore.weights.zoo import PURPOSES, resolve


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='image, film, glob, or folder with its subfolders')
    method = parser.add_argument_group('denoiser')
    weights = method.add_mutually_exclusive_group()
    weights.add_argument(
        '--for',
        choices=list(PURPOSES),
        default='people',
        dest='purpose',
        help='who looks at the result; camera is for photos as a camera stored them (default: %(default)s)',
    )
    weights.add_argument(
        '--model', metavar='CKPT', help="weights: a file or a name of `semrestore zoo`; 'none' for no weights"
    )
    method.add_argument('--config', metavar='CONFIG', help='config of the denoiser (default: what the file records)')
    method.add_argument(
        '--sigma',
        type=sigma_or('auto'),
        metavar='S',
        help="noise level on 0..255 for methods that need it; 'auto' estimates it",
    )
    method.add_argument(
        '--ensemble', action='store_true', help='average over eight orientations, which takes eight times as long'
    )
    results = parser.add_argument_group('results')
    results.add_argument(
        '--out', type=Path, default=Path('restored'), metavar='DIR', help='folder for the results (default: restored)'
    )
    results.add_argument('--frames', action='store_true', help='write a film as a folder of PNG files')
    there = results.add_mutually_exclusive_group()
    there.add_argument('--overwrite', action='store_true', help='replace files that exist in --out')
    there.add_argument(
        '--resume', action='store_true', help='keep files that exist in --out, if weights and options are the same'
    )
    results.add_argument('--overwrite-inputs', action='store_true', help='allow results to replace the inputs')
    run = parser.add_argument_group('device and memory')
    add_device(run)
    run.add_argument(
        '--tile', type=count, default=512, metavar='PIXELS', help='side of the tiles in pixels (default: 512)'
    )
    run.add_argument(
        '--batch-size', type=count, default=8, metavar='N', help='images of one size in a batch (default: 8)'
    )
    run.add_argument(
        '--max-megapixels', type=positive, default=179, metavar='N', help='refuse larger images (default: 179)'
    )
    options = parser.parse_args(arguments)
    if options.resume and options.overwrite_inputs:
        parser.error('argument --resume: not allowed with --overwrite-inputs, which leaves no trace of finished files')
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
    if not options.overwrite_inputs:  # because such a run cannot be resumed
        sharing.write_record(options.out, settings)
    print(f'weights: {weights}')
    print(f'denoising {len(pairs)} files into {options.out}', flush=True)
    if share.processes > 1:
        print(f'process {share.rank} of {share.processes}: {len(pairs)} files on {inferencer.device}')
    failures: list[str] = []
    restored = sum(1 for _ in _shown(inferencer, pairs, options, failures))
    print(f'{restored} of {restored + len(failures)} images restored: {options.out}')
    sharing.end_together(share, failed=bool(failures))
    if failures:
        raise UserError(f'{len(failures)} of {restored + len(failures)} images could not be restored')


def _shown(inferencer: Any, pairs: list, options: argparse.Namespace, failures: list[str]) -> Iterator:
    """Yield restored images, show progress and speed, and collect failures."""
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
