"""Put every denoiser before every task at every noise level: the matrix of the paper's Tables IV and V.

A denoiser is one of

  noisy, clean        the noisy images themselves, the clean ones
  bm3d                a method without weights, by the name of its class in any case
  NAME=CHECKPOINT     the denoiser of each task's config with these weights; {sigma} in the path stands for the noise level
  NAME=CONFIG:CHECKPOINT, NAME=CONFIG    the denoiser of that config, with weights or without
"""

import argparse
import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from semrestore.commands.cells import Method, Rows, check_sources, evenly, parse_limits, parse_method, predictions
from semrestore.commands.common import explained, load_quietly
from semrestore.errors import UserError, near
from semrestore.files import replacing, write_csv, write_text

PAPER_SIGMAS = (15, 30, 45, 60)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tasks', nargs='+', required=True, metavar='CONFIG', help='configs whose task and test data are used')
    parser.add_argument('--denoisers', nargs='+', required=True, metavar='DENOISER', help='columns, see above')
    parser.add_argument('--sigma', nargs='+', type=float, metavar='S', help="noise levels (default: the paper's, or none with --noise)")
    parser.add_argument(
        '--noise', nargs='+', default=[], metavar='NAME=CONFIG', help='rows of other noise: configs that set degradation (configs/_base_)'
    )
    parser.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for the matrix; what it already holds is not run again'
    )
    parser.add_argument('--limit', nargs='+', default=[], metavar='DENOISER=N', help='run a slow method on N images, evenly spread')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override parts of every task config')
    parser.add_argument('--reference', metavar='NAME', help='compare the other columns with this one, image by image')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/cross_task.py``."""
    from semrestore.evaluation.matrix import Matrix, markdown

    options = parse(arguments)
    methods = [parse_method(text, '--denoisers') for text in options.denoisers]
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise UserError(f'--denoisers names {next(name for name in names if names.count(name) > 1)} twice')
    limits = parse_limits(options.limit, names)
    if options.reference and options.reference not in names:
        raise UserError(f"--reference is '{options.reference}', which is none of the denoisers.{near(options.reference, names)}")
    noises = parse_noises(options.sigma, options.noise)
    configs = {Path(path).stem: path for path in options.tasks}
    if len(configs) < len(options.tasks):
        raise UserError('--tasks names two configs of one file name, which is what the matrix calls a task by')
    check_sources(methods, list(noises))
    tasks = {name: _task_config(path, options.cfg_options) for name, path in configs.items()}
    cells = [cell for name, cfg in tasks.items() for cell in _cells(name, cfg, methods, noises, limits, options.out / 'cells')]
    records = Matrix(cells, list(noises), options.reference).records()
    text = markdown(records, options.reference)
    write(options.out, records, [dict(task=cell.task, method=cell.method, sigma=cell.sigma, **cell.origin) for cell in cells], text)
    print(text)
    print(f'{options.out}: matrix.md, matrix.csv, matrix.json, matrix.png')


def parse_noises(sigmas: Sequence[float] | None, named: Sequence[str]) -> dict[float | str, dict]:
    """Return the rows of the matrix: a degradation's config by noise level or name."""
    from semrestore.degradations.base import LARGEST_SIGMA
    from semrestore.plugins import config_path, read_config
    from semrestore.registry import MODELS

    noises: dict[float | str, dict] = {}
    for sigma in ([] if named else PAPER_SIGMAS) if sigmas is None else sigmas:
        if not 0 < sigma <= LARGEST_SIGMA:
            raise UserError(f'--sigma is {sigma:g}; expected a number above 0, at most {LARGEST_SIGMA:g}')
        noises[sigma] = dict(type='GaussianNoise', sigma=sigma)
    for text in named:
        name, _, path = text.partition('=')
        if not name or not path or name in noises:
            raise UserError(f"--noise: '{text}' is not NAME=CONFIG with a name of its own")
        with explained(f"--noise: config '{path}' cannot be read"):
            degradation = read_config(config_path(path)).get('degradation')
        if not degradation:
            raise UserError(f"--noise: config '{path}' sets no degradation, as those in configs/_base_/degradations do")
        degradation.pop('_delete_', None)
        with explained(f"--noise: the degradation of '{path}' does not build"):
            MODELS.build(dict(degradation))
        noises[name] = degradation.to_dict()
    return noises


def write(out: Path, records: Sequence[dict], origins: Sequence[dict], text: str) -> None:
    """Write the matrix as Markdown, CSV, JSON and a plot."""
    from semrestore.visualization import draw_matrix

    write_text(out / 'matrix.md', text)
    write_text(out / 'matrix.json', json.dumps(dict(records=records, cells=origins), indent=2, allow_nan=False) + '\n')
    write_csv(out / 'matrix.csv', records)
    with replacing(out / 'matrix.png') as path:
        draw_matrix(records, path)


def _task_config(path: str, options: Sequence[str]):
    from semrestore.config import check_inputs

    cfg = load_quietly(path, options)
    if not cfg.get('test_dataloader') or not cfg.model.get('task'):
        raise UserError(
            f"config '{path}' has no {'test_dataloader' if cfg.model.get('task') else 'model.task'}, so it is no task to test on"
        )
    cfg.model.losses = None
    cfg.model.pop('feature_network', None)  # nothing is trained
    check_inputs(cfg, 'test_dataloader')
    return cfg


def _cells(name: str, cfg, methods: Sequence[Method], noises: dict, limits: dict[str, int], folder: Path) -> Iterator:
    """Yield the cells of one task: those that the folder holds, and those that have to be run, for which its network is built."""
    from semrestore.evaluation.matrix import Cell

    dataset = _dataset(cfg)
    bench = None
    for method in methods:
        indices = evenly(len(dataset), limits.get(method.name))
        # Clean images are the same at every noise level.
        for sigma in [None] if method.name == 'clean' else noises:
            denoiser = method.denoiser(cfg.model.denoiser)
            origin = _origin(cfg, dataset, method, denoiser, sigma, indices)
            if isinstance(sigma, str):
                origin['degradation'] = noises[sigma]
            label = f'{name}-{method.name}' + ('' if sigma is None else f'-{sigma}' if isinstance(sigma, str) else f'-sigma{sigma:g}')
            stored = Rows(folder / f'{label}.jsonl', origin)
            if not stored.complete:
                bench = bench or _Bench(cfg, dataset)
                bench.run(label, stored, denoiser, sigma, method, indices, noises.get(sigma))
            paths = dict(config=cfg.filename, checkpoint=method.named(sigma))
            cell = Cell(name, method.name, sigma, indices, stored.rows, paths | origin)
            with explained(f"'{stored.path}' does not hold what images scored; remove it to measure them again"):
                _ = [cell.value(metric) for metric in cell.score.metrics]
            yield cell


def _dataset(cfg):
    from mmengine.registry import DefaultScope

    from semrestore.registry import DATASETS

    with DefaultScope.overwrite_default_scope('semrestore'), explained(f"the test data of config '{cfg.filename}' cannot be used"):
        # Of a copy: libraries write into the configs that they build.
        return DATASETS.build(copy.deepcopy(cfg.test_dataloader.dataset))


def _origin(cfg, dataset, method: Method, denoiser: dict, sigma: float | str | None, indices: Sequence[int]) -> dict:
    """Return what a cell's numbers depend on, by content and not by path; a stored cell of another origin is run again."""
    from semrestore.checkpoint import sha256

    checkpoint = method.at(sigma)
    weights = cfg.model.task.get('checkpoint')
    return dict(
        model_sha256=_digest(cfg.model),
        data_sha256=_digest([cfg.test_dataloader.dataset, _annotations(dataset)]),
        task_weights_sha256=sha256(weights) if weights and Path(weights).is_file() else weights,
        denoiser=json.loads(json.dumps(denoiser, default=str)),
        checkpoint_sha256=sha256(checkpoint) if checkpoint else None,
        seed=cfg.model.get('evaluation_seed', 0),
        images=len(indices),
    )


def _annotations(dataset) -> list:
    """Return what a data set knows of each image (its path and label), so that another list or other labels are noticed."""
    parts = getattr(dataset, 'datasets', [dataset])
    return [part.get_data_info(index) for part in parts for index in range(len(part))]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


class _Bench:
    """A task's network and test data, before which one denoiser after the other is put."""

    def __init__(self, cfg, dataset) -> None:
        from mmengine.device import get_device
        from mmengine.registry import DefaultScope

        from semrestore.registry import MODELS

        self.loader = dict(batch_size=cfg.test_dataloader.get('batch_size', 1), num_workers=cfg.test_dataloader.get('num_workers', 0))
        self.dataset = dataset
        with DefaultScope.overwrite_default_scope('semrestore'), explained(f"config '{cfg.filename}' does not build"):
            self.cascade = MODELS.build(copy.deepcopy(cfg.model)).eval().to(get_device())
        if not self.cascade.task.score:
            raise UserError(
                f"config '{cfg.filename}': {type(self.cascade.task).__name__} names no score, so the matrix has no figure for it"
            )
        classes, known = dataset.metainfo.get('classes'), self.cascade.task.num_classes
        if classes and known and len(classes) > known:
            raise UserError(f"config '{cfg.filename}': the data have {len(classes)} classes, the task network {known}")

    def run(
        self,
        label: str,
        stored: Rows,
        denoiser: dict,
        sigma: float | str | None,
        method: Method,
        indices: Sequence[int],
        noise: dict | None,
    ) -> None:
        """Run the images that the cell lacks and store what they scored."""
        from semrestore.cascade import image_name
        from semrestore.checkpoint import load_denoiser
        from semrestore.evaluation import psnr, to_8_bit
        from semrestore.registry import METRICS, MODELS

        cascade, task = self.cascade, self.cascade.task
        score = METRICS.build(dict(type=task.score))
        cascade.denoiser = MODELS.build(denoiser).eval().to(cascade.data_preprocessor.device)
        if method.checkpoint:
            load_denoiser(cascade, method.at(sigma))
        cascade.degradation = MODELS.build(dict(noise or dict(type='GaussianNoise', sigma=0)))
        for sample in predictions(cascade, self.dataset, indices, label, len(stored.rows), **self.loader):
            quality = None if method.name == 'clean' else psnr(to_8_bit(sample.restored), to_8_bit(sample.clean))
            row = score.row(sample, task.num_classes)
            try:
                json.dumps(row, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise UserError(f"{task.score}.row gives what JSON cannot hold for '{image_name(sample)}': {error}") from None
            stored.add(dict(image=image_name(sample), psnr=quality, score=task.score) | row)
