"""Draw the cross-task matrix: accuracy with its interval for each task, method and noise level."""

from collections.abc import Sequence
from pathlib import Path

from semrestore.evaluation.methods import UNTOUCHED, noise_name
from semrestore.visualization.plain_text import plain_text


@plain_text
def draw_matrix(records: Sequence[dict], path: str | Path, dpi: int = 150) -> None:
    """Write a plot with one panel for each task: its leading metric over the noise level, or the methods.

    Args:
        records: What :meth:`semrestore.evaluation.matrix.Matrix.records` returns.
        path: Image file; the suffix chooses the format.
        dpi: Resolution.
    """
    from matplotlib.figure import Figure

    leading: dict[str, str] = {}
    for record in records:
        leading.setdefault(record['task'], record['metric'])
    methods = list(dict.fromkeys(record['method'] for record in records))
    sigmas = list(dict.fromkeys(record['sigma'] for record in records))
    named = any(isinstance(sigma, str) and sigma != UNTOUCHED for sigma in sigmas)
    levels = {sigma: 0 if sigma == UNTOUCHED else sigma for sigma in sigmas}  # clean images have level 0
    # The first eight colours of seaborn's colorblind palette, clean in black.
    palette = ['#0173b2', '#de8f05', '#029e73', '#d55e00', '#cc78bc', '#ca9161', '#fbafe4', '#949494']
    colours = {method: 'black' if method == 'clean' else palette[index % 8] for index, method in enumerate(methods)}
    figure = Figure(figsize=(5 * len(leading), 4), layout='constrained')
    for axis, (task, metric) in zip(figure.subplots(1, len(leading), squeeze=False)[0], leading.items(), strict=True):
        for index, method in enumerate(methods):
            chosen = [
                record
                for record in records
                if (record['task'], record['metric'], record['method']) == (task, metric, method)
            ]
            if not chosen:
                continue
            values = [record['value'] for record in chosen]
            # The percentiles of a skewed bootstrap may exclude the value itself.
            errors = [[max(0, r['value'] - r['low']) for r in chosen], [max(0, r['high'] - r['value']) for r in chosen]]
            style = dict(color=colours[method], capsize=3)
            if len(sigmas) == 1:
                axis.errorbar([index], values, yerr=errors, fmt='o', **style)
            else:
                # Noise levels have an order. Other noise has none, so its points are not joined.
                places = [sigmas.index(r['sigma']) if named else levels[r['sigma']] for r in chosen]
                axis.errorbar(
                    places, values, yerr=errors, marker='o', linestyle='none' if named else '-', label=method, **style
                )
        axis.set_title(task.replace('_', ' '), fontsize='medium')
        axis.set_ylabel(f'{metric} (%)')
        axis.grid(axis='y', alpha=0.3)
        if len(sigmas) == 1:
            axis.set_xticks(range(len(methods)), methods, rotation=30, ha='right')
        else:
            axis.set_xticks(
                range(len(sigmas)) if named else list(levels.values()), [noise_name(sigma) for sigma in sigmas]
            )
            axis.set_xlabel('noise' if named else 'sigma')
            axis.legend(fontsize='small')
    figure.savefig(path, dpi=dpi)
