"""Score single images, and compute a task's metrics on any sample of images."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement
from mmseg.evaluation import IoUMetric

from semrestore.errors import UserError
from semrestore.registry import METRICS

VOID = 255
"""Label of pixels that do not count, as in mmseg's metric and data sets."""


class Score(ABC):
    """Base class of a task's figures in the cross-task matrix, in percent. Higher is better.

    The matrix keeps what each image scored, so that a stopped run goes on, intervals can be drawn from images (a
    bootstrap) and methods compared on the same ones. A task names its score by :attr:`FrozenTask.score
    <semrestore.tasks.FrozenTask.score>`.
    """

    metrics: tuple[str, ...]
    """Names of the metrics, the leading one first."""

    resamples: int = 2000
    """Bootstrap samples behind an interval."""

    apart: tuple[str, ...] = ()
    """Keys of a row that no metric is computed from."""

    @abstractmethod
    def row(self, sample: BaseDataElement, num_classes: int | None) -> dict:
        """Return what one image scored, as JSON has it: numbers, strings, lists and dicts.

        Args:
            sample: What the task's ``predict`` returned for it, with its label.
            num_classes: :attr:`FrozenTask.num_classes <semrestore.tasks.FrozenTask.num_classes>`.
        """

    def right(self, row: dict) -> bool | None:
        """Return whether an image was recognised; ``None`` if that is not a yes-or-no question."""
        return None

    def points(self, row: dict) -> float | None:
        """Return an image's own score in percent, by which it is helped or harmed; ``None`` if it has none."""
        return None

    @abstractmethod
    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        """Return a metric in percent for each of several samples of images.

        Args:
            metric: One of :attr:`metrics`.
            rows: What :meth:`row` returned for the images.
            counts: How often each sample holds each image, shape ``(samples, images)``; the first sample is the whole
                data set.

        Returns:
            Array of shape ``(samples,)``.
        """


@METRICS.register_module()
class TopK(Score):
    """Measure top-1 and top-5 accuracy of a classification."""

    metrics = ('top-1', 'top-5')
    apart = ('confidence',)

    def row(self, sample: Any, num_classes: int | None) -> dict:
        """Return what the right class and the first guess scored.

        ``rank`` is the number of other classes that scored at least as high as the right one, ``confidence`` the score
        of the first guess, or ``None`` if that is not a number.
        """
        scores, truth = sample.pred_score, label(sample, 'gt_label')
        # Counting how many classes score higher would make a network of NaNs always right.
        rank = int((~(scores < scores[truth.item()])).sum()) - 1
        confidence = round(float(scores.max()), 4)
        return {'rank': rank, 'confidence': confidence if math.isfinite(confidence) else None}

    def right(self, row: dict) -> bool:
        """Return whether the first guess is right."""
        return row['rank'] == 0

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        right = np.array([row['rank'] < int(metric.removeprefix('top-')) for row in rows], float)
        return 100 * (counts @ right) / counts.sum(1)


@METRICS.register_module()
class Confidence(Score):
    """Measure the mean probability of the right class, which is finer than accuracy if images are few."""

    metrics = ('confidence',)

    def row(self, sample: Any, num_classes: int | None) -> dict:
        """Return ``probability``, that of the right class."""
        return {'probability': float(sample.pred_score[label(sample, 'gt_label').item()])}

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        return 100 * (counts @ np.array([row['probability'] for row in rows], float)) / counts.sum(1)


@METRICS.register_module()
class MeanIoU(Score):
    """Measure the mean intersection over union of a segmentation, over classes in the data or the predictions."""

    metrics = ('mIoU',)

    def row(self, sample: Any, num_classes: int | None) -> dict:
        """Return ``intersect`` and ``union``: pixels by class."""
        truth, predicted = label(sample, 'gt_sem_seg'), sample.pred_sem_seg.data.squeeze(0)
        areas = IoUMetric.intersect_and_union(predicted, truth.data.squeeze(0).to(predicted), num_classes, VOID)
        return {name: area.long().tolist() for name, area in zip(('intersect', 'union'), areas, strict=False)}

    def points(self, row: dict) -> float | None:
        """Return the mean IoU of the image over the classes that occur in it or in its prediction."""
        ratios = [one / other for one, other in zip(row['intersect'], row['union'], strict=True) if other]
        return 100 * sum(ratios) / len(ratios) if ratios else 100.0

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        intersect, union = (counts @ np.array([row[name] for row in rows], float) for name in ('intersect', 'union'))
        there = union[0] > 0
        if not there.any():
            raise UserError(
                f'no pixel of the {len(rows)} images has a label; expected label maps with other values than {VOID}.'
                ' Check the folder of the label maps'
            )
        # A class that is missing from a resample keeps its value on all images, because leaving it out would shift the
        # mean.
        ratios = np.where(union > 0, intersect, intersect[0])[:, there] / np.where(union > 0, union, union[0])[:, there]
        return 100 * ratios.mean(1)


@METRICS.register_module()
class DepthAccuracy(Score):
    """Measure the share of pixels whose depth is within a factor of 1.25 of the truth (Eigen et al., NIPS 2014)."""

    metrics = ('delta1',)

    def row(self, sample: Any, num_classes: int | None) -> dict:
        """Return how many pixels have a true depth (``pixels``), and how many of them are ``near`` it."""
        truth, predicted = label(sample, 'gt_depth_map').data.double(), sample.pred_depth_map.data.double()
        truth, predicted = truth.flatten(), predicted.flatten().to(truth)
        known = truth > 0
        ratio = predicted[known] / truth[known]
        return {'near': int(((ratio < 1.25) & (ratio > 1 / 1.25)).sum()), 'pixels': int(known.sum())}

    def points(self, row: dict) -> float | None:
        """Return the image's own share; ``None`` if no pixel has a true depth."""
        return 100 * row['near'] / row['pixels'] if row['pixels'] else None

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        near, pixels = (counts @ np.array([row[name] for row in rows], float) for name in ('near', 'pixels'))
        return 100 * near / np.maximum(pixels, 1)


def label(sample: BaseDataElement, name: str) -> Any:
    """Return a sample's ground truth.

    Raises:
        UserError: It has none.
    """
    truth = sample.get(name)
    if truth is None:
        path = sample.metainfo.get('img_path')
        raise UserError(
            f"image '{path}' has no label to evaluate with ({name}). Load it in the pipeline, or set"
            " model.supervision='self'"
        )
    return truth


@METRICS.register_module()
class ScoreMetric(BaseMetric):
    """Use any score as a metric of MMEngine, in validation and in ``semrestore test``.

    Args:
        score: Name of the registered :class:`Score`.
        num_classes: What it is told of the task's classes.
    """

    def __init__(
        self, score: str, num_classes: int | None = None, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device, prefix)
        self.score: Score = METRICS.build(dict(type=score))
        self.num_classes = num_classes

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect what each image of a batch scored."""
        self.results += [self.score.row(_Fields(sample), self.num_classes) for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return every metric in percent."""
        whole = np.ones((1, len(results)))
        return {metric: float(self.score.values(metric, results, whole)[0]) for metric in self.score.metrics}


@METRICS.register_module()
class TaskMetric(BaseMetric):
    """Measure the predictions of one of several task networks, as ``TASK/METRIC``.

    Args:
        task: The network's name in ``model.tasks``.
        metric: Config of the metric, such as ``dict(type='mmpretrain.Accuracy')``.
    """

    def __init__(self, task: str, metric: dict, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device, prefix=None)
        self.task = task
        self.metric: BaseMetric = METRICS.build({'collect_device': collect_device, **metric})

    @property
    def dataset_meta(self) -> dict | None:
        """What the metric knows about the data."""
        return self.metric.dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        self.metric.dataset_meta = meta

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Pass the network's own predictions to the metric.

        Raises:
            UserError: The samples have none of that network.
        """
        if data_samples and self.task not in data_samples[0]:
            raise UserError(
                f"TaskMetric.task is '{self.task}', but no network of that name made a prediction; expected one"
                ' of model.tasks that a task loss uses'
            )
        self.metric.process(data_batch, [sample[self.task] for sample in data_samples])

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Not used: the metric computes its own."""
        raise NotImplementedError

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the metric's figures, with the network's name before each."""
        return {f'{self.task}/{name}': value for name, value in self.metric.evaluate(size).items()}


class _Fields:
    """Read a dict that MMEngine's evaluator made of a data sample like a data sample."""

    def __init__(self, fields: dict) -> None:
        self.metainfo = fields

    def get(self, name: str, default: object = None) -> object:
        value = self.metainfo.get(name, default)
        return _Fields(value) if isinstance(value, dict) else value

    def __getattr__(self, name: str) -> object:
        if name not in self.metainfo:
            raise AttributeError(name)
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.metainfo
