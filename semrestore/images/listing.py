"""Which files a user means by files, folders and globs."""

import glob
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from semrestore.errors import UserError
from semrestore.images.read import is_readable

__all__ = ['find']


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
            found = sorted(one for one in path.rglob('*') if is_readable(one) and one.is_file())
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
