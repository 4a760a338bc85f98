"""Score how well text is read and found, in percent. Higher is better."""

from collections.abc import Sequence

import jiwer
import numpy as np
from mmengine.structures import BaseDataElement

from semrestore.errors import UserError
from semrestore.evaluation import Score
from semrestore.registry import METRICS


@METRICS.register_module()
class TextAccuracy(Score):
    """Score 100 % minus the character error rate (``1-CER``) and minus the word error rate (``1-WER``).

    An error rate is the number of insertions, deletions and substitutions that turn the true texts into those read, per
    character or word of the true texts; jiwer counts them. It may exceed 100 %.
    """

    metrics = ('1-CER', '1-WER')
    apart = ('read',)

    def row(self, sample: BaseDataElement, num_classes: int | None) -> dict:
        """Return ``errors`` and ``length`` in characters and in words, and what was ``read``."""
        truth = sample.get('gt_text')
        if truth is None:
            raise UserError(
                f"image '{sample.metainfo.get('img_path')}' has no gt_text. Load one, or set model.supervision='self'"
            )
        characters, words = errors(truth, sample.pred_text)
        return dict(characters=characters, words=words, read=sample.pred_text)

    def points(self, row: dict) -> float:
        """Return the line's own ``1-CER`` in percent."""
        wrong, length = row['characters']
        return 100 - 100 * wrong / max(length, 1)

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        key = dict(zip(self.metrics, ('characters', 'words'), strict=True))[metric]
        wrong, length = (counts @ np.array([row[key] for row in rows], float)).T
        return 100 - 100 * wrong / np.maximum(length, 1)


def errors(truth: str, read: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the number of errors and the length of the truth, in characters and in words.

    >>> errors('a quick fox', 'a quack fx')
    ((2, 11), (2, 3))
    """
    if not truth.split():  # for which jiwer has no rate
        return (len(read), len(truth)), (len(read.split()), 0)
    counted = []
    for found in (jiwer.process_characters(truth, read), jiwer.process_words(truth, read)):
        wrong = found.substitutions + found.deletions + found.insertions
        counted.append((wrong, found.hits + found.substitutions + found.deletions))
    return counted[0], counted[1]


@METRICS.register_module()
class TextMapIoU(Score):
    """Score the intersection over union of the detected text, of the restored image and its label."""

    metrics = ('text IoU',)
    threshold = 0.4
    """Of the region and of the affinity map, as in EasyOCR (``low_text``, ``link_threshold``)."""

    def row(self, sample: BaseDataElement, num_classes: int | None) -> dict:
        """Return ``intersect`` and ``union`` in pixels of the maps."""
        truth = sample.get('gt_text_maps')
        if truth is None:
            raise UserError(
                f"image '{sample.metainfo.get('img_path')}' has no gt_text_maps. Set model.supervision='self'"
            )
        own, other = ((maps.data > self.threshold).any(0) for maps in (truth, sample.pred_text_maps))
        return dict(intersect=int((own & other).sum()), union=int((own | other).sum()))

    def points(self, row: dict) -> float:
        """Return the image's own intersection over union in percent."""
        return 100 * row['intersect'] / row['union'] if row['union'] else 100.0

    def values(self, metric: str, rows: Sequence[dict], counts: np.ndarray) -> np.ndarray:
        intersect, union = (counts @ np.array([row[name] for row in rows], float) for name in ('intersect', 'union'))
        return np.where(union > 0, 100 * intersect / np.maximum(union, 1), 100.0)
