"""Measure what a mean hides: images that a restorer helps and harms, and false confidence."""

from collections.abc import Sequence

import numpy as np

from semrestore.evaluation.scores import Score

__all__ = ['calibration_error', 'exact_p', 'helped_and_harmed']

MARGIN = 5.0
"""Points by which an image has to gain or lose, if its score is not only right or wrong."""

BINS = 15


def helped_and_harmed(score: Score, before: Sequence[dict], after: Sequence[dict]) -> tuple[int, int] | None:
    """Count the images that a restorer helps and harms.

    Helped is an image that the network gets wrong before and right after. Where the score gives each image points
    instead (:meth:`~semrestore.evaluation.Score.points`), it is one that gains more than 5 of them; an image without
    points does not count.

    Args:
        score: Of both.
        before: Rows of the images as they were.
        after: Rows of the same images, restored.

    Returns:
        ``(helped, harmed)``, or ``None`` if the score says nothing of single images.
    """
    pairs = list(zip(before, after, strict=True))
    rights = [(score.right(one), score.right(other)) for one, other in pairs]
    if all(part is not None for pair in rights for part in pair):
        return rights.count((False, True)), rights.count((True, False))
    points = [(score.points(one), score.points(other)) for one, other in pairs]
    gains = [after - before for before, after in points if before is not None and after is not None]
    if not gains:
        return None
    return sum(gain > MARGIN for gain in gains), sum(gain < -MARGIN for gain in gains)


def exact_p(helped: int, harmed: int) -> float:
    """Return the p-value of McNemar's exact test (McNemar, Psychometrika 1947, with the binomial distribution).

    It is the probability of counts as far apart as these, or further, if a changed image is as likely helped as harmed.

    >>> round(exact_p(8, 1), 4)
    0.0391
    """
    from scipy.stats import binomtest

    return float(binomtest(helped, helped + harmed).pvalue) if helped + harmed else 1.0


def p_text(p: float) -> str:
    """Return a p-value as text.

    >>> p_text(0.0391), p_text(2e-5)
    ('p = 0.039', 'p < 0.001')
    """
    return 'p < 0.001' if p < 0.001 else f'p = {p:.3f}'


def calibration_error(rows: Sequence[dict]) -> float | None:
    """Return the expected calibration error of a classification in percent (Guo et al., ICML 2017).

    It is the mean distance of accuracy and confidence over 15 bins of equal width, weighted by their images. The
    confidence is the probability of the first guess.

    Args:
        rows: With ``rank`` and ``confidence``, as :class:`~semrestore.evaluation.TopK` has them.

    Returns:
        ``None`` if a row has no confidence or no rank.
    """
    confidences = [row.get('confidence') for row in rows]
    if not rows or not all(isinstance(one, int | float) and 0 <= one <= 1 for one in confidences):
        return None
    if not all('rank' in row for row in rows):
        return None
    sure = np.array(confidences, float)
    right = np.array([row['rank'] == 0 for row in rows], float)
    bins = np.clip(np.ceil(sure * BINS) - 1, 0, BINS - 1).astype(int)
    gaps = np.bincount(bins, right, BINS) - np.bincount(bins, sure, BINS)
    return float(100 * np.abs(gaps).sum() / len(rows))
