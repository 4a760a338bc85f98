"""Report the raters' mean scores with intervals, variances, and agreement (paper, Fig. 5)."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semrestore.markdown import markdown_table
from semrestore.visualization.plain_text import plain_text

RESAMPLES = 10_000


def table(ratings: Sequence[dict], methods: Sequence[str], seed: int = 0) -> list[dict]:
    """Return a row a method: mean score, its 95 % interval, and the scores' variance.

    The interval is a percentile bootstrap over raters, because one rater's answers belong together. With one rater it
    is ``None``.

    Args:
        ratings: A dict a rater, image and method, with ``score``: 1 for the lowest quality.
        methods: In the order of the rows.
        seed: Of the bootstrap.
    """
    raters = sorted({row['rater'] for row in ratings})
    place = {rater: index for index, rater in enumerate(raters)}
    rows = []
    for method in methods:
        own = [row for row in ratings if row['method'] == method]
        scores = np.array([row['score'] for row in own], dtype=float)
        sums, counts = np.zeros(len(raters)), np.zeros(len(raters))
        for row in own:
            sums[place[row['rater']]] += row['score']
            counts[place[row['rater']]] += 1
        low = high = None
        if len(raters) > 1:
            chosen = np.random.default_rng(seed).integers(0, len(raters), (RESAMPLES, len(raters)))
            means = sums[chosen].sum(1) / counts[chosen].sum(1)
            low, high = (float(value) for value in np.percentile(means, (2.5, 97.5)))
        variance = float(scores.var(ddof=1)) if len(scores) > 1 else None
        rows.append(
            dict(method=method, mean=float(scores.mean()), low=low, high=high, variance=variance, ratings=len(scores))
        )
    return rows


def krippendorff_alpha(ratings: Sequence[dict]) -> float | None:
    """Return Krippendorff's alpha for interval data: 1 if raters always agree, 0 if they agree only by chance.

    A unit is one method's result for one image. Raters who did not see it do not count (Krippendorff, "Computing
    Krippendorff's Alpha-Reliability", 2011, section D). Returns ``None`` if no unit has two ratings or all scores are
    equal.
    """
    units: dict[tuple, list[float]] = defaultdict(list)
    for row in ratings:
        units[row['image'], row['method']].append(float(row['score']))
    paired = [np.array(values) for values in units.values() if len(values) > 1]
    if not paired:
        return None
    values = np.concatenate(paired)
    # The sum of squared differences over all pairs of n values is n times the sum of squares less the square of the
    # sum.
    observed = sum(2 * (len(one) * (one**2).sum() - one.sum() ** 2) / (len(one) - 1) for one in paired) / len(values)
    expected = 2 * (len(values) * (values**2).sum() - values.sum() ** 2) / (len(values) * (len(values) - 1))
    return float(1 - observed / expected) if expected else None


def markdown(rows: Sequence[dict], alpha: float | None, raters: int) -> str:
    """Return the table as text."""
    lines = []
    for row in rows:
        interval = '-' if row['low'] is None else f'[{row["low"]:.2f}, {row["high"]:.2f}]'
        variance = '-' if row['variance'] is None else f'{row["variance"]:.2f}'
        lines.append([row['method'], f'{row["mean"]:.2f}', interval, variance, row['ratings']])
    table = markdown_table(['method', 'mean opinion score', '95 % interval', 'variance', 'ratings'], lines)
    agreement = 'too few ratings of one image to tell' if alpha is None else f'{alpha:.2f}'
    return f"{table}\n\n{raters} raters; agreement between them (Krippendorff's alpha): {agreement}.\n"


@plain_text
def draw(rows: Sequence[dict], best: int, path: Path, dpi: int = 150) -> None:
    """Draw each method's mean with its interval (thick) and standard deviation (thin), as in Fig. 5."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 1.1 * len(rows), 3.4), layout='constrained')
    axis = figure.subplots()
    for index, row in enumerate(rows):
        if row['variance'] is not None:
            axis.errorbar(
                [index], [row['mean']], yerr=[row['variance'] ** 0.5], color='#767676', capsize=4, linewidth=1
            )
        if row['low'] is not None:
            axis.errorbar(
                [index],
                [row['mean']],
                yerr=[[row['mean'] - row['low']], [row['high'] - row['mean']]],
                color='#0173b2',
                linewidth=5,
            )
        axis.plot([index], [row['mean']], 'o', color='black', zorder=3)
        axis.annotate(
            f'{row["mean"]:.2f}', (index, row['mean']), xytext=(9, 4), textcoords='offset points', fontsize='small'
        )
    axis.set_xticks(range(len(rows)), [row['method'] for row in rows], rotation=20 if len(rows) > 4 else 0)
    axis.set_xlim(-0.5, len(rows) - 0.5)
    axis.set_ylim(0.8, best + 0.2)
    axis.set_ylabel('mean opinion score')
    axis.grid(axis='y', alpha=0.3)
    axis.set_title('blue: 95 % interval of the mean; grey: standard deviation', fontsize='small')
    figure.savefig(path, dpi=dpi)
