"""Measure COCO's average precision, by pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

from semrestore.errors import UserError
from semrestore.evaluation.scores import Score
from semrestore.registry import METRICS

MOST_DETECTIONS = 100  # detections an image, as COCO counts


@METRICS.register_module()
class CocoAP(Score):
    """Score boxes by average precision at IoU 0.50 to 0.95 (``mAP``) and at 0.50 (``AP50``), over present classes."""

    metrics = ('mAP', 'AP50')
    resamples = 300

    def row(self, sample: BaseDataElement, num_classes: int | None) -> dict:
        """Return an image's boxes, predicted and true."""
        truth = sample.get('gt_instances')
        if truth is None:
            path = sample.metainfo.get('img_path')
            raise UserError(
                f"image '{path}' has no boxes to evaluate with (gt_instances). Load them in the pipeline, or set"
                " model.supervision='self'"
            )
        found = sample.pred_instances
        return dict(
            boxes=_rounded(found.bboxes, 2),
            labels=found.labels.tolist(),
            scores=_rounded(found.scores, 5),
            true_boxes=_rounded(truth.bboxes, 2),
            true_labels=truth.labels.tolist(),
        )

    def points(self, row: dict) -> float | None:
        """Return the image's own AP50; ``None`` if it has no boxes."""
        return float(self.values('AP50', [row], np.ones((1, 1)))[0]) if row['true_boxes'] else None

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        """Return a metric of each sample. Boxes are matched once an image, and added up once a sample."""
        matched, categories = _match(rows)
        precisions = []
        different, places = np.unique(counts.astype(int), axis=0, return_inverse=True)
        for count in different:
            images = np.repeat(np.arange(len(rows)), count)
            precision = _accumulate(matched, categories, images)  # (thresholds, recalls, classes)
            precisions.append(np.where(precision < 0, np.nan, precision).mean(1))
        values = np.stack(precisions)[places.reshape(-1)]
        values = values[:, :1] if metric == 'AP50' else values
        # A class that is missing from a resample keeps its value on all images, because leaving it out would shift the
        # mean.
        values = np.where(np.isnan(values), values[:1], values)
        there = ~np.isnan(values[0, 0])
        return 100 * values[:, :, there].mean((1, 2)) if there.any() else np.zeros(len(counts))


def _pycocotools() -> tuple[Any, Any]:
    """Return COCO and COCOeval."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise UserError(
            "average precision needs pycocotools. Install it: pip install 'semrestore[detection]'"
        ) from None
    return COCO, COCOeval


def _match(rows: Sequence[dict]) -> tuple[list[list], list[int]]:
    """Return COCO's matches of detections and truth for each class and image, and the classes."""
    truth: list[dict] = []
    found: list[dict] = []
    for image, row in enumerate(rows, 1):
        for (left, top, right, bottom), label in zip(row['true_boxes'], row['true_labels'], strict=True):
            area = (right - left) * (bottom - top)
            box = dict(
                image_id=image, category_id=label, bbox=[left, top, right - left, bottom - top], area=area, iscrowd=0
            )
            truth.append(dict(id=len(truth) + 1, **box))
        for (left, top, right, bottom), label, score in zip(row['boxes'], row['labels'], row['scores'], strict=True):
            found.append(
                dict(image_id=image, category_id=label, bbox=[left, top, right - left, bottom - top], score=score)
            )
    categories = sorted({box['category_id'] for box in truth})
    images = [dict(id=image) for image in range(1, len(rows) + 1)]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        COCO, COCOeval = _pycocotools()  # noqa: N806 (their names)
        coco = COCO()
        coco.dataset = dict(
            images=images, annotations=truth, categories=[dict(id=label) for label in categories], info={}
        )
        coco.createIndex()
        known = [box for box in found if box['category_id'] in categories]
        evaluation = COCOeval(coco, coco.loadRes(known) if known else COCO(), 'bbox')
        evaluation.params.imgIds = list(range(1, len(rows) + 1))
        evaluation.params.catIds = categories
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ['all']
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation.evaluate()
    flat = evaluation.evalImgs
    return [flat[start : start + len(rows)] for start in range(0, len(flat), len(rows))], categories


def _accumulate(matched: list[list], categories: list[int], images: np.ndarray) -> np.ndarray:
    """Return COCO's precision over recall on some images, which may be repeated.

    Its shape is ``(thresholds, recalls, classes)``.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _pycocotools()[1](iouType='bbox')
        evaluation.params.imgIds = list(range(len(images)))
        evaluation.params.catIds = categories
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ['all']
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation._paramsEval = evaluation.params
        evaluation.evalImgs = [of_class[image] for of_class in matched for image in images]
        evaluation.accumulate()
    return evaluation.eval['precision'][:, :, :, 0, 0]


def _rounded(values: Tensor, digits: int) -> list:
    return np.round(values.double().cpu().numpy(), digits).tolist()
