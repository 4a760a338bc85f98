"""Read any image file as 8-bit RGB, for training and evaluation."""

from pathlib import Path

import numpy as np
from PIL import Image

from semrestore.images.formats import STRIP
from semrestore.images.picture import Picture
from semrestore.images.read import decode, read_first
from semrestore.images.tiff import TURNS

__all__ = ['as_photo', 'decode_photo', 'read_photo']


def read_photo(path: str | Path) -> np.ndarray:
    """Read an image file as 8-bit RGB.

    The EXIF orientation is applied. Of 16 bits the upper 8 are kept. Grey is repeated over the channels. Transparent
    images are laid on white. CMYK, palettes and 1-bit images are converted as Pillow does. Of several frames the first
    is taken.

    Returns:
        Array of shape ``(H, W, 3)``, uint8. Up to 12 bytes a pixel are held in passing.

    Raises:
        UserError: The file is not an image, is truncated, declares more pixels than Pillow takes (twice
            ``PIL.Image.MAX_IMAGE_PIXELS``), or has values without a stated range (floats, 32-bit integers).
    """
    return as_photo(read_first(Path(path)))


def decode_photo(content: bytes, name: str) -> np.ndarray:
    """Return the content of an image file as 8-bit RGB by the rule of :func:`read_photo`.

    Args:
        content: What the file holds.
        name: What to call it in messages.

    Returns:
        Array of shape ``(H, W, 3)``, uint8.

    Raises:
        UserError: As for :func:`read_photo`; the message has the name.
    """
    return as_photo(decode(content, name))


def as_photo(picture: Picture) -> np.ndarray:
    """Return a picture as 8-bit RGB ``(H, W, 3)`` by the rule of :func:`read_photo`."""
    pixels = _upper_8_bits(picture.pixels)
    if picture.alpha is not None:
        pixels = _on_white(pixels, _upper_8_bits(picture.alpha))
    elif pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(TURNS[picture.orientation](pixels)) if picture.orientation in TURNS else pixels


def _upper_8_bits(values: np.ndarray) -> np.ndarray:
    return (values >> 8).astype(np.uint8) if values.dtype == np.uint16 else values


def _on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    array = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), STRIP):
        rows = slice(top, top + STRIP)
        strip = Image.fromarray(np.dstack((pixels[rows], alpha[rows]))).convert('RGBA')
        array[rows] = np.asarray(Image.alpha_composite(Image.new('RGBA', strip.size, 'white'), strip).convert('RGB'))
    return array
