"""Find the files that a user means by files, folders and globs."""

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from semrestore.errors import UserError
from semrestore.images.formats import HEIC, VIDEOS, is_image, suffixes

__all__ = ['find', 'images_below', 'is_sidecar']

SIDECARS = frozenset(
    ('@eadir', '__macosx', 'thumbs.db', 'desktop.ini', '$recycle.bin', '#recycle', 'system volume information')
)
"""Names that a NAS, a Mac or Windows leaves in folders of photos, in lower case."""

LOOKED_INTO = 20
"""Files of each suffix that are not read, to see whether they are images."""


def is_sidecar(name: str) -> bool:
    """Return whether a file or folder is hidden, or made by an operating system.

    >>> [is_sidecar(name) for name in ('._a.png', '@eaDir', '.ipynb_checkpoints', 'a.png')]
    [True, True, True, False]
    """
    return name.startswith('.') or name.lower() in SIDECARS


def images_below(folder: Path, films: bool = False) -> list[Path]:
    """Return the images in a folder in lexicographic order, on which labels and training streams depend.

    Hidden names and sidecars below the folder are passed over; the folder itself may be hidden. Links to folders are
    followed, unless the folder is listed already. Files that are images but are not read, such as raw ones, are named
    on standard error, once.

    Args:
        folder: It is searched recursively.
        films: List videos as well.
    """
    return _read_of(sorted(_files_below(folder)), suffixes() | VIDEOS if films else suffixes())


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield a folder's files, and after them those of linked folders, each folder once."""
    starts, seen = [str(folder)], set()
    while starts:
        for top, folders, names in os.walk(starts.pop(0)):
            if (real := os.path.realpath(top)) in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not is_sidecar(name))
            starts += filter(os.path.islink, (os.path.join(top, name) for name in folders))
            yield from (Path(top, name) for name in names if not is_sidecar(name))


def _read_of(paths: Sequence[Path], wanted: frozenset[str]) -> list[Path]:
    """Return the files with a wanted suffix, and warn of an image that is skipped."""
    others = (path for path in paths if path.suffix.lower() not in wanted | VIDEOS)
    odd = next(filter(is_image, _samples(others)), None)
    if odd is not None:
        advice = 'install pillow-heif, or convert them' if odd.suffix.lower() in HEIC else 'convert them'
        print(
            f"warning: '{odd}' and similar images are skipped, because they cannot be read. To use them, {advice} to"
            ' PNG or TIFF',
            file=sys.stderr,
        )
    named = [path for path in paths if path.suffix.lower() in wanted]
    found = [path for path in named if path.is_file()]
    lost = [path for path in named if path.is_symlink() and not path.exists()] if len(found) < len(named) else []
    if lost:
        print(f"warning: {len(lost)} links that lead nowhere are skipped, such as '{lost[0]}'", file=sys.stderr)
    return found


def _samples(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the first files of each suffix, because a folder may have a million labels."""
    seen: Counter[str] = Counter()
    for path in paths:
        seen[path.suffix.lower()] += 1
        if seen[path.suffix.lower()] <= LOOKED_INTO and path.is_file():
            yield path


def naturally(path: Path) -> list:
    """Return a sort key that compares numbers in names as numbers.

    >>> [str(path) for path in sorted(map(Path, ('a10.png', 'a9.png', 'a.png')), key=naturally)]
    ['a.png', 'a9.png', 'a10.png']
    >>> naturally(Path('2024\u2460.png'))[:2]  # a digit in a circle is not a number
    [(-1, ''), (2024, '')]
    """
    parts = re.split(r'([0-9]+)', path.with_suffix('').as_posix())
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts] + [(-1, path.suffix)]


def find(inputs: Sequence[str | Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every image and film of files, folders and globs, with its path relative to the given one.

    Raises:
        UserError: One does not exist, or has no images.
    """
    for given in inputs:
        path = Path(given)
        if not str(given):
            raise UserError('an input is an empty text; expected a file, a folder or a glob')
        if path.is_dir():
            found = sorted(images_below(path, films=True), key=naturally)
            if not found:
                raise UserError(f"folder '{path}' has no images or films")
            yield from ((one, one.relative_to(path)) for one in found)
        elif path.exists():
            yield path, Path(path.name)
        else:
            if not glob.has_magic(str(given)):
                raise UserError(f"'{given}' does not exist")
            named = frozenset({path.suffix.lower()} - {''})  # '*.dat' means those files, whatever they contain
            matches = sorted(_read_of(_matches(path), suffixes() | VIDEOS | named), key=naturally)
            if not matches:
                raise UserError(f"'{given}' does not exist, and matches no images or films as a pattern")
            yield from ((match, Path(match.name)) for match in matches)


def _matches(pattern: Path) -> list[Path]:
    """Return what :func:`glob.glob` finds, without following links in circles at ``**``."""
    parts = [part if part == '**' else re.sub(r'\*+', '*', part) for part in pattern.relative_to(pattern.anchor).parts]
    if parts[-1] == '**':  # before Python 3.13 it finds only folders
        parts.append('*')
    try:
        found = Path(pattern.anchor).glob('/'.join(parts))
        asked = [part for part in pattern.parts if is_sidecar(part)]
        return [
            one
            for one in found
            if all(any(map(partial(fnmatch, part), asked)) for part in one.parts if is_sidecar(part))
        ]
    except ValueError as error:
        raise UserError(f"'{pattern}' is not a valid pattern: {error}") from None
