"""Write files whole or not at all."""

import csv
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from semrestore.errors import UserError, check_is_file


def read_text(path: Path, what: str) -> str:
    """Read a small text file.

    Args:
        path: The file.
        what: What an error calls it, such as ``'list file'``.

    Raises:
        UserError: The file is missing, cannot be read, or is not UTF-8.
    """
    check_is_file(path, what)
    try:
        return path.read_text(encoding='utf-8-sig')  # a byte order mark is not part of the first line
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{what} '{path}' cannot be read: {error}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file to write, and move it to ``path`` once it is whole and on the disk.

    What was at ``path`` stays until then, and hands on its mode. The file has the suffix of ``path``, by which many
    libraries choose the format. Missing folders are made. A link stays, and what it names is written. A device, such as
    ``/dev/null``, is written itself.

    Raises:
        UserError: The file cannot be written.
    """
    if not path.name:
        raise UserError(f"'{path}' cannot be written; expected the name of a file")
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(place, path.suffix) as partial:
            try:
                yield partial
                _synchronise(partial)
                if place.is_file():
                    shutil.copymode(place, partial)
                os.replace(partial, place)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UserError(f"'{path}' cannot be written: {error}") from None


@contextmanager
def _unfinished(place: Path, suffix: str) -> Iterator[Path]:
    """Yield the temporary file of ``place``, or another one while a second process writes it.

    The name is always the same, so that what a killed process left is written over.
    """
    digest = hashlib.blake2b(os.fsencode(place.name), digest_size=8).hexdigest()  # a name may fill all 255 bytes
    usual = place.with_name(f'.part-{digest}{suffix}')
    file = os.open(usual, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it ends with the process
            ours = os.path.samestat(os.fstat(file), usual.stat())
        except (BlockingIOError, FileNotFoundError):  # a second writer, or one that has just finished
            ours = False
        except (ImportError, OSError):  # a system or a disk without locks
            ours = True
        yield usual if ours else place.with_name(f'.part-{uuid.uuid4().hex[:16]}{suffix}')
    finally:
        os.close(file)


def _synchronise(path: Path) -> None:
    with open(path, 'rb') as file:
        os.fsync(file.fileno())


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write to, and move its files into ``folder`` once all of them are whole.

    Files of the same names in ``folder`` stay until then.

    Raises:
        UserError: A file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.part-', dir=folder) as partial:
            yield Path(partial)
            written = sorted(Path(partial).iterdir())
            for file in written:
                if (folder / file.name).is_dir():
                    raise UserError(
                        f"'{folder / file.name}' cannot be written, because it is a folder. Choose another folder"
                        ' for the results'
                    )
            for file in written:
                _synchronise(file)
                os.replace(file, folder / file.name)
    except OSError as error:
        raise UserError(f"the files of '{folder}' cannot be written: {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a text file; see :func:`replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding='utf-8')


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Write a table with one column for each key that a row has; see :func:`replacing`."""
    with replacing(path) as partial, open(partial, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, dict.fromkeys(key for row in rows for key in row))
        writer.writeheader()
        writer.writerows(rows)


def make_folder(path: Path, option: str) -> None:
    """Make a folder for results.

    Raises:
        UserError: It cannot be made; the message names ``option``.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} '{path}' cannot be created: {error}") from None


def check_apart(path: Path, *inputs: str | Path) -> None:
    """Raise an error if an output is also an input.

    Raises:
        UserError: ``path`` is one of the inputs.
    """
    for given in inputs:
        if path.exists() and Path(given).exists() and path.samefile(given):
            raise UserError(f"'{path}' is an input and would be overwritten. Choose another name for the result")


def sha256(path: str | Path) -> str:
    """Return a file's SHA-256 digest in hexadecimal."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
