"""Put every denoiser before every task at every noise level: the matrix of the paper's Tables IV and V.

A denoiser is one of

  noisy, clean        the noisy images themselves, the clean ones
  bm3d                a method without weights, by the name of its class in any case
  NAME=CHECKPOINT     the denoiser of each task's config with these weights; {sigma} in the path stands for the noise level
  NAME=CONFIG:CHECKPOINT, NAME=CONFIG    the denoiser of that config, with weights or without
"""

import argparse
import copy
import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semrestore.commands.common import load_quietly
from semrestore.errors import UserError, near

LEFT_ALONE = ('noisy', 'clean')


@dataclass(frozen=True)
class Method:
    """A column of the matrix, as the command line names it."""

    name: str
    config: str | None = None  # of a denoiser other than the task config's
    kind: str | None = None  # class of a denoiser without weights
    checkpoint: str | None = None

    def at(self, sigma: float) -> str | None:
        """Return the checkpoint for a noise level."""
        return self.checkpoint and self.checkpoint.replace('{sigma}', f'{sigma:g}')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog='cross_task.py', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tasks', nargs='+', required=True, metavar='CONFIG', help='configs whose task and test data are used')
    parser.add_argument('--denoisers', nargs='+', required=True, metavar='DENOISER', help='columns, see above')
    parser.add_argument('--sigma', nargs='+', type=float, default=[15, 30, 45, 60], metavar='S', help="noise levels (default: the paper's)")
    parser.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for the matrix; what it already holds is not run again'
    )
    parser.add_argument('--limit', nargs='+', default=[], metavar='DENOISER=N', help='run a slow method on N images, evenly spread')
    parser.add_argument('--reference', metavar='NAME', help='compare the other columns with this one, image by image')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/cross_task.py``."""
    from semrestore.evaluation.matrix import Matrix, markdown

    options = parse(arguments)
    methods = [_method(text) for text in options.denoisers]
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise UserError(f'--denoisers names {next(name for name in names if names.count(name) > 1)} twice')
    limits = _limits(options.limit, names)
    if options.reference and options.reference not in names:
        raise UserError(f"--reference is '{options.reference}', which is none of the denoisers.{near(options.reference, names)}")
    for sigma in options.sigma:
        if not 0 < sigma < float('inf'):
            raise UserError(f'--sigma is {sigma:g}; expected a number above 0')
    sigmas = list(dict.fromkeys(options.sigma))
    configs = {Path(path).stem: path for path in options.tasks}
    if len(configs) < len(options.tasks):
        raise UserError('--tasks names two configs of one file name, which is what the matrix calls a task by')
    _check_checkpoints(methods, sigmas)
    tasks = {name: _task_config(path) for name, path in configs.items()}
    cells = [cell for name, cfg in tasks.items() for cell in _cells(name, cfg, methods, sigmas, limits, options.out / 'cells')]
    records = Matrix(cells, sigmas, options.reference).records()
    text = markdown(records, options.reference)
    write(options.out, records, [dict(task=cell.task, method=cell.method, sigma=cell.sigma, **cell.origin) for cell in cells], text)
    print(text)
    print(f'{options.out}: matrix.md, matrix.csv, matrix.json, matrix.png')


def write(out: Path, records: Sequence[dict], origins: Sequence[dict], text: str) -> None:
    """Write the matrix as Markdown, CSV, JSON and a plot."""
    from semrestore.visualization import draw_matrix

    (out / 'matrix.md').write_text(text, encoding='utf-8')
    (out / 'matrix.json').write_text(json.dumps(dict(records=records, cells=origins), indent=2, allow_nan=False) + '\n', encoding='utf-8')
    with open(out / 'matrix.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, dict.fromkeys(key for record in records for key in record))
        writer.writeheader()
        writer.writerows(records)
    draw_matrix(records, out / 'matrix.png')


def _method(text: str) -> Method:
    name, separator, source = text.partition('=')
    if not separator:
        if text in LEFT_ALONE:
            return Method(text, kind='Identity')
        return Method(text, kind=_without_weights(text))
    if not name or not source:
        raise UserError(f"--denoisers: '{text}' is not NAME=CHECKPOINT")
    if name in LEFT_ALONE:
        raise UserError(f"--denoisers: '{name}' is what the images themselves are called; choose another name")
    config, separator, checkpoint = source.partition('.py:')
    if separator:
        return Method(name, config=f'{config}.py', checkpoint=checkpoint)
    return Method(name, config=source) if source.endswith('.py') else Method(name, checkpoint=source)


def _without_weights(text: str) -> str:
    from semrestore import denoisers
    from semrestore.registry import MODELS

    MODELS.import_from_location()
    known = {kind.lower(): kind for kind, built in MODELS.module_dict.items() if issubclass(built, denoisers.Denoiser)}
    if text.lower() not in known:
        hint = near(text.lower(), [*known, *LEFT_ALONE])
        raise UserError(f"--denoisers: there is no denoiser '{text}'.{hint} One with weights is NAME=CHECKPOINT")
    kind = known[text.lower()]
    if any(True for _ in MODELS.build(dict(type=kind)).parameters()):
        raise UserError(f'--denoisers: {kind} needs weights: NAME=CHECKPOINT, or NAME=CONFIG:CHECKPOINT')
    return kind


def _limits(texts: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    limits = {}
    for text in texts:
        name, _, count = text.partition('=')
        if name not in names or not count.isdigit() or int(count) < 1:
            raise UserError(f"--limit: '{text}' is not DENOISER=N with one of {', '.join(names)} and a count of at least 1")
        limits[name] = int(count)
    return limits


def _check_checkpoints(methods: Sequence[Method], sigmas: Sequence[float]) -> None:
    for method in methods:
        for sigma in sigmas if method.checkpoint else ():
            if not Path(method.at(sigma)).is_file():
                raise UserError(f"the checkpoint of '{method.name}' at sigma {sigma:g}, '{method.at(sigma)}', does not exist")


def _task_config(path: str):
    from semrestore.config import check_inputs

    cfg = load_quietly(path)
    if not cfg.get('test_dataloader') or not cfg.model.get('task'):
        raise UserError(
            f"config '{path}' has no {'test_dataloader' if cfg.model.get('task') else 'model.task'}, so it is no task to test on"
        )
    check_inputs(cfg, 'test_dataloader')
    cfg.model.losses = None
    return cfg


def _cells(name: str, cfg, methods: Sequence[Method], sigmas: Sequence[float], limits: dict[str, int], folder: Path) -> Iterator:
    """Yield the cells of one task: those that the folder holds, and those that have to be run, for which its network is built."""
    from semrestore.evaluation.matrix import Cell

    bench = None
    for method in methods:
        # Clean images are the same at every noise level.
        for sigma in [None] if method.name == 'clean' else sigmas:
            denoiser = _denoiser(cfg, method)
            origin = _origin(cfg, method, denoiser, sigma, limits.get(method.name))
            label = f'{name}-{method.name}' + (f'-sigma{sigma:g}' if sigma is not None else '')
            path = folder / f'{label}.jsonl'
            stored = _Rows(path, origin)
            if not stored.complete:
                bench = bench or _Bench(copy.deepcopy(cfg))  # libraries write into the configs that they build
                bench.run(label, stored, denoiser, sigma, method, limits.get(method.name))
            yield Cell(name, method.name, sigma, stored.images, stored.rows, origin)


def _denoiser(cfg, method: Method) -> dict:
    if method.kind:
        return dict(type=method.kind)
    return dict(load_quietly(method.config).model.denoiser if method.config else cfg.model.denoiser)


def _origin(cfg, method: Method, denoiser: dict, sigma: float | None, limit: int | None) -> dict:
    """Return what a cell's numbers depend on; a stored cell of another origin is run again."""
    from semrestore.checkpoint import sha256

    checkpoint = method.at(sigma) if sigma is not None else None
    weights = cfg.model.task.get('checkpoint')
    parts = dict(model=cfg.model, data=cfg.test_dataloader.dataset)
    return dict(
        config=cfg.filename,
        config_sha256=hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest(),
        task_weights_sha256=sha256(weights) if weights and Path(weights).is_file() else weights,
        denoiser=json.loads(json.dumps(denoiser, default=str)),
        checkpoint=checkpoint,
        checkpoint_sha256=sha256(checkpoint) if checkpoint else None,
        seed=cfg.model.get('evaluation_seed', 0),
        limit=limit,
    )


class _Rows:
    """The rows of one cell in a file, one line an image behind a line of origin, so that an interrupted cell goes on where it stopped."""

    def __init__(self, path: Path, origin: dict) -> None:
        self.path = path
        self.images: list[str] = []
        self.rows: list[dict] = []
        self.complete = False
        lines = self._read()
        if lines and lines[0] == origin:
            for line in lines[1:]:
                self.complete |= 'complete' in line
                if 'image' in line:
                    self.images.append(line.pop('image'))
                    self.rows.append(line)
            lines = [origin, *(dict(image=image, **row) for image, row in zip(self.images, self.rows, strict=True))]
        else:
            lines = [origin]
        if not self.complete:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix('.part')  # without what a killed run may have left of its last line
                partial.write_text(''.join(f'{json.dumps(line)}\n' for line in lines), encoding='utf-8')
                os.replace(partial, path)
            except OSError as error:
                raise UserError(f"'{path}' cannot be written: {error}") from None

    def add(self, image: str, row: dict) -> None:
        """Append what an image scored."""
        self.images.append(image)
        self.rows.append(row)
        self._append(dict(image=image, **row))

    def finish(self) -> None:
        """Mark the cell as complete."""
        self._append(dict(complete=True))
        self.complete = True

    def _append(self, line: dict) -> None:
        with open(self.path, 'a', encoding='utf-8') as file:
            file.write(f'{json.dumps(line)}\n')

    def _read(self) -> list[dict]:
        lines = []
        if self.path.is_file():
            for text in self.path.read_text(encoding='utf-8').splitlines():
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break
        return lines


class _Bench:
    """A task's network and test data, before which one denoiser after the other is put."""

    def __init__(self, cfg) -> None:
        from mmengine.device import get_device
        from mmengine.registry import DefaultScope

        from semrestore.registry import DATASETS, MODELS

        self.cfg = cfg
        with DefaultScope.overwrite_default_scope('semrestore'):
            self.dataset = DATASETS.build(cfg.test_dataloader.dataset)
            self.cascade = MODELS.build(cfg.model).eval().to(get_device())
        if cfg.model.get('supervision', 'labels') == 'labels':
            classes, known = self.dataset.metainfo.get('classes'), getattr(self.cascade.task, 'num_classes', None)
            if classes and known and len(classes) > known:
                raise UserError(f"config '{cfg.filename}': the data have {len(classes)} classes, the task network {known}")

    def run(self, label: str, stored: _Rows, denoiser: dict, sigma: float | None, method: Method, limit: int | None) -> None:
        """Run the images that the cell lacks and store what they scored."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from semrestore.cascade import image_name
        from semrestore.checkpoint import load_denoiser
        from semrestore.evaluation import psnr, to_8_bit
        from semrestore.evaluation.matrix import score
        from semrestore.registry import MODELS

        self.cascade.denoiser = MODELS.build(denoiser).eval().to(next(iter(self.cascade.task.buffers())).device)
        if method.checkpoint:
            load_denoiser(self.cascade, method.at(sigma))
        self.cascade.degradation = MODELS.build(dict(type='GaussianNoise', sigma=sigma or 0))
        count = len(self.dataset)
        chosen = range(count) if limit is None or limit >= count else [int(i * count / limit) for i in range(limit)]
        remaining = list(chosen)[len(stored.rows) :]
        columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        terminal = shutil.get_terminal_size().columns
        with Progress(*columns, console=Console(stderr=True, width=max(terminal, 80)), transient=False) as progress:
            bar = progress.add_task(label, total=len(chosen), completed=len(stored.rows))
            for batch in self._loader(remaining):
                for sample in self.cascade.test_step(batch):
                    restored, clean = to_8_bit(sample.restored), to_8_bit(sample.clean)
                    quality = None if method.name == 'clean' else psnr(restored, clean)
                    stored.add(image_name(sample), score(sample, self.cascade.task.num_classes) | dict(psnr=quality))
                    progress.advance(bar)
        stored.finish()

    def _loader(self, indices: Sequence[int]):
        from mmengine.dataset import pseudo_collate
        from torch.utils.data import DataLoader, Subset

        settings = self.cfg.test_dataloader
        return DataLoader(
            Subset(self.dataset, indices),
            batch_size=settings.get('batch_size', 1),
            num_workers=settings.get('num_workers', 0),
            collate_fn=pseudo_collate,
        )
