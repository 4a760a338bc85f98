"""Which files a user means by files, folders and globs."""

import glob
import re
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from semrestore.errors import UserError
from semrestore.images.formats import SUFFIXES, UNREAD, VIDEOS

__all__ = ['find', 'images_below', 'is_sidecar']

SIDECARS = frozenset(
    ('@eadir', '__macosx', 'thumbs.db', 'desktop.ini', '$recycle.bin', '#recycle', 'system volume information')
)
"""Names that a NAS, a Mac or Windows leaves in folders of photos, in lower case."""


def is_sidecar(name: str) -> bool:
    """Return whether a file or folder is hidden, or one of those that no person put there.

    >>> [is_sidecar(name) for name in ('._a.png', '@eaDir', '.ipynb_checkpoints', 'a.png')]
    [True, True, True, False]
    """
    return name.startswith('.') or name.lower() in SIDECARS


def images_below(folder: Path, films: bool = False) -> list[Path]:
    """Return the images below a folder in lexicographic order, on which labels and a training's stream depend.

    Hidden names and sidecars below the folder are passed over; the folder itself may be hidden. Files that are images
    but are not read, such as raw ones, are named on standard error, once.

    Args:
        folder: It is searched recursively.
        films: List videos as well.
    """
    suffixes = SUFFIXES | VIDEOS if films else SUFFIXES
    files = sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in suffixes | UNREAD
        and not any(map(is_sidecar, path.relative_to(folder).parts))
        and path.is_file()
    )
    found = [path for path in files if path.suffix.lower() in suffixes]
    if len(found) < len(files):
        first = next(path for path in files if path.suffix.lower() in UNREAD)
        print(f"warning: '{first}' and others of its kind are not read; convert them to PNG or TIFF", file=sys.stderr)
    return found


def naturally(path: Path) -> list:
    """Return a key by which numbers in names count as numbers.

    >>> [str(path) for path in sorted(map(Path, ('a10.png', 'a9.png', 'a.png')), key=naturally)]
    ['a.png', 'a9.png', 'a10.png']
    """
    parts = re.split(r'([0-9]+)', path.with_suffix('').as_posix())
    return [(int(part), '') if part.isdigit() else (-1, part) for part in parts] + [(-1, path.suffix)]


def find(inputs: Sequence[str | Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every image and video of files, folders and globs, each with its path below what was given.

    Raises:
        UserError: One does not exist, or has no images.
    """
    for given in inputs:
        path = Path(given)
        if not str(given):
            raise UserError("an input is '', the empty text; expected a file, a folder or a glob")
        if path.is_dir():
            found = sorted(images_below(path, films=True), key=naturally)
            if not found:
                raise UserError(f"folder '{path}' has no images or videos")
            yield from ((one, one.relative_to(path)) for one in found)
        elif path.exists():
            yield path, Path(path.name)
        else:
            matches = _matches(path) if glob.has_magic(str(given)) else []
            if not matches:
                raise UserError(
                    f"'{given}' does not exist" + (' or matches nothing' if glob.has_magic(str(given)) else '')
                )
            yield from ((match, Path(match.name)) for match in matches if match.is_file())


def _matches(pattern: Path) -> list[Path]:
    """Return what :func:`glob.glob` would find, which links lead around in circles at ``**``."""
    parts = [part if part == '**' else re.sub(r'\*+', '*', part) for part in pattern.relative_to(pattern.anchor).parts]
    if parts[-1] == '**':  # which finds folders alone before Python 3.13
        parts.append('*')
    try:
        found = Path(pattern.anchor).glob('/'.join(parts))
        asked = [part for part in pattern.parts if part.startswith('.')]
        return sorted(
            one
            for one in found
            if all(any(map(partial(fnmatch, part), asked)) for part in one.parts if part.startswith('.'))
        )
    except ValueError as error:
        raise UserError(f"'{pattern}' is no pattern: {error}") from None
