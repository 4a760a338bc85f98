"""The cross-task matrix: every denoiser before every task at every noise level, as in the paper's Tables IV and V.

What each image scored is kept, so that intervals can be drawn from images (a bootstrap) and methods compared on the same ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from mmengine.structures import BaseDataElement
from mmseg.evaluation import IoUMetric

RESAMPLES = 2000
"""Bootstrap samples behind an interval."""


def score(sample: BaseDataElement, num_classes: int | None) -> dict:
    """Return what one image scored.

    Args:
        sample: A prediction of mmpretrain (``pred_score``, ``gt_label``) or mmseg (``pred_sem_seg``, ``gt_sem_seg``).
        num_classes: Number of classes of a segmentation.

    Returns:
        ``rank``: how many classes scored higher than the right one; or ``intersect`` and ``union``: pixels by class.
    """
    if 'pred_sem_seg' in sample:
        areas = IoUMetric.intersect_and_union(
            sample.pred_sem_seg.data.squeeze(0), sample.gt_sem_seg.data.squeeze(0).to(sample.pred_sem_seg.data), num_classes, 255
        )
        return {name: area.long().tolist() for name, area in zip(('intersect', 'union'), areas, strict=False)}
    scores, label = sample.pred_score, sample.gt_label.item()
    return {'rank': int((scores > scores[label]).sum())}


@dataclass
class Cell:
    """One method before one task at one noise level.

    Args:
        task: Name of the task.
        method: Name of the method.
        sigma: Noise level on 0..255; ``None`` for clean images.
        images: Names of the images, in the order of the rows.
        rows: What each image scored: :func:`score` and ``psnr``.
        origin: Where the cell came from: config, checkpoint, command.
    """

    task: str
    method: str
    sigma: float | None
    images: list[str]
    rows: list[dict]
    origin: dict = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the task's metrics, the leading one first."""
        return ('mIoU',) if 'union' in self.rows[0] else ('top-1', 'top-5')

    def values(self, metric: str, weights: np.ndarray | None = None) -> np.ndarray:
        """Return a metric in percent for each row of ``weights``, which says how often each image counts (once by default)."""
        weights = np.ones((1, len(self.rows))) if weights is None else weights
        if metric == 'mIoU':
            intersect, union = (weights @ np.array([row[name] for row in self.rows], float) for name in ('intersect', 'union'))
            with np.errstate(invalid='ignore', divide='ignore'):
                return 100 * np.nanmean(np.where(union > 0, intersect / union, np.nan), axis=1)
        within = np.array([row['rank'] < int(metric.removeprefix('top-')) for row in self.rows], float)
        return 100 * (weights @ within) / weights.sum(1)

    @property
    def psnr(self) -> float | None:
        """Mean PSNR in dB; ``None`` where images were left as they are."""
        values = [row['psnr'] for row in self.rows]
        return None if None in values else float(np.mean(values))

    def only(self, images: set[str]) -> 'Cell':
        """Return the cell on some of its images."""
        kept = [index for index, name in enumerate(self.images) if name in images]
        rows = [self.rows[index] for index in kept]
        return Cell(self.task, self.method, self.sigma, [self.images[index] for index in kept], rows, self.origin)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of bootstrap values (percentiles)."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def resamples(count: int, seed: int = 0) -> np.ndarray:
    """Return how often each of ``count`` images is drawn in each bootstrap sample: shape ``(RESAMPLES, count)``."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)


class Matrix:
    """Cells and what follows from them.

    Args:
        cells: Every cell; a method that was cut to a subset has fewer images than the others of its task.
        sigmas: Noise levels, in the order of the rows.
        reference: Method that others are compared with, image by image.
    """

    def __init__(self, cells: Sequence[Cell], sigmas: Sequence[float], reference: str | None = None) -> None:
        self.sigmas = list(sigmas)
        self.reference = reference
        self._cells = {(cell.task, cell.method, cell.sigma): cell for cell in cells}
        self.tasks = list(dict.fromkeys(cell.task for cell in cells))
        self.methods = list(dict.fromkeys(cell.method for cell in cells))

    def cell(self, task: str, method: str, sigma: float) -> Cell | None:
        """Return a cell; the clean one stands beside every noise level."""
        return self._cells.get((task, method, sigma)) or self._cells.get((task, method, None))

    def records(self) -> list[dict]:
        """Return one dict for each task, noise level, method and metric: value, interval, image count, PSNR, recovery, place."""
        records = []
        for task in self.tasks:
            for sigma in self.sigmas:
                row = {method: cell for method in self.methods if (cell := self.cell(task, method, sigma))}
                for metric in next(iter(row.values())).metrics:
                    records += self._row(task, sigma, metric, row)
        return records

    def _row(self, task: str, sigma: float, metric: str, row: dict[str, Cell]) -> list[dict]:
        values = {method: float(cell.values(metric)[0]) for method, cell in row.items()}
        whole = max(len(cell.rows) for cell in row.values())
        ranked = sorted({round(values[m], 10) for m, cell in row.items() if m != 'clean' and len(cell.rows) == whole}, reverse=True)
        records = []
        for method, cell in row.items():
            low, high = interval(cell.values(metric, resamples(len(cell.rows))))
            place = ranked.index(round(values[method], 10)) + 1 if method != 'clean' and len(cell.rows) == whole else None
            record = dict(task=task, metric=metric, sigma=sigma, method=method, images=len(cell.rows), value=values[method])
            record |= dict(low=low, high=high, psnr=cell.psnr, place=place if place in (1, 2) else None)
            record['recovery'] = self._recovery(metric, row, cell)
            record |= self._difference(metric, row, cell)
            records.append(record)
        return records

    def _recovery(self, metric: str, row: dict[str, Cell], cell: Cell) -> float | None:
        """Return (method - noisy) / (clean - noisy) in percent, on the method's own images."""
        if 'noisy' not in row or 'clean' not in row or cell.method in ('noisy', 'clean'):
            return None
        noisy, clean, own = (float(other.only(set(cell.images)).values(metric)[0]) for other in (row['noisy'], row['clean'], cell))
        return 100 * (own - noisy) / (clean - noisy) if clean != noisy else None

    def _difference(self, metric: str, row: dict[str, Cell], cell: Cell) -> dict:
        """Return the difference to the reference on the same images, with the interval of a paired bootstrap."""
        if self.reference not in row or cell.method == self.reference:
            return {}
        shared = set(cell.images) & set(row[self.reference].images)
        one, other = cell.only(shared), row[self.reference].only(shared)
        weights = resamples(len(one.rows))
        low, high = interval(one.values(metric, weights) - other.values(metric, weights))
        return dict(difference=float((one.values(metric) - other.values(metric))[0]), difference_low=low, difference_high=high)


def markdown(records: Sequence[dict], reference: str | None = None) -> str:
    """Return the matrix as Markdown: a table for each task and metric, then PSNR, recovery and differences."""
    lines = []
    for task, metric in dict.fromkeys((record['task'], record['metric']) for record in records):
        chosen = [record for record in records if (record['task'], record['metric']) == (task, metric)]
        images = max(record['images'] for record in chosen)
        lines += ['', f'### {task}, {metric} (%), {images} images', '', *_table(chosen, partial(_value, images=images))]
        if any(record['recovery'] is not None for record in chosen):
            lines += ['', f'Recovery of {metric}, (method - noisy) / (clean - noisy), in %:', '']
            lines += _table(chosen, lambda record: _number(record['recovery'], 0))
        if any('difference' in record for record in chosen):
            lines += ['', f'{metric} less that of {reference} on the same images, with the interval of a paired bootstrap:', '']
            lines += _table(chosen, _difference)
        if metric in ('top-1', 'mIoU'):
            lines += ['', 'PSNR (dB):', '', *_table(chosen, lambda record: _number(record['psnr'], 2))]
    return '\n'.join(lines).strip() + '\n'


def _table(records: Sequence[dict], text) -> list[str]:
    methods = list(dict.fromkeys(record['method'] for record in records))
    lines = ['| sigma | ' + ' | '.join(methods) + ' |', '| --- |' + ' ---: |' * len(methods)]
    for sigma in dict.fromkeys(record['sigma'] for record in records):
        cells = {record['method']: text(record) for record in records if record['sigma'] == sigma}
        lines.append(f'| {sigma:g} | ' + ' | '.join(cells.get(method, '-') for method in methods) + ' |')
    return lines


def _value(record: dict, images: int) -> str:
    text = f'{record["value"]:.1f}'
    text = {1: f'**{text}**', 2: f'<u>{text}</u>'}.get(record['place'], text)
    count = f' ({record["images"]} images)' if record['images'] < images else ''
    return f'{text} [{record["low"]:.1f}, {record["high"]:.1f}]{count}'


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None or not math.isfinite(value) else f'{value:.{digits}f}'


def _difference(record: dict) -> str:
    if 'difference' not in record:
        return '-'
    return f'{record["difference"]:+.1f} [{record["difference_low"]:+.1f}, {record["difference_high"]:+.1f}]'
