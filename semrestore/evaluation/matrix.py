"""The cross-task matrix: every denoiser before every task at every noise level, as in the paper's Tables IV and V.

What each image scored is kept, so that intervals can be drawn from images (a bootstrap) and methods compared on the
same ones.
"""

import json
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from semrestore.errors import UserError
from semrestore.evaluation.methods import noise_name
from semrestore.evaluation.scores import Score, helped_and_harmed
from semrestore.registry import METRICS


@dataclass
class Cell:
    """One method before one task at one noise level.

    Args:
        task: Name of the task.
        method: Name of the method.
        sigma: Noise level on 0..255, or the name of another noise; ``None`` for clean images.
        indices: Which images of the data set the rows are of, in their order.
        rows: What each image scored: ``psnr``, ``score`` (the name of a :class:`~semrestore.evaluation.Score`) and what
            that one's ``row`` returned.
        origin: Where the cell came from: config, checkpoint, seed.
    """

    task: str
    method: str
    sigma: float | str | None
    indices: list[int]
    rows: list[dict]
    origin: dict = field(default_factory=dict)

    @property
    def score(self) -> Score:
        """How the rows become figures."""
        name = self.rows[0]['score']
        kind = METRICS.module_dict.get(
            name
        )  # a registry would import a name with points in it, from whatever file the rows are
        if not (isinstance(kind, type) and issubclass(kind, Score)):
            raise UserError(f"'{name}' of the rows of '{self.method}' is no registered Score; is its plugin installed?")
        return kind()

    def value(self, metric: str) -> float:
        """Return a metric in percent."""
        return float(self.score.values(metric, self.rows, np.ones((1, len(self.rows))))[0])

    @property
    def psnr(self) -> float | None:
        """Mean PSNR in dB; ``None`` where images were left as they are."""
        values = [row['psnr'] for row in self.rows]
        return None if None in values else float(np.mean(values))

    def only(self, indices: Collection[int]) -> 'Cell':
        """Return the cell on some of its images."""
        kept = [position for position, index in enumerate(self.indices) if index in indices]
        return replace(
            self, indices=[self.indices[position] for position in kept], rows=[self.rows[position] for position in kept]
        )


def bootstrap(metric: str, *cells: Cell, seed: int = 0) -> list[np.ndarray]:
    """Return a metric in percent on resamples of the images, for each of several cells over the same images.

    Images that score alike are drawn together, as often as a multinomial says, which is the same distribution and for
    top-1 on 50,000 images a matter of milliseconds.
    """
    score = cells[0].score
    kinds: dict[str, list] = {}
    for rows in zip(*(cell.rows for cell in cells), strict=True):
        scored = [{key: value for key, value in row.items() if key not in ('image', 'psnr')} for row in rows]
        kinds.setdefault(json.dumps(scored, sort_keys=True), [scored, 0])[1] += 1
    counts = np.array([count for _, count in kinds.values()])
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), score.resamples)
    samples = np.vstack([counts, drawn]).astype(float)
    return [
        score.values(metric, [scored[index] for scored, _ in kinds.values()], samples)[1:]
        for index in range(len(cells))
    ]


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of bootstrap values (percentiles)."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


class Matrix:
    """Cells and what follows from them.

    Args:
        cells: Every cell; a method that was cut to a subset has fewer images than the others of its task.
        sigmas: Noise levels and names of noise, in the order of the rows.
        reference: Method that others are compared with, image by image.
    """

    def __init__(self, cells: Sequence[Cell], sigmas: Sequence[float | str], reference: str | None = None) -> None:
        self.sigmas = list(sigmas)
        self.reference = reference
        self._cells = {(cell.task, cell.method, cell.sigma): cell for cell in cells}
        self.tasks = list(dict.fromkeys(cell.task for cell in cells))
        self.methods = list(dict.fromkeys(cell.method for cell in cells))

    def cell(self, task: str, method: str, sigma: float | str) -> Cell | None:
        """Return a cell; the clean one stands beside every noise level."""
        return self._cells.get((task, method, sigma)) or self._cells.get((task, method, None))

    def records(self) -> list[dict]:
        """Return a dict for each task, noise level, method and metric."""
        records = []
        for task in self.tasks:
            for sigma in self.sigmas:
                row = {method: cell for method in self.methods if (cell := self.cell(task, method, sigma))}
                for metric in next(iter(row.values())).score.metrics:
                    records += self._row(task, sigma, metric, row)
        return records

    def _row(self, task: str, sigma: float | str, metric: str, row: dict[str, Cell]) -> list[dict]:
        values = {method: cell.value(metric) for method, cell in row.items()}
        compared = {method: cell for method, cell in row.items() if method != 'clean'}
        whole = max((len(cell.rows) for cell in compared.values()), default=0)
        ranked = sorted(
            {round(values[method], 10) for method, cell in compared.items() if len(cell.rows) == whole}, reverse=True
        )
        records = []
        for method, cell in row.items():
            low, high = interval(*bootstrap(metric, cell))
            place = (
                ranked.index(round(values[method], 10)) + 1 if method in compared and len(cell.rows) == whole else None
            )
            psnr = cell.psnr if cell.psnr is not None and math.isfinite(cell.psnr) else None
            record: dict[str, Any] = dict(
                task=task, metric=metric, sigma=sigma, method=method, images=len(cell.rows), value=values[method]
            )
            record |= dict(low=low, high=high, psnr=psnr, place=place if place in (1, 2) else None)
            record['recovery'] = self._recovery(metric, row, cell)
            record |= self._changes(metric, row, cell)
            record |= self._difference(metric, row, cell)
            records.append(record)
        return records

    def _recovery(self, metric: str, row: dict[str, Cell], cell: Cell) -> float | None:
        """Return (method - noisy) / (clean - noisy) in percent, on the images that all three ran on."""
        if 'noisy' not in row or 'clean' not in row or cell.method in ('noisy', 'clean'):
            return None
        parts = (row['noisy'], row['clean'], cell)
        shared = set.intersection(*(set(part.indices) for part in parts))
        noisy, clean, own = (part.only(shared).value(metric) for part in parts)
        return 100 * (own - noisy) / (clean - noisy) if clean != noisy else None

    def _changes(self, metric: str, row: dict[str, Cell], cell: Cell) -> dict:
        """Return how many images a method turned from wrong to right and from right to wrong, against noisy."""
        if 'noisy' not in row or cell.method in ('noisy', 'clean') or metric != cell.score.metrics[0]:
            return {}
        shared = set(cell.indices) & set(row['noisy'].indices)
        counts = helped_and_harmed(cell.score, row['noisy'].only(shared).rows, cell.only(shared).rows)
        return {} if counts is None else dict(zip(('helped', 'harmed'), counts, strict=True))

    def _difference(self, metric: str, row: dict[str, Cell], cell: Cell) -> dict:
        """Return the difference to the reference on the same images, with the interval of a paired bootstrap."""
        if self.reference not in row or cell.method == self.reference:
            return {}
        shared = set(cell.indices) & set(row[self.reference].indices)
        one, other = cell.only(shared), row[self.reference].only(shared)
        resampled, resampled_other = bootstrap(metric, one, other)
        low, high = interval(resampled - resampled_other)
        return dict(difference=one.value(metric) - other.value(metric), difference_low=low, difference_high=high)


def markdown(records: Sequence[dict], reference: str | None = None) -> str:
    """Return the matrix as Markdown: a table for each task and metric, then PSNR, recovery and differences."""
    lines = []
    described = set()
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        chosen = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        images = max(record['images'] for record in chosen)
        lines += ['', f'### {task}, {metric} (%), {images} images', '', *_table(chosen, partial(_value, images=images))]
        if any(record['recovery'] is not None for record in chosen):
            lines += ['', f'Recovery of {metric}, (method - noisy) / (clean - noisy), in %:', '']
            lines += _table(chosen, lambda record: _number(record['recovery'], 0))
        if any('helped' in record for record in chosen):
            lines += ['', 'Images turned from wrong to right / from right to wrong, against noisy:', '']
            lines += _table(
                chosen, lambda record: f'{record["helped"]} / {record["harmed"]}' if 'helped' in record else '-'
            )
        if any('difference' in record for record in chosen):
            lines += [
                '',
                f'{metric} less that of {reference} on the same images, with the interval of a paired bootstrap:',
                '',
            ]
            lines += _table(chosen, _difference)
        if task not in described:  # PSNR is the same for every metric of a task
            described.add(task)
            lines += ['', 'PSNR (dB):', '', *_table(chosen, lambda record: _number(record['psnr'], 2))]
    return '\n'.join(lines).strip() + '\n'


def _table(records: Sequence[dict], text: Callable[[dict], str]) -> list[str]:
    methods = list(dict.fromkeys(record['method'] for record in records))
    first = 'noise' if any(isinstance(record['sigma'], str) for record in records) else 'sigma'
    lines = [f'| {first} | ' + ' | '.join(methods) + ' |', '| --- |' + ' ---: |' * len(methods)]
    for sigma in dict.fromkeys(record['sigma'] for record in records):
        cells = {record['method']: text(record) for record in records if record['sigma'] == sigma}
        lines.append(f'| {noise_name(sigma)} | ' + ' | '.join(cells.get(method, '-') for method in methods) + ' |')
    return lines


def _value(record: dict, images: int) -> str:
    text = f'{record["value"]:.1f}'
    text = {1: f'**{text}**', 2: f'<u>{text}</u>'}.get(record['place'], text)
    count = f' ({record["images"]} images)' if record['images'] < images else ''
    return f'{text} [{record["low"]:.1f}, {record["high"]:.1f}]{count}'


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def _difference(record: dict) -> str:
    if 'difference' not in record:
        return '-'
    return f'{record["difference"]:+.1f} [{record["difference_low"]:+.1f}, {record["difference_high"]:+.1f}]'
