"""Methods side by side (paper, Figs. 4, 6 and 7): a picture with a zoomed region, and a page with a slider."""

import base64
import gc
import html
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.visualization.plain_text import plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = {True: ('✓ ', '#00705a'), False: ('✗ ', '#c04000'), None: ('', 'black')}
FRAME = '#ffb000'
TILE_INCHES = 2.4
TALLEST = 6  # height over width of a tile; taller images are drawn narrower


@dataclass
class Shown:
    """Hold a method's result on an image."""

    method: str
    image: Tensor
    """RGB ``(3, H, W)``, 0..1; what is outside is clipped."""

    psnr: float | None = None
    """In dB; ``None`` without a clean image."""

    label: str = ''
    """What the task network sees in it."""

    good: bool | None = None
    """Whether that is right."""

    overlay: Tensor | None = None
    """Segmentation laid over the image, RGB ``(3, H, W)``."""


@dataclass
class Comparison:
    """Hold an image's results by several methods."""

    name: str
    shown: list[Shown] = field(default_factory=list)
    region: tuple[int, int, int] = (0, 0, 1)
    """Top, left and side of the square to enlarge."""
    noisy: Tensor | None = None
    """What the methods were given, RGB ``(3, H, W)``."""


def telling_region(images: Sequence[Tensor], side: int) -> tuple[int, int, int]:
    """Return top, left and side of the square in which the images differ most, by their mean variance.

    Args:
        images: At least two RGB images of one size ``(3, H, W)``.
        side: Of the square; the image's shorter side at most.

    >>> one, other = torch.zeros(3, 20, 30), torch.zeros(3, 20, 30)
    >>> other[:, 8:12, 20:24] = 1
    >>> telling_region([one, other], 4)
    (8, 20, 4)
    """
    stacked = torch.stack([image.float().clamp(0, 1) for image in images])
    side = min(side, *stacked.shape[-2:])
    variance = F.avg_pool2d(stacked.var(0, correction=0).mean(0)[None, None], side, stride=1)[0, 0]
    top, left = divmod(int(variance.argmax()), variance.shape[1])
    return top, left, side


@plain_text
def save_comparison(comparison: Comparison, path: str | Path, dpi: int = 150) -> None:
    """Write a picture: the images with their PSNR, the region below them, and segmentations if there are any.

    Args:
        comparison: The image by its methods.
        path: File to write; its suffix chooses the format.
        dpi: Pixels an inch; a column is 2.4 inches wide.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    shown, (top, left, side) = comparison.shown, comparison.region
    segmented = any(one.overlay is not None for one in shown)
    ratio = min(shown[0].image.shape[-2] / shown[0].image.shape[-1], TALLEST)
    heights = [TILE_INCHES * ratio + 0.55, TILE_INCHES + 0.05, *([TILE_INCHES * ratio + 0.05] if segmented else [])]
    figure = Figure(figsize=(TILE_INCHES * len(shown), sum(heights)), layout='constrained')
    rows = figure.subplots(len(heights), len(shown), squeeze=False, height_ratios=heights)
    for column, one in enumerate(shown):
        whole, part = rows[0][column], rows[1][column]
        _draw(whole, one.image)
        whole.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=FRAME, linewidth=1.2))
        whole.set_title(one.method, fontsize=11)
        mark, colour = MARKS[one.good]
        text = '' if one.psnr is None else f'{one.psnr:.2f} dB'
        label = f'{mark}{_short(one.label)}' if one.label else ''
        whole.set_xlabel('\n'.join(line for line in (text, label) if line), fontsize=9, color=colour)
        _draw(part, one.image[:, top : top + side, left : left + side])
        for spine in part.spines.values():
            spine.set(visible=True, color=FRAME, linewidth=1.2)
        if segmented:
            if one.overlay is None:
                rows[2][column].axis('off')
            else:
                _draw(rows[2][column], one.overlay)
    figure.savefig(path, dpi=dpi)
    del figure, rows, whole, part
    gc.collect()  # a figure's reference cycles would hold 20 MB a photo until the next collection


def save_page(comparisons: Iterable[Comparison], path: str | Path, title: str) -> None:
    """Write an HTML file that contains the images, with a slider between two methods.

    Args:
        comparisons: The images by their methods, each looked at once.
        path: File to write.
        title: Of the page.
    """
    page = (Path(__file__).parent / 'comparison.html').read_text(encoding='utf-8')
    before, after = page.split('{{data}}')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'{before.replace("{{title}}", html.escape(title))}[')
        for number, entry in enumerate(map(_entry, comparisons)):
            file.write(f'{", " * bool(number)}{entry}')
        file.write(f']{after}')


def _entry(comparison: Comparison) -> str:
    methods = [dict(name=one.method, caption=_caption(one), src=_data_url(one.image)) for one in comparison.shown]
    # Only a closing tag could end the script element.
    return json.dumps(dict(name=comparison.name, methods=methods)).replace('</', '<\\/')


def _draw(axis: 'Axes', image: Tensor) -> None:
    axis.imshow(image.detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), interpolation='none')
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _short(text: str, length: int = 34) -> str:
    return text if len(text) <= length else f'{text[: length - 1].rstrip()}…'


def _caption(one: Shown) -> str:
    parts = ['' if one.psnr is None else f'{one.psnr:.2f} dB', f'{MARKS[one.good][0]}{one.label}' if one.label else '']
    return ', '.join(part for part in parts if part)


def _data_url(image: Tensor) -> str:
    from PIL import Image

    array = image.detach().float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format='PNG')
    return f'data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}'
