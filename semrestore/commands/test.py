"""Evaluate a denoiser in front of the task of a config, whatever task it was trained with."""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.common import add_config_options, bare_model, build_loop, build_runner, has_weights, prepare
from semrestore.errors import UserError
from semrestore.files import check_apart, write_csv, write_text


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument(
        'checkpoint',
        help="the denoiser's weights: a file, or zoo:NAME; 'none' evaluates the noisy images, or a method that has none",
    )
    parser.add_argument('--sigma', nargs='+', type=float, metavar='S', help="noise levels on 0..255 (default: the config's)")
    parser.add_argument('--out', metavar='JSON', help='write the result to this file')
    parser.add_argument('--per-image', metavar='CSV', help='write one row an image and noise level to this file')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/test.py``."""
    from mmengine.dist import is_main_process

    options = parse(arguments)
    for path in (options.out, options.per_image):
        if path and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise UserError(f"'{path}' cannot be written: it is a folder, or its folder does not exist")
        if path:
            check_apart(Path(path), options.config, options.checkpoint)
    cfg = prepare(options)
    result = evaluate(cfg, options.checkpoint, options.sigma, options.per_image)
    if not is_main_process():
        return
    if options.out:
        write_json(result, options.out)
    for name, value in result['metrics'].items():
        print(f'{name}: {value:.4f}')


def evaluate(cfg, checkpoint: str, sigmas: Sequence[float] | None = None, rows: str | None = None, hooks: Sequence[dict] = ()) -> dict:
    """Evaluate a checkpoint's denoiser on the test data and task of a config.

    Args:
        cfg: A checked config.
        checkpoint: A file, ``'zoo:NAME'``, or ``'none'``: a denoiser with weights is then left out (noisy images go straight to the task).
        sigmas: Levels of Gaussian noise on 0..255; the config's degradation by default.
        rows: CSV file for one row an image and noise level.
        hooks: Configs of hooks to run along; those of the config are for training and left out.

    Returns:
        The config, the checkpoint with its SHA-256, the data sets with their image counts, the noise, its seed, and ``metrics`` by name;
        with several noise levels the names start with ``sigmaS/``.
    """
    from mmengine.dist import is_main_process

    from semrestore.checkpoint import load_denoiser, sha256
    from semrestore.config import check_inputs, is_foreign
    from semrestore.degradations.base import LARGEST_SIGMA
    from semrestore.zoo import resolve

    if is_foreign(cfg):
        raise UserError(
            f"config '{cfg.filename}' has no denoiser: evaluate the task network by a config that freezes it, on clean images with"
            " 'none --sigma 0'"
        )
    if not cfg.get('test_dataloader'):
        raise UserError(f"config '{cfg.filename}' has no test_dataloader")
    check_inputs(cfg, 'test_dataloader')
    none = checkpoint == 'none'
    checkpoint = resolve(str(checkpoint))
    if not none and not Path(checkpoint).is_file():
        raise UserError(f"checkpoint '{checkpoint}' does not exist; 'none' evaluates without one")
    if none and has_weights(cfg.model.denoiser):
        cfg.model.denoiser = dict(type='Identity')
    own = dict(cfg.model.degradation)
    gaussian = own if own['type'] == 'GaussianNoise' else dict(type='GaussianNoise')
    degradations = [gaussian | dict(sigma=sigma) for sigma in sigmas or ()] or [own]
    for sigma in sigmas or ():
        if not 0 <= sigma <= LARGEST_SIGMA:
            raise UserError(f'--sigma is {sigma:g}; expected a number of at least 0, at most {LARGEST_SIGMA:g}')
    cfg.load_from, cfg.resume, cfg.custom_hooks = None, False, list(hooks)
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg[key] = None
    runner = build_runner(cfg)
    build_loop(runner, 'test_loop')
    if not none:
        load_denoiser(bare_model(runner), checkpoint)
    metrics, all_rows = {}, []
    for degradation in degradations:
        prefix = f'sigma{degradation["sigma"]:g}/' if len(degradations) > 1 else ''
        measured, some_rows = _run_once(runner, degradation)
        metrics |= {prefix + name: value for name, value in measured.items()}
        all_rows += some_rows
    if rows and is_main_process():
        _write_rows(rows, all_rows)
    return {
        'config': cfg.filename,
        'checkpoint': None if none else {'path': str(checkpoint), 'sha256': sha256(checkpoint)},
        'denoiser': dict(cfg.model.denoiser),
        'data': _data_sets(runner.test_dataloader.dataset),
        'noise': degradations,
        'seed': bare_model(runner).evaluation_seed,
        'metrics': metrics,
    }


def write_json(result: dict, path: str | Path) -> None:
    """Write a result; a metric that is no finite number (PSNR of equal images, SSIM of tiny ones) becomes ``null``, as JSON wants it."""
    metrics = {name: value if math.isfinite(value) else None for name, value in result['metrics'].items()}
    write_text(Path(path), json.dumps(result | {'metrics': metrics}, indent=2, allow_nan=False) + '\n')


def _run_once(runner, degradation: dict) -> tuple[dict[str, float], list[dict]]:
    from semrestore.evaluation import ImageQuality
    from semrestore.registry import MODELS

    bare_model(runner).degradation = MODELS.build(degradation)
    metrics = runner.test()
    quality = [metric for metric in runner.test_loop.evaluator.metrics if isinstance(metric, ImageQuality)]
    return metrics, [{'sigma': degradation.get('sigma'), **row} for metric in quality[:1] for row in metric.rows]


def _write_rows(path: str, rows: list[dict]) -> None:
    if not rows:
        raise UserError('--per-image needs the metric ImageQuality in the test_evaluator of the config')
    write_csv(Path(path), rows)


def _data_sets(dataset) -> list[dict]:
    parts = getattr(dataset, 'datasets', [dataset])
    return [
        {
            'name': getattr(part, 'name', None) or type(part).__name__,
            'root': str(getattr(part, 'data_root', None) or ''),
            'images': len(part),
        }
        for part in parts
    ]
