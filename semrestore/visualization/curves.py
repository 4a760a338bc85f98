"""Draw trainings from their logs: each term of the loss, and the figures of the validation."""

import json
from collections.abc import Sequence
from pathlib import Path

from semrestore.errors import UserError
from semrestore.files import read_text
from semrestore.visualization.plain_text import plain_text

__all__ = ['draw_curves', 'read_log', 'running_mean']

WINDOW = 20
COLOURS = ('#0173b2', '#de8f05', '#029e73', '#d55e00', '#cc78bc', '#ca9161', '#949494')


def read_log(run: Path) -> dict[str, dict[int, float]]:
    """Return what a training logged: losses and validation metrics by name, each by iteration.

    Raises:
        UserError: The folder has no log, or one that is not MMEngine's.
    """
    found: dict[str, dict[int, float]] = {}
    for path in sorted(run.glob('*/vis_data/scalars.json')):
        first = None
        for number, line in enumerate(read_text(path, 'training log').splitlines(), 1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                break  # a killed run may have left half a line
            if not isinstance(row, dict) or not isinstance(row.get('step'), int):
                raise UserError(
                    f"line {number} of training log '{path}' is not an entry of MMEngine; expected a dict with a 'step'"
                )
            if first is None:  # what an earlier run in this folder logged from here on is not of this one
                first = row['step']
                found = {name: {step: one[step] for step in one if step < first} for name, one in found.items()}
            names = (
                [name for name in row if name.startswith('loss') and _is_metric(name, row)]
                if 'loss' in row
                else [name for name in row if _is_metric(name, row)]
            )
            for name in names:
                found.setdefault(name, {})[row['step']] = row[name]
    if not any(found.values()):
        raise UserError(f"'{run}' has no training log; expected TIME/vis_data/scalars.json in it")
    return found


def _is_metric(name: str, row: dict) -> bool:
    return name not in ('step', 'iter', 'epoch', 'lr', 'base_lr', 'time', 'data_time', 'memory') and isinstance(
        row[name], int | float
    )


def running_mean(values: Sequence[float], window: int = WINDOW) -> list[float]:
    """Return the mean of each value and up to ``window - 1`` before it.

    >>> running_mean([1.0, 2.0, 6.0], 2)
    [1.0, 1.5, 4.0]
    """
    return [
        sum(values[max(0, index - window + 1) : index + 1]) / min(index + 1, window) for index in range(len(values))
    ]


@plain_text
def draw_curves(runs: dict[str, dict[str, dict[int, float]]], path: Path, dpi: int) -> None:
    """Write a picture of trainings. Faint lines are the logged values, strong ones their running mean.

    Args:
        runs: What :func:`read_log` returned, by the name of the training.
        path: File to write; its suffix chooses the format.
        dpi: Pixels an inch.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for found in runs.values() for name in found))
    terms = [name for name in names if name != 'loss']
    names = (
        names if len([name for name in terms if name.startswith('loss')]) != 1 else terms
    )  # with one term the sum is the same
    columns = min(3, len(names))
    figure = Figure(figsize=(4 * columns, 2.8 * -(-len(names) // columns)), layout='constrained')
    axes = figure.subplots(-(-len(names) // columns), columns, squeeze=False).flatten()
    for axis, name in zip(axes, names, strict=False):
        for index, (run, found) in enumerate(runs.items()):
            points = sorted(found.get(name, {}).items())
            if not points:
                continue
            steps, values = zip(*points, strict=True)
            colour = COLOURS[index % len(COLOURS)]
            smooth = name.startswith('loss') and len(values) > WINDOW
            axis.plot(
                steps,
                values,
                color=colour,
                alpha=0.25 if smooth else 1,
                marker='' if len(values) > 30 else 'o',
                markersize=3,
            )
            if smooth:
                axis.plot(steps, running_mean(values), color=colour)
            axis.plot([], [], color=colour, label=run)
        axis.set_title(name.replace('_', ' '), fontsize='medium')
        axis.grid(alpha=0.3)
        axis.set_xlabel('iterations')
    for axis in axes[len(names) :]:
        axis.axis('off')
    if len(runs) > 1:
        axes[0].legend(fontsize='small')
    figure.savefig(path, dpi=dpi)
