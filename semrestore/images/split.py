"""Choose which photos of a folder a training holds out."""

import random
from pathlib import Path
from typing import NamedTuple

from semrestore.errors import UserError
from semrestore.images.listing import images_below

__all__ = ['Split', 'held_out', 'split_photos']

LEAST_PHOTOS = 20
LEAST_HELD_OUT, MOST_HELD_OUT = 8, 200


class Split(NamedTuple):
    """Hold the photos of a folder, for training and held out."""

    folder: Path
    train: list[int]
    held_out: list[int]
    """Places in the sorted list of its photos."""


def held_out(count: int) -> list[int]:
    """Return which of ``count`` photos are held out: a tenth, 8 to 200, at random but always the same.

    >>> len(held_out(1000)), held_out(1000) == held_out(1000)
    (100, True)
    """
    share = min(MOST_HELD_OUT, max(LEAST_HELD_OUT, count // 10))
    return sorted(random.Random(0).sample(range(count), min(count, share)))


def split_photos(folder: Path, least: int = LEAST_PHOTOS) -> Split:
    """Hold out some of a folder's photos, as :func:`held_out` says.

    Raises:
        UserError: The folder is missing, or has too few photos.
    """
    if not folder.is_dir():
        raise UserError(f"--photos: folder '{folder}' does not exist")
    count = len(images_below(folder))
    if count < least:
        raise UserError(f"--photos: folder '{folder}' has {count} photos; expected {least} or more")
    apart = held_out(count)
    return Split(folder, sorted({*range(count)} - {*apart}), apart)
