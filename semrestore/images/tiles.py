"""Cut large images into tiles, for the same result as in one piece in bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple

from semrestore.errors import UserError

__all__ = ['Tile', 'tiles']


class Tile(NamedTuple):
    """Hold a tile: what to read, what to keep of the result, and where to write it."""

    read: tuple[slice, slice]
    """Rows and columns of the image, with the neighbourhood that the kept pixels depend on."""

    keep: tuple[slice, slice]
    """Rows and columns of what was read."""

    write: tuple[slice, slice]
    """Rows and columns of the image; all tiles together cover each pixel once."""


def tiles(height: int, width: int, side: int, reach: int, stride: int = 1) -> Iterator[Tile]:
    """Cut an image into tiles whose results add up to the result of the whole image.

    That holds where ``reach`` and ``stride`` are those of the denoiser (:class:`~semrestore.denoisers.Denoiser`): a
    kept pixel has all around it that it depends on, or the image's own border, and the tile lies on the denoiser's
    grid, counted from either end of the image. Floating point sums may differ in their last bit.

    Args:
        height: Of the image.
        width: Of the image.
        side: Of what a tile keeps, at most; it reads ``reach`` more on each side.
        reach: Pixels around a pixel that its result depends on.
        stride: Of the denoiser's grid.

    >>> [tile.read[0] for tile in tiles(100, 8, 64, 10, 4)]
    [slice(0, 60, None), slice(40, 100, None)]
    """
    if side < 1:
        raise UserError(f'the side of a tile is {side}; expected at least 1 pixel')
    for rows in _intervals(height, side, reach, stride):
        for columns in _intervals(width, side, reach, stride):
            yield Tile(*zip(rows, columns, strict=True))


def _intervals(size: int, side: int, reach: int, stride: int) -> Iterator[tuple[slice, slice, slice]]:
    count = -(-size // side)
    step = -(-size // count)  # tiles of about one size
    for start in range(0, size, step):
        stop = min(start + step, size)
        first = max(0, start - reach) // stride * stride
        last = size - max(0, size - stop - reach) // stride * stride
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)
