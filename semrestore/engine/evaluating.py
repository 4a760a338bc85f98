"""Evaluate a denoiser on a config's test data, before its task."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from semrestore.config.check import check_inputs, trains_a_task
from semrestore.engine.runner import bare_model, build_loop, build_runner
from semrestore.errors import UserError
from semrestore.evaluation import ImageQuality
from semrestore.files import sha256
from semrestore.limits import LARGEST_SIGMA
from semrestore.registry import MODELS
from semrestore.weights.build import denoiser_config, needs_weights
from semrestore.weights.load import load_weights
from semrestore.weights.zoo import resolve

__all__ = ['Evaluation', 'evaluate']

UNUSED = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg')


@dataclass
class Evaluation:
    """Hold what was measured, and on what."""

    config: str
    checkpoint: dict[str, str] | None
    """``path`` and ``sha256``; ``None`` without weights."""
    denoiser: dict
    """Its config."""
    data: list[dict]
    """``name``, ``root`` and count of ``images`` of each data set."""
    noise: list[dict]
    """The configs of the degradations."""
    seed: int
    """With an image's name it seeds the image's noise."""
    metrics: dict[str, float]
    """By name. With several noise levels the names start with ``sigmaS/``."""
    rows: list[dict] = field(default_factory=list)
    """One dict an image and noise level, if the config measures by :class:`~semrestore.evaluation.ImageQuality`."""

    def summary(self) -> dict:
        """Return everything but the rows, as JSON takes it."""
        return {key: value for key, value in asdict(self).items() if key != 'rows'}


def evaluate(cfg: Config, checkpoint: str | Path | None, sigmas: Sequence[float] | None = None) -> Evaluation:
    """Evaluate a checkpoint's denoiser on a config's test data and task, whatever task it was trained for.

    The denoiser is the one that the checkpoint records; the config's if it records none.

    Args:
        cfg: What :func:`~semrestore.config.load_config` returns, with a ``work_dir``. It is changed. Its hooks are for
            training and are left out.
        checkpoint: A file or a published name. With ``None`` noisy images go straight to the task, unless the config's
            denoiser is a method without weights.
        sigmas: Levels of Gaussian noise on 0..255; by default the config's degradation.

    Raises:
        UserError: The config has no denoiser or no test data, or a file is missing or does not fit.
    """
    if trains_a_task(cfg):
        raise UserError(
            f"config '{cfg.filename}' has no denoiser. To evaluate its task network, use a config that freezes"
            " it, on clean images, with 'none --sigma 0'"
        )
    if not cfg.get('test_dataloader'):
        raise UserError(f"config '{cfg.filename}' has no test_dataloader")
    check_inputs(cfg, 'test_dataloader')
    for sigma in sigmas or ():
        if not 0 <= sigma <= LARGEST_SIGMA:
            raise UserError(f'sigma is {sigma:g}; expected 0 to {LARGEST_SIGMA:g}')
    file = None if checkpoint is None else resolve(checkpoint)
    if file is not None:
        if not Path(file).is_file():
            raise UserError(
                f"checkpoint '{file}' does not exist; expected a file, a published name, or 'none' for no weights"
            )
        cfg.model.denoiser = denoiser_config(file, cfg.model.denoiser)
    elif needs_weights(cfg.model.denoiser):
        cfg.model.denoiser = dict(type='Identity')
    own = dict(cfg.model.degradation)
    if sigmas and not MODELS.get(own['type']).keeps_clean:
        raise UserError(f"--sigma: the images of config '{cfg.filename}' are already degraded. Leave out --sigma")
    gaussian = own if own['type'] == 'GaussianNoise' else dict(type='GaussianNoise')
    noise = [gaussian | dict(sigma=sigma) for sigma in sigmas or ()] or [own]
    cfg.load_from, cfg.resume, cfg.custom_hooks = None, False, []
    for key in (*UNUSED, 'val_evaluator'):
        cfg[key] = None
    runner = build_runner(cfg)
    build_loop(runner, 'test_loop')
    model = bare_model(runner)
    if file is not None:
        load_weights(model, file)
    metrics: dict[str, float] = {}
    rows: list[dict] = []
    for degradation in noise:
        prefix = f'sigma{degradation["sigma"]:g}/' if len(noise) > 1 else ''
        model.degradation = MODELS.build(degradation)
        metrics |= {prefix + name: value for name, value in runner.test().items()}
        rows += [{'sigma': degradation.get('sigma'), **row} for row in _image_rows(runner)]
    return Evaluation(
        config=str(cfg.filename),
        checkpoint=None if file is None else dict(path=file, sha256=sha256(file)),
        denoiser=dict(cfg.model.denoiser),
        data=_data_sets(runner.test_dataloader.dataset),
        noise=noise,
        seed=model.evaluation_seed,
        metrics=metrics,
        rows=rows,
    )


def _image_rows(runner: Runner) -> list[dict]:
    quality = [metric for metric in runner.test_loop.evaluator.metrics if isinstance(metric, ImageQuality)]
    return quality[0].rows if quality else []


def _data_sets(dataset: object) -> list[dict]:
    return [
        {
            'name': getattr(part, 'name', None) or type(part).__name__,
            'root': str(getattr(part, 'data_root', None) or ''),
            'images': len(part),
        }
        for part in getattr(dataset, 'datasets', [dataset])
    ]
