"""Draw images side by side with captions, like the paper's Figs. 4, 6 and 7."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from semrestore.visualization.plain_text import plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Tile(NamedTuple):
    """Hold one image of a panel."""

    image: Tensor
    """RGB image of shape ``(3, H, W)``, 0..1; what is outside is clipped."""

    caption: str = ''
    """Text under the image."""

    good: bool | None = None
    """Mark the caption as right (a tick, green) or wrong (a cross, vermilion); ``None`` leaves it unmarked."""


@plain_text
def save_panel(rows: Sequence[Sequence[Tile]], titles: Sequence[str], path: str | Path, dpi: int = 150) -> None:
    """Write a panel as an image file.

    Args:
        rows: The tiles, row by row.
        titles: One title a column.
        path: File to write; its suffix chooses the format.
        dpi: Pixels an inch; a tile is 2.4 inches wide.
    """
    _figure(rows, titles).savefig(path, dpi=dpi)


@plain_text
def panel_array(rows: Sequence[Sequence[Tile]], titles: Sequence[str], dpi: int = 100) -> np.ndarray:
    """Return a panel as an image: uint8 RGB, ``(H, W, 3)``; see :func:`save_panel`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure(rows, titles)
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _figure(rows: Sequence[Sequence[Tile]], titles: Sequence[str]) -> 'Figure':
    from matplotlib.figure import Figure

    side = 2.4
    height = sum(side * row[0].image.shape[-2] / row[0].image.shape[-1] + 0.28 for row in rows) + 0.25
    figure = Figure(figsize=(side * len(titles), height), layout='constrained')
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for column, title in enumerate(titles):
        axes[0][column].set_title(title, fontsize=11)
    for row, row_axes in zip(rows, axes, strict=True):
        for tile, axis in zip(row, row_axes, strict=True):
            axis.imshow(tile.image.detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), interpolation='none')
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            mark, colour = {True: ('✓ ', '#00705a'), False: ('✗ ', '#c04000'), None: ('', 'black')}[tile.good]
            axis.set_xlabel(mark + tile.caption, fontsize=8, color=colour)
    return figure
