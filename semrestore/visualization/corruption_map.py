"""Draw what a network recognises under each corruption, as a heat map."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semrestore.visualization.plain_text import plain_text


@plain_text
def draw_corruption_map(records: Sequence[dict], path: str | Path, dpi: int = 150) -> None:
    """Write a grid of heat maps, a row for each task and a map for each method, with corruption over severity.

    Args:
        records: What :func:`semrestore.evaluation.robustness.robustness` returns; the leading metric is drawn.
        path: Image file; the suffix chooses the format.
        dpi: Resolution.
    """
    from matplotlib.figure import Figure

    leading: dict[str, str] = {}
    for record in records:
        leading.setdefault(record['task'], record['metric'])
    methods = list(dict.fromkeys(record['method'] for record in records))
    drawn = [record for record in records if 'severities' in record and leading[record['task']] == record['metric']]
    names = list(dict.fromkeys(record['corruption'] for record in drawn))
    severities = list(dict.fromkeys(severity for record in drawn for severity in record['severities']))
    width, height = 1.6 + 0.55 * len(severities), 1.2 + 0.28 * len(names)
    figure = Figure(figsize=(1 + width * len(methods), height * len(leading)), layout='constrained')
    axes = figure.subplots(len(leading), len(methods), squeeze=False)
    for row, (task, metric) in zip(axes, leading.items(), strict=True):
        for axis, method in zip(row, methods, strict=True):
            own = {r['corruption']: r['severities'] for r in drawn if (r['task'], r['method']) == (task, method)}
            if not own:
                axis.axis('off')
                continue
            values = np.array([[own[name].get(severity, np.nan) for severity in severities] for name in names])
            image = axis.imshow(values, vmin=0, vmax=100, cmap='viridis', aspect='auto')
            for y, x in np.argwhere(np.isfinite(values)):
                colour = 'white' if values[y, x] < 60 else 'black'
                axis.text(x, y, f'{values[y, x]:.0f}', ha='center', va='center', fontsize='x-small', color=colour)
            first = axis is row[0]
            axis.set_yticks(range(len(names)), [name.replace('_', ' ') for name in names] if first else [])
            axis.set_xticks(range(len(severities)), ['' if severity is None else severity for severity in severities])
            axis.set_title(f'{task}\n{method}'.replace('_', ' '), fontsize='small')
        figure.colorbar(image, ax=row, label=f'{metric} (%)')
    figure.savefig(path, dpi=dpi)
