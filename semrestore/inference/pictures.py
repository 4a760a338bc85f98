"""Read pictures before denoising, and write them afterwards in their own form."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

import numpy as np
from PIL import Image

from semrestore.errors import UserError
from semrestore.images import Picture, find, from_array, from_pil, read
from semrestore.images.film import writing_film
from semrestore.images.formats import VIDEOS
from semrestore.images.tiff import TURNS, turned
from semrestore.inference.targets import frame_path

__all__ = ['Failed', 'Item', 'read_files', 'read_inputs', 'report', 'write_files']


@dataclass(frozen=True)
class Item:
    """Hold a picture on its way from input to result."""

    picture: Picture
    path: Path | None = None
    """Where it goes; ``None`` if it is handed back."""
    sigma: float | None = None
    """Noise level on 0..255 that it is restored with."""


Failed = Callable[[str], None] | None
"""Called with the message of an image that fails, instead of raising it."""


def read_inputs(given: Sequence[object]) -> Iterator[Item]:
    """Yield the pictures of arrays, PIL images, files, folders, globs and films, to return them."""
    for number, one in enumerate(given):
        if isinstance(one, str | Path):
            for path, _ in find([one]):
                for picture in read(path):
                    # An array has no EXIF data that would say how it is turned.
                    yield Item(turned(picture, picture.orientation) if picture.orientation in TURNS else picture)
        elif isinstance(one, Image.Image):
            try:
                yield Item(from_pil(one))
            except UserError as error:
                raise UserError(f'image {number} {error}') from None
        elif isinstance(one, np.ndarray):
            yield Item(from_array(one, str(number)))
        else:
            kind = type(one).__name__
            raise UserError(f'input {number} is a {kind}; expected a file, a folder, an array or a PIL image')


def read_files(pairs: Iterable[tuple[Path, Path]], failed: Failed = None, only_missing: bool = False) -> Iterator[Item]:
    """Yield the pictures of files with their target paths.

    Args:
        pairs: Sources and targets, as :func:`~semrestore.inference.targets.targets` gives them.
        failed: Called with the message of each image that cannot be read, instead of raising it.
        only_missing: Leave out the frames whose files are there.
    """
    for source, target in pairs:
        try:
            for picture in read(source):
                path = frame_path(target, picture)
                if not (only_missing and path.is_file()):
                    yield Item(picture, path)
        except UserError as error:
            report(error, failed)


def write_files(items: Iterable[Item], failed: Failed = None) -> Iterator[Item]:
    """Write items to their paths and yield them. Neighbours with one path are frames of a film.

    Args:
        items: Restored, with paths.
        failed: Called with the message of each image that cannot be written, instead of raising it.
    """
    for path, those in groupby(items, lambda item: item.path):
        assert path is not None
        try:
            if path.suffix not in VIDEOS:
                for item in those:
                    item.picture.save(path)
                    yield item
                continue
            first = next(those)
            with writing_film(path, Path(first.picture.name)) as film:
                for item in chain([first], those):
                    film.write(item.picture)
                    yield item
        except UserError as error:
            report(error, failed)


def report(error: UserError, failed: Failed) -> None:
    """Pass an error to ``failed``, or raise it if there is none."""
    if failed is None:
        raise error
    failed(str(error))
