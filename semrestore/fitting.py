"""Train and measure denoisers for a user's own network, on a folder of photos, without a config."""

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from semrestore.config.keys import top_level
from semrestore.config.load import load_config
from semrestore.config.named import NamedTask
from semrestore.engine.optim_wrapper import bf16_is_fast, with_bf16
from semrestore.engine.training import train
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.evaluation.cross_task import named_noise, run_cells
from semrestore.evaluation.matrix import Matrix
from semrestore.evaluation.methods import Method, parse_method
from semrestore.files import replacing, write_text
from semrestore.images.listing import images_below
from semrestore.images.split import Split
from semrestore.registry import DATASETS, MODELS
from semrestore.visualization.panel import Tile, save_panel
from semrestore.weights.build import build_denoiser, denoiser_config
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record
from semrestore.weights.zoo import published

__all__ = ['check', 'draw_examples', 'fit', 'noise_config', 'published_for', 'save_fitted']

RECIPE = 'semrestore::joint/own_photos.py'
NAMED_NOISES = dict(camera='camera', sensor='poisson_gaussian', jpeg='noisy_jpeg', universal='universal')
CROP = 128
CACHED_BYTES = 2e9
TRIAL_STEPS = 6
NOISE = 'noise'


def noise_config(text: str) -> dict:
    """Return the degradation that a text names: ``25``, ``0-60``, ``camera``, ``sensor``, ``jpeg``, ``universal``.

    A config file that sets ``degradation`` is taken, too.

    Raises:
        UserError: The text is not a noise.
    """
    if text in NAMED_NOISES:
        return named_noise(f'semrestore::_base_/degradations/{NAMED_NOISES[text]}.py', '--noise')
    if text.endswith('.py'):
        return named_noise(text, '--noise')
    low, _, high = text.partition('-')
    try:
        levels = [float(low), float(high or low)]
    except ValueError:
        known = ', '.join(NAMED_NOISES)
        raise UserError(
            f"--noise: '{text}' is not a noise; expected a level such as 25, a range such as 0-60, {known}, or a config"
        ) from None
    if not 0 <= levels[0] <= levels[1] <= 255:
        raise UserError(f"--noise: '{text}' is not a range of levels; expected LOW-HIGH within 0 to 255")
    return dict(type='GaussianNoise', sigma=tuple(levels), grey=True)


def check(
    named: NamedTask, split: Split, noise: dict, denoisers: Sequence[str], folder: Path | None = None
) -> list[dict]:
    """Measure denoisers before a network on held-out photos, by the agreement with its answer on the clean photo.

    Args:
        named: The network.
        split: Of the photos. Without photos for training, all are measured on.
        noise: Config of the degradation.
        denoisers: As the matrix names them: ``noisy``, ``NAME=CHECKPOINT``.
        folder: Where what each image scored is kept; by default nowhere.

    Returns:
        A dict a denoiser, as the cross-task matrix has them: ``method``, ``value`` (percent), ``low`` and ``high``,
        ``psnr``, ``helped``, ``harmed``, ``images``.
    """
    methods = [parse_method(text, '--denoisers') for text in denoisers]
    cfg = _config(named, split, noise)
    if not split.train:
        cfg.test_dataloader.dataset.part = None
    if folder is not None:
        return _records(cfg, methods, noise, folder)
    with tempfile.TemporaryDirectory() as temporary:
        return _records(cfg, methods, noise, Path(temporary))


def _records(cfg: Config, methods: Sequence[Method], noise: dict, folder: Path) -> list[dict]:
    cfg.model.losses = None
    cells = run_cells({'network': cfg}, methods, {NOISE: noise}, folder)
    records = Matrix(cells, [NOISE]).records()
    return [record for record in records if record['metric'] == records[0]['metric']]


def fit(
    named: NamedTask,
    split: Split,
    noise: dict,
    work_dir: Path,
    start: str,
    minutes: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
) -> tuple[Config, str]:
    """Train a published denoiser further for a network, by the network's own labels on clean photos.

    Args:
        named: The network.
        split: Of the photos.
        noise: Config of the degradation to train on; a tenth of the images is clean or nearly so besides.
        work_dir: Folder for the log and the checkpoints.
        start: Weights to start from.
        minutes: How long the training may take. A few steps are timed first.
        iterations: How many steps instead.
        seed: Of the training.

    Returns:
        The config that was run, and the checkpoint.
    """
    mixture = dict(
        type='RandomDegradation',
        choices=[noise, dict(type='GaussianNoise', sigma=(0, 5), grey=True)],
        weights=[0.9, 0.1],
    )
    cfg = _config(named, split, mixture)
    cfg.model.denoiser = denoiser_config(start, cfg.model.denoiser)
    cfg.load_from, cfg.randomness = start, dict(seed=seed)
    if bf16_is_fast():
        cfg.optim_wrapper = with_bf16(cfg.optim_wrapper)
    if iterations is None:
        assert minutes is not None
        iterations = max(10, int(60 * minutes / _seconds_a_step(cfg)))
    _length(cfg, iterations)
    cfg.work_dir = str(work_dir)
    run = _copy(cfg)
    run.custom_hooks.append(dict(type='ProgressHook', title='fitting'))
    run.log_level = 'WARNING'
    run.default_hooks.pop('preemption')  # it would say how to resume, but the folder is a temporary one
    train(run)
    return cfg, str(work_dir / f'iter_{iterations}.pth')


def _seconds_a_step(cfg: Config) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trial = _copy(cfg)
        _length(trial, TRIAL_STEPS)
        trial.work_dir, trial.default_hooks.logger.interval, trial.log_level = folder, 1, 'WARNING'
        trial.default_hooks.checkpoint = None
        train(trial)
        (log,) = Path(folder).glob('*/vis_data/scalars.json')
        times = [json.loads(line)['time'] for line in log.read_text().splitlines() if '"loss"' in line]
    return statistics.median(times[TRIAL_STEPS // 2 :])


def _copy(cfg: Config) -> Config:
    return Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)


def _length(cfg: Config, iterations: int) -> None:
    warm_up = max(1, iterations // 20)
    end = max(iterations, warm_up + 1)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=10 * iterations)
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, begin=0, end=warm_up, by_epoch=False),
        dict(
            type='CosineAnnealingLR',
            eta_min_ratio=1e-3,
            begin=warm_up,
            end=end,
            T_max=end - warm_up,
            by_epoch=False,
        ),
    ]
    # The moving average spans a fiftieth of the run, so that short runs have a useful one, too.
    cfg.custom_hooks = [dict(type='EMAHook', momentum=min(0.1, 50 / iterations), update_buffers=True)]


def _config(named: NamedTask, split: Split, noise: Mapping[str, Any]) -> Config:
    """Return the training config for a network, photos and noise."""
    cfg = load_config(RECIPE)
    for name in [name for name in cfg if name not in top_level() and name != 'default_scope']:
        cfg.pop(name)  # the recipe's own variables, which have no effect here
    cfg.model['task'] = dict(named.task)
    cfg.model['supervision'] = 'soft' if named.soft else 'self'
    cfg.model['degradation'] = dict(noise)
    train, held_out = cfg.train_dataloader.dataset.dataset, cfg.test_dataloader.dataset
    for part in (train, held_out):
        part.folder = str(split.folder.resolve())
        _, resize, crop, *_ = part.pipeline
        resize.update(scale=named.short_side, interpolation=named.interpolation)
        crop.crop_size = named.side
    train.pipeline[0].cache = _fits_in_memory(split)
    train.pipeline[2].crop_size = named.side if named.fixed_size else min(CROP, named.side)
    if named.train_pipeline and named.test_pipeline:
        train.pipeline, held_out.pipeline = list(named.train_pipeline), list(named.test_pipeline)
    if named.preprocessor:
        cfg.model['data_preprocessor'] = dict(named.preprocessor)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    return cfg


def _fits_in_memory(split: Split) -> bool:
    from PIL import Image

    total = 0
    for path in images_below(split.folder):
        try:
            with Image.open(path) as image:
                total += 3 * image.width * image.height
        except (OSError, Image.DecompressionBombError):
            continue  # the loader names it
        if total > CACHED_BYTES:
            return False
    return True


def published_for(noise: dict) -> list[str]:
    """Return the published denoisers that may serve for a noise, as ``NAME=zoo:NAME``. A fit starts from the last.

    White noise has ``multiscale-blind`` and ``recognition-blind``. Other noise also has the weights that know a
    camera's.
    """
    names = ['multiscale-blind', 'recognition-blind']
    if noise['type'] != 'GaussianNoise':
        names += ['multiscale-real', 'recognition-universal']
    return [f'{name}=zoo:{name}' for name in names if name in published()]


def save_fitted(cfg: Config, checkpoint: str, split: Split, out: Path) -> None:
    """Write the results of a fit: the denoiser and its config."""
    with replacing(out) as partial:
        denoiser = build_denoiser(None, checkpoint)
        state = {f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}
        save_weights(state, partial, {**(denoiser_record(cfg.model.denoiser) or {}), 'load_from': cfg.load_from})
    own = _copy(cfg)
    own.pop('work_dir', None)
    folder = repr(str(split.folder.resolve()))
    text = own.pretty_text.replace(f'folder={folder}', 'folder=photos')
    write_text(out.with_suffix('.py'), f'photos = {folder}\n{text}')


def draw_examples(named: NamedTask, split: Split, noise: dict, denoisers: Sequence[str], path: Path) -> None:
    """Draw three held-out photos: noisy, restored by each denoiser, and clean."""
    cfg = _config(named, split, noise)
    cfg.model.losses = None
    with DefaultScope.overwrite_default_scope('semrestore'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        cascade = MODELS.build({**cfg.model, 'denoiser': dict(type='Identity')}).eval()
    items = [dataset[index] for index in range(min(3, len(dataset)))]
    batch = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
    rows: list[list[Tile]] = [[] for _ in items]
    methods = [parse_method(text, '--denoisers') for text in denoisers]
    for method in methods:
        cascade.denoiser = method.build(dict(cfg.model.denoiser), NOISE)
        for row, sample in zip(rows, cascade.test_step(batch), strict=True):
            quality = psnr(to_8_bit(sample.restored), to_8_bit(sample.clean))
            good = bool(sample.pred_label == sample.gt_label) if 'gt_label' in sample else None
            row.append(Tile(sample.restored, f'{quality:.1f} dB', good))
            if method is methods[-1]:
                row.append(Tile(sample.clean))
    with replacing(path) as partial:
        save_panel(rows, [*(method.name for method in methods), 'clean'], partial)
