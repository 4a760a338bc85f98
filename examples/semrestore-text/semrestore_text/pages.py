"""Write pages and lines of known text: fixed texts in matplotlib's fonts, on uneven paper, slightly blurred.

``FOLDER/pages`` gets whole pages. ``FOLDER/lines`` gets images of one line each, and their texts in ``texts.csv``. The
same arguments give the same images on the same versions of Pillow, NumPy and SciPy.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from semrestore_text.data import TEXTS, write_texts

FONTS = (
    *('DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSerif', 'DejaVuSerif-Italic', 'DejaVuSansMono'),
    *('STIXGeneral', 'STIXGeneralBol', 'STIXGeneralItalic'),
)
SIZES = (11, 18)
"""Of the fonts, in pixels: from the first to the last."""
INK, PAPER = (10, 120), (170, 245)
"""Grey levels on 0..255."""
BLUR = (0.2, 0.6)
"""Standard deviation in pixels."""
MARGIN = 0.1
"""Around a line, of its height: as much as EasyOCR adds to what its detector finds."""


class Line(NamedTuple):
    """Hold a line of a page."""

    text: str
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels."""


@dataclass
class Page:
    """Hold a page's image with its lines."""

    image: np.ndarray
    """RGB of shape (H, W, 3), 8 bits."""
    lines: list[Line]

    def crops(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each line's text and image."""
        for text, (left, top, right, bottom) in self.lines:
            yield text, self.image[top:bottom, left:right]


def words_of(name: str) -> list[str]:
    """Return the words of ``licence`` (the Apache License 2.0) or of ``paragraphs`` (written for this example)."""
    return (files('semrestore_text') / 'texts' / f'{name}.txt').read_text(encoding='utf-8').split()


def pages(words: Sequence[str], seed: int = 0, height: int = 256, width: int = 256) -> Iterator[Page]:
    """Yield endless pages, each with its own font, size, contrast and paper. The text continues from page to page."""
    rng = np.random.default_rng(seed)
    place = int(rng.integers(len(words)))
    while True:
        name, size = str(rng.choice(FONTS)), int(rng.integers(SIZES[0], SIZES[1] + 1))
        font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / f'fonts/ttf/{name}.ttf'), size)
        mask = Image.new('L', (width, height))
        draw, lines = ImageDraw.Draw(mask), []
        top, pitch, edge = size, round(1.5 * size), size // 2
        while top + pitch < height:
            taken = [words[place % len(words)]]
            while font.getlength(' '.join([*taken, words[(place + len(taken)) % len(words)]])) < width - 2 * edge:
                taken.append(words[(place + len(taken)) % len(words)])
            place += len(taken)
            text = ' '.join(taken)
            draw.text((edge, top), text, font=font, fill=255)
            lines.append(Line(text, _box(draw.textbbox((edge, top), text, font=font), width, height)))
            top += pitch
        yield Page(_printed(np.asarray(mask) / 255, rng), lines)


def _box(tight: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side) for side in tight)
    margin = max(2, round(MARGIN * (bottom - top)))
    return max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin)


def _printed(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a scan of a mask of ink, ``(H, W)`` in 0..1, on a sheet that is neither flat nor white."""
    tint = rng.uniform(-6, 6, 3)
    paper = rng.uniform(*PAPER) + tint * np.array([1, 0.3, -1])
    ink = rng.uniform(*INK) + rng.uniform(-5, 5, 3)
    cloudy = gaussian_filter(rng.standard_normal(mask.shape), 12)
    grain = gaussian_filter(rng.standard_normal(mask.shape), 0.7)
    texture = 4 * cloudy / cloudy.std() + 1.5 * grain / grain.std()
    mask = gaussian_filter(mask, rng.uniform(*BLUR))[..., None]
    image = (1 - mask) * (paper + texture[..., None]) + mask * ink
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def write(folder: Path, texts: str, lines: int, seed: int) -> None:
    """Write pages and a number of their lines into a folder.

    Short last lines are kept, and lines whose text another line has already are left out.
    """
    for part in ('pages', 'lines'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    found: dict[str, str] = {}
    for number, page in enumerate(pages(words_of(texts), seed)):
        Image.fromarray(page.image).save(folder / f'pages/{number:03d}.png')
        for text, image in page.crops():
            if text not in found.values() and len(found) < lines:
                name = f'{len(found):04d}'
                found[name] = text
                Image.fromarray(image).save(folder / f'lines/{name}.png')
        if len(found) == lines:
            break
    write_texts(folder / 'lines' / TEXTS, found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m semrestore_text.pages work/test --texts paragraphs --lines 160 --seed 1',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='folder to write to')
    parser.add_argument(
        '--texts',
        choices=('licence', 'paragraphs'),
        default='licence',
        help='text to write: the Apache License 2.0, or paragraphs written for this example (default: licence)',
    )
    parser.add_argument('--lines', type=int, default=400, metavar='N', help='number of lines to write (default: 400)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the fonts, the paper and the blur (default: 0)')
    options = parser.parse_args(arguments)
    write(options.folder, options.texts, options.lines, options.seed)


if __name__ == '__main__':
    main()
