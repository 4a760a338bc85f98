"""Files that are whole or not there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semrestore.errors import UserError, check_is_file


def read_text(path: Path, what: str) -> str:
    """Read a small text file; ``what`` it is, such as ``'list file'``, comes first in an error.

    Raises:
        UserError: It is not there, cannot be read, or is not UTF-8.
    """
    check_is_file(path, what)
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{what} '{path}' cannot be read: {error}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside ``path`` to write, and put it in its place once it is whole; what was there stays until then.

    The file has the suffix of ``path``, by which many libraries choose the format. Its folder is made if need be.

    Raises:
        UserError: It cannot be written.
    """
    digest = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()  # a name of 255 bytes leaves no room for more
    partial = path.with_name(f'.part-{digest}{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"'{path}' cannot be written: {error}") from None
