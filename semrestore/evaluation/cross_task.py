"""Run every denoiser before every task at every noise level. Finished cells are not run again."""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from semrestore.config.check import check_inputs, frozen_networks
from semrestore.config.libraries import config_path, library_model, read_config
from semrestore.config.load import load_config
from semrestore.corruptions import condition
from semrestore.degradations import image_generator
from semrestore.errors import UserError, explained
from semrestore.evaluation.bench import NO_NOISE, Bench
from semrestore.evaluation.matrix import Cell
from semrestore.evaluation.methods import LEFT_ALONE, UNTOUCHED, Method
from semrestore.evaluation.rows import Rows, evenly
from semrestore.files import sha256
from semrestore.registry import DATASETS, MODELS

__all__ = [
    'clean_row',
    'corruption_noises',
    'gaussian_noises',
    'named_noise',
    'run_cells',
    'stored_conditions',
    'task_configs',
]


def gaussian_noises(sigmas: Sequence[float]) -> dict[float | str, dict]:
    """Return degradations by noise level, as :func:`run_cells` takes them."""
    return {sigma: dict(type='GaussianNoise', sigma=sigma) for sigma in sigmas}


def corruption_noises(
    corruptions: Sequence[str], severities: Sequence[int]
) -> tuple[dict[float | str, dict], dict[tuple[str, int | None], str]]:
    """Return ImageNet-C's corruptions as rows of the matrix.

    Returns:
        Degradations by name, as :func:`run_cells` takes them; and these names by corruption and severity, as
        :func:`~semrestore.evaluation.robustness.robustness` takes them.
    """
    noises: dict[float | str, dict] = {}
    names: dict[tuple[str, int | None], str] = {}
    for name in corruptions:
        for severity in sorted(severities):
            names[name, severity] = row = condition(name, severity)
            noises[row] = dict(type='ImageNetC', corruption=name, severity=severity)
    return noises, names


def stored_conditions(tasks: Mapping[str, Config]) -> dict[tuple[str, int | None], str]:
    """Return the rows of data that are stored degraded, by corruption and severity; empty for other data.

    Raises:
        UserError: Some of the tasks have such data and others do not, or not the same rows.
    """
    found = [
        tuple(_dataset(cfg).conditions) if hasattr(DATASETS.get(cfg.test_dataloader.dataset.type), 'conditions') else ()
        for cfg in tasks.values()
    ]
    if any(one != found[0] for one in found):
        names = ', '.join(tasks)
        raise UserError(
            f'--tasks: {names} have different corrupted images; expected the same. Run them one after the other'
        )
    return {key: condition(*key) for key in found[0]}


def clean_row() -> dict[float | str, dict]:
    """Return the row of clean images, without the methods that need a noise level."""
    return {UNTOUCHED: dict(NO_NOISE)}


def named_noise(path: str, option: str) -> dict:
    """Return the degradation that a config file sets.

    Raises:
        UserError: The file has none, or it does not build; the message names ``option``.
    """
    with explained(f"{option}: config '{path}' cannot be read"):
        degradation = read_config(config_path(path)).get('degradation')
    if not degradation:
        raise UserError(
            f"{option}: config '{path}' sets no degradation; expected one like those in configs/_base_/degradations"
        )
    degradation.pop('_delete_', None)
    with explained(f"{option}: the degradation of '{path}' does not build"):
        MODELS.build(dict(degradation))
    return degradation.to_dict()


def task_configs(path: str, options: Sequence[str] = ()) -> dict[str, Config]:
    """Load a config of task networks and their test data.

    Returns:
        A config a network: of the config's file name, or, where it has several networks, ``FILE-NETWORK``. Of several
        those count that a task loss listens to.

    Raises:
        UserError: It has no task or no test data.
    """
    cfg = load_config(path, options)
    if not cfg.get('test_dataloader') or not frozen_networks(cfg):
        missing = 'test_dataloader' if frozen_networks(cfg) else 'model.task'
        raise UserError(f"config '{path}' has no {missing}; expected a task and its test data")
    check_inputs(cfg, 'test_dataloader')
    judges = {loss.get('task') for loss in (cfg.model.get('losses') or {}).values() if _asks_a_task(loss)}
    cfg.model.losses = None  # nothing is trained
    several = cfg.model.pop('tasks', None)
    if not several:
        return {Path(path).stem: cfg}
    found = {}
    for name, network in several.items():
        if name in judges or not judges:
            found[f'{Path(path).stem}-{name}'] = one = copy.deepcopy(cfg)
            one.model.task = network
    return found


def _asks_a_task(loss: dict) -> bool:
    return getattr(MODELS.get(str(loss.get('type'))), 'needs_task_loss', False)


def run_cells(
    tasks: Mapping[str, Config],
    methods: Sequence[Method],
    noises: Mapping[float | str, dict],
    folder: Path,
    limits: Mapping[str, int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> list[Cell]:
    """Return the cells of the matrix, after running those that are missing in a folder.

    Args:
        tasks: What :func:`task_configs` returned.
        methods: The denoisers.
        noises: Configs of degradations, by noise level on 0..255 or by name.
        folder: Where the cells are kept.
        limits: How many images a slow method runs on, by its name.
        dtype: What learned denoisers compute in; the task networks stay in float32.

    Raises:
        UserError: Data or weights are missing or do not fit, a stored cell is damaged, or a method needs the noise
            level in a row that has none.
    """
    groups: dict[str, dict[str, Config]] = {}  # tasks whose networks share each restored image
    for name, cfg in tasks.items():
        _check_levels(methods, noises, cfg.model.denoiser)
        model = {key: value for key, value in cfg.model.items() if key != 'task'}
        groups.setdefault(_digest([model, cfg.test_dataloader]), {})[name] = cfg
    return [cell for group in groups.values() for cell in _cells(group, methods, noises, limits or {}, folder, dtype)]


def _check_levels(methods: Sequence[Method], noises: Mapping, default: dict) -> None:
    """Raise an error for a method that needs the noise level in a row that has none, before anything runs."""
    named = {name: noise for name, noise in noises.items() if isinstance(name, str) and name != UNTOUCHED}
    for method in methods if named else ():
        if method.name in LEFT_ALONE:
            continue
        with explained(f"the denoiser of '{method.name}' does not build"):
            needs_sigma = method.build(default, next(iter(named))).needs_sigma
        if needs_sigma and (unknown := next((name for name, noise in named.items() if not _has_level(noise)), None)):
            raise UserError(
                f"'{method.name}' needs the noise level, but the row '{unknown}' has none; expected a blind denoiser."
                ' Take one, such as blind=multiscale-blind, or leave the method out'
            )


def _has_level(noise: dict) -> bool:
    degradation = MODELS.build(dict(noise))
    if degradation.takes_pairs:
        return False
    generators = [image_generator(0, str(index)) for index in range(32)]  # a mixture draws its choice for each
    return degradation(torch.full((len(generators), 3, 64, 64), 0.5), generators).sigma is not None


def _cells(
    group: Mapping[str, Config],
    methods: Sequence[Method],
    noises: Mapping,
    limits: Mapping,
    folder: Path,
    dtype: torch.dtype,
) -> Iterator[Cell]:
    example = next(iter(group.values()))
    dataset = _dataset(example)
    bench = None
    stored_rows = _stored_rows(dataset)
    data = ''
    for method in methods:
        # Clean images are the same at every noise level.
        rows_of: Sequence = [None] if method.name == 'clean' else list(noises)
        if UNTOUCHED in rows_of and not method.takes_clean_images(example.model.denoiser):
            rows_of = [name for name in rows_of if name != UNTOUCHED]
        for sigma in rows_of:
            members = stored_rows.get(str(sigma), range(len(dataset)))
            indices = [members[index] for index in evenly(len(members), limits.get(method.name))]
            level = f'-{sigma}' if isinstance(sigma, str) else '' if sigma is None else f'-sigma{sigma:g}'
            if not data or stored_rows:  # a cell of stored images is of one corruption, whichever others there are
                data = _data_digest(example, dataset, indices if stored_rows else range(len(dataset)))
            stored = {}
            for name, cfg in group.items():
                origin = _origin(cfg, data, method, sigma, len(indices))
                if isinstance(sigma, str):
                    origin['degradation'] = noises[sigma]
                if dtype != torch.float32 and method.name not in LEFT_ALONE:
                    origin['dtype'] = str(dtype)
                stored[name] = Rows(folder / f'{name}-{method.name}{level}.jsonl', origin)
            open_cells: dict[int, dict[str | None, Rows]] = {}
            for name, rows in stored.items():
                if not rows.complete:
                    open_cells.setdefault(len(rows.rows), {})[name] = rows
            for cells in open_cells.values():
                bench = bench or _bench(group, dataset, dtype)
                label = f'{" ".join(map(str, cells))}-{method.name}{level}'
                bench.run(label, cells, method, sigma, noises.get(sigma), indices)
            for name, rows in stored.items():
                paths = dict(config=group[name].filename, checkpoint=method.named(sigma))
                cell = Cell(name, method.name, sigma, indices, rows.rows, paths | rows.origin)
                with explained(f"'{rows.path}' does not hold what images scored; remove it to measure them again"):
                    for metric in cell.score.metrics:
                        cell.value(metric)
                yield cell


def _stored_rows(dataset: Any) -> dict[str, list[int]]:
    """Return the images of each row by name, for data that are stored degraded."""
    return {condition(*key): indices for key, indices in getattr(dataset, 'conditions', {}).items()}


def _bench(group: Mapping[str, Config], dataset: Any, dtype: torch.dtype) -> Bench:
    example = next(iter(group.values()))
    model = {key: value for key, value in example.model.items() if key != 'task'}
    model['tasks'] = {name: cfg.model.task for name, cfg in group.items()}
    loader = {key: example.test_dataloader.get(key, default) for key, default in _LOADER.items()}
    return Bench(model, dataset, f"config '{example.filename}'", dtype, **loader)


_LOADER = dict(batch_size=1, num_workers=0)


def _dataset(cfg: Config) -> Any:
    with (
        DefaultScope.overwrite_default_scope('semrestore'),
        explained(f"the test data of config '{cfg.filename}' cannot be used"),
    ):
        # From a copy, because libraries change the configs that they build.
        return DATASETS.build(copy.deepcopy(cfg.test_dataloader.dataset))


def _origin(cfg: Config, data: str, method: Method, sigma: float | str | None, images: int) -> dict:
    """Return what a cell's figures depend on, by content and not by path."""
    checkpoint = method.at(sigma)
    task = cfg.model.task
    network = task.get('model')
    return dict(
        model_sha256=_digest([cfg.model, library_model(network) if str(network).endswith('.py') else None]),
        data_sha256=data,
        task_weights_sha256=[_content(task.get(key)) for key in ('checkpoint', 'network')],
        denoiser=json.loads(json.dumps(method.denoiser(cfg.model.denoiser, sigma), default=str)),
        checkpoint_sha256=sha256(checkpoint) if checkpoint else None,
        seed=cfg.model.get('evaluation_seed', 0),
        images=images,
    )


def _data_digest(cfg: Config, dataset: Any, indices: Sequence[int]) -> str:
    """Return a digest of how data are loaded, and of the path, the label and the files of each image."""
    data = dict(cfg.test_dataloader.dataset)
    if hasattr(dataset, 'conditions'):  # these say which images there are, and not how they are loaded
        data = {key: value for key, value in data.items() if key not in ('clean', 'corruptions', 'severities')}
    if hasattr(dataset, 'datasets'):
        infos = [part.get_data_info(index) for part in dataset.datasets for index in range(len(part))]
    else:
        infos = [dataset.get_data_info(index) for index in indices]
    kept = [{key: value for key, value in info.items() if key != 'sample_idx'} for info in infos]
    return _digest([data, kept, [_stamps(info) for info in infos]])


def _stamps(info: Mapping) -> list:
    """Return the size and the time of an image's files, which change if another file takes their place."""
    paths = [Path(str(info[key])) for key in ('img_path', 'seg_map_path') if info.get(key)]
    states = [path.stat() for path in paths if path.is_file()]
    return [(state.st_size, state.st_mtime_ns) for state in states]


def _content(source: str | None) -> object:
    """Return digests of a file, or of the files in a folder; a name or a URL as it is."""
    path = Path(source or '').expanduser()
    if not source or not path.exists():
        return source
    files = [path] if path.is_file() else sorted(file for file in path.rglob('*') if file.is_file())
    return [(file.relative_to(path).as_posix(), sha256(file)) for file in files]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
