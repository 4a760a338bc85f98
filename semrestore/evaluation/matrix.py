"""Compute the cross-task matrix: every denoiser before every task at every noise level (paper, Tables IV and V).

What each image scored is kept, so that intervals can be drawn from images (a bootstrap) and methods compared on the
same ones.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from semrestore.errors import UserError
from semrestore.evaluation.harm import MARGIN, calibration_error, exact_p, helped_and_harmed
from semrestore.evaluation.scores import Score
from semrestore.registry import METRICS


@dataclass
class Cell:
    """Hold one method's scores before one task at one noise level.

    Args:
        task: Name of the task.
        method: Name of the method.
        sigma: Noise level on 0..255, or the name of another noise; ``None`` for clean images.
        indices: Which images of the data set the rows are of, in their order.
        rows: What each image scored: ``psnr``, ``score`` (the name of a :class:`~semrestore.evaluation.Score`), what
            that one's ``row`` returned, and the estimated ``noise`` of an image that was left noisy.
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
        )  # a registry would import a dotted name, which could come from any file of rows
        if not (isinstance(kind, type) and issubclass(kind, Score)):
            raise UserError(
                f"the rows of '{self.method}' have the score '{name}', which is not registered. Install the"
                ' plugin that registers it'
            )
        return kind()

    def value(self, metric: str) -> float:
        """Return a metric in percent."""
        return float(self.score.values(metric, self.rows, np.ones((1, len(self.rows))))[0])

    @property
    def psnr(self) -> float | None:
        """Mean PSNR in dB; ``None`` if images were left as they are."""
        values = [row['psnr'] for row in self.rows]
        return None if None in values else float(np.mean(values))

    def only(self, indices: Collection[int]) -> 'Cell':
        """Return the cell on some of its images."""
        kept = [position for position, index in enumerate(self.indices) if index in indices]
        return replace(
            self, indices=[self.indices[position] for position in kept], rows=[self.rows[position] for position in kept]
        )


MOST_COUNTS = 20_000_000
"""Largest number of counts, images times resamples, that are drawn at once."""


def bootstrap(metric: str, *cells: Cell, seed: int = 0) -> list[np.ndarray]:
    """Return a metric in percent on resamples of the images, for each of several cells over the same images.

    Images with equal scores are drawn as one count of a multinomial. That is the same distribution, and takes
    milliseconds for top-1 on 50,000 images.
    """
    score = cells[0].score
    apart = ('image', 'psnr', 'noise', *score.apart)
    kinds: dict[str, list] = {}
    for rows in zip(*(cell.rows for cell in cells), strict=True):
        scored = [{key: value for key, value in row.items() if key not in apart} for row in rows]
        kinds.setdefault(json.dumps(scored, sort_keys=True), [scored, 0])[1] += 1
    counts = np.array([count for _, count in kinds.values()])
    rows_of = [[scored[index] for scored, _ in kinds.values()] for index in range(len(cells))]
    generator = np.random.default_rng(seed)
    values: list[list[np.ndarray]] = [[] for _ in cells]
    step = max(1, MOST_COUNTS // len(counts))
    for start in range(0, score.resamples, step):
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), min(step, score.resamples - start))
        samples = np.vstack([counts, drawn]).astype(float)
        for found, rows in zip(values, rows_of, strict=True):
            found.append(score.values(metric, rows, samples)[1:])
    return [np.concatenate(found) for found in values]


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of bootstrap values (percentiles)."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


class Matrix:
    """Hold cells, and compute the figures that follow from them.

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
        """Return a cell. The clean one is the same for every noise level."""
        return self._cells.get((task, method, sigma)) or self._cells.get((task, method, None))

    def records(self) -> list[dict]:
        """Return a dict for each task, noise level, method and metric."""
        return [dict(record) for record in self._records]

    @cached_property
    def _records(self) -> list[dict]:
        records = []
        for task in self.tasks:
            for sigma in self.sigmas:
                row = {method: cell for method in self.methods if (cell := self.cell(task, method, sigma))}
                # No method may take the clean images of the row without noise.
                for metric in next(iter(row.values())).score.metrics if row else ():
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
            gained, lost = self.regained(task, metric, method, sigma) or (0.0, 0.0)
            record['recovery'] = 100 * gained / lost if lost > 0 else None
            record |= self._changes(metric, row, cell)
            record |= self._difference(metric, row, cell)
            records.append(record)
        return records

    def regained(self, task: str, metric: str, method: str, sigma: float | str) -> tuple[float, float] | None:
        """Return ``method - noisy`` and ``clean - noisy`` in points, on the images that all three ran on."""
        parts = [cell for name in ('noisy', 'clean', method) if (cell := self.cell(task, name, sigma))]
        if method in ('noisy', 'clean') or len(parts) < 3:
            return None
        shared = set.intersection(*(set(part.indices) for part in parts))
        noisy, clean, own = (part.only(shared).value(metric) for part in parts)
        return own - noisy, clean - noisy

    def _changes(self, metric: str, row: dict[str, Cell], cell: Cell) -> dict:
        """Return a method's change compared with noisy: in the mean, and in images helped and harmed."""
        leading = metric == cell.score.metrics[0]
        found: dict[str, Any] = {}
        if leading and (error := calibration_error(cell.rows)) is not None:
            found['calibration_error'] = error
        if 'noisy' not in row or cell.method in ('noisy', 'clean'):
            return found
        change = compared(metric, cell, row['noisy'])
        found |= dict(zip(('change', 'change_low', 'change_high'), change, strict=True))
        found |= _on_fewer('change_images', cell, row['noisy'])
        if not leading:
            return found
        shared = set(cell.indices) & set(row['noisy'].indices)
        counts = helped_and_harmed(cell.score, row['noisy'].only(shared).rows, cell.only(shared).rows)
        if counts is not None:
            found |= dict(helped=counts[0], harmed=counts[1], p=exact_p(*counts))
            if cell.score.right(cell.rows[0]) is None:
                found['margin'] = MARGIN
        return found

    def _difference(self, metric: str, row: dict[str, Cell], cell: Cell) -> dict:
        """Return the difference to the reference on the same images, with the interval of a paired bootstrap."""
        if self.reference not in row or cell.method == self.reference:
            return {}
        difference = compared(metric, cell, row[self.reference])
        found = dict(zip(('difference', 'difference_low', 'difference_high'), difference, strict=True))
        return found | _on_fewer('difference_images', cell, row[self.reference])


def _on_fewer(name: str, cell: Cell, other: Cell) -> dict:
    """Return on how many images a cell is compared, if it has others."""
    shared = len(set(cell.indices) & set(other.indices))
    return {name: shared} if shared < len(cell.indices) else {}


def compared(metric: str, cell: Cell, other: Cell) -> tuple[float, float, float]:
    """Return the difference of two cells on the images of both, with the interval of a paired bootstrap."""
    shared = set(cell.indices) & set(other.indices)
    cell, other = cell.only(shared), other.only(shared)
    resampled, resampled_other = bootstrap(metric, cell, other)
    return cell.value(metric) - other.value(metric), *interval(resampled - resampled_other)
