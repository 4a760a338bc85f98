"""Evaluate a denoiser before the task of a config, whatever task it was trained for.

Example:
  semrestore test semrestore::evaluation/efficientnet_lite0_imagenet_samples.py multiscale-blind --sigma 15 30
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semrestore.cli.options import add_run_options, new_parser, sigma
from semrestore.cli.run import prepare
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    add_run_options(parser)
    parser.add_argument(
        'checkpoint',
        metavar='WEIGHTS',
        help="weights of the denoiser: a file or a name of `semrestore zoo`; 'none' for noisy images, or if the"
        " config's method has no weights",
    )
    measured = parser.add_argument_group('noise and results')
    measured.add_argument(
        '--sigma', nargs='+', type=sigma, metavar='S', help="noise levels on 0..255 (default: the config's noise)"
    )
    measured.add_argument('--out', type=Path, metavar='JSON', help='file for the result (default: print it only)')
    measured.add_argument('--per-image', type=Path, metavar='CSV', help='file for a row an image and noise level')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore test``."""
    options = parse(arguments)

    from semrestore.config.libraries import config_path
    from semrestore.files import check_apart, write_csv, write_text
    from semrestore.weights.zoo import resolve

    config_path(options.config)
    for path in filter(None, (options.out, options.per_image)):
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise UserError(f"'{path}' cannot be written; expected a file in a folder that exists")
        check_apart(path, options.config, options.checkpoint)
    checkpoint = None if options.checkpoint == 'none' else resolve(options.checkpoint)
    cfg = prepare(options)
    if options.per_image and not _measures_quality(cfg):
        raise UserError(
            '--per-image needs the metric ImageQuality, and the config does not have it. Add'
            " dict(type='ImageQuality') to its test_evaluator"
        )

    from mmengine.dist import is_main_process

    from semrestore.engine import evaluate

    if is_main_process():
        levels = f', sigma {" ".join(f"{value:g}" for value in options.sigma)}' if options.sigma else ''
        print(f'evaluating {checkpoint or "no weights"} by {cfg.filename}{levels}', flush=True)
    result = evaluate(cfg, checkpoint, options.sigma)
    if not is_main_process():
        return
    if options.per_image:
        write_csv(options.per_image, result.rows)
    if options.out:
        write_text(options.out, to_json(result.summary()))
    width = max(map(len, result.metrics), default=0)
    for name, value in result.metrics.items():
        print(f'{name:{width}}  {value:9.4f}{" dB" if name.endswith("PSNR") else ""}')
    written = [str(path) for path in (options.out, options.per_image) if path]
    if written:
        print(f'results: {", ".join(written)}')


def _measures_quality(cfg: Any) -> bool:
    evaluators = cfg.get('test_evaluator') or []
    evaluators = [evaluators] if isinstance(evaluators, dict) else evaluators
    return any(str(one.get('type')).rpartition('.')[2] == 'ImageQuality' for one in evaluators)


def to_json(summary: dict) -> str:
    """Return a result as JSON. A metric that is not finite (PSNR of equal images) becomes ``null``."""
    metrics = {name: float(value) if math.isfinite(value) else None for name, value in summary['metrics'].items()}
    return json.dumps(summary | {'metrics': metrics}, indent=2, allow_nan=False) + '\n'
