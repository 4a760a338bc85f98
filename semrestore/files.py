"""Files that are whole or not there."""

import csv
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
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

    A device, such as ``/dev/null``, is written itself.

    Raises:
        UserError: It cannot be written.
    """
    if not path.name:
        raise UserError(f"'{path}' cannot be written: it names no file")
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
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


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Give a folder to write files to, and put them into ``folder`` once all are whole; what was there under their names stays until then.

    Raises:
        UserError: One of them cannot be written. It names the folder: the system's errors seldom name the file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.part-', dir=folder) as partial:
            yield Path(partial)
            written = sorted(Path(partial).iterdir())
            for file in written:
                if (folder / file.name).is_dir():
                    raise UserError(f"'{folder / file.name}' cannot be written: it is a folder")
            for file in written:
                os.replace(file, folder / file.name)
    except OSError as error:
        raise UserError(f"the files of '{folder}' cannot be written: {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; see :func:`replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding='utf-8')


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Write a table with a column for each key of any row, whole or not at all; see :func:`replacing`."""
    with replacing(path) as partial, open(partial, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, dict.fromkeys(key for row in rows for key in row))
        writer.writeheader()
        writer.writerows(rows)


def check_apart(path: Path, *inputs: str | Path) -> None:
    """Refuse to write where something was read from.

    Raises:
        UserError: The path is one of the inputs.
    """
    for given in inputs:
        if path.exists() and Path(given).exists() and path.samefile(given):
            raise UserError(f"'{path}' would be overwritten, and is what is read; choose another name for the result")
