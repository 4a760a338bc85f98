"""Labelled photos in a tar archive, as data sets of a few ten thousand small images are passed on; unpacked once into a cache."""

import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from mmpretrain.datasets import CustomDataset

from semrestore.checkpoint import sha256
from semrestore.datasets.transforms import BROKEN
from semrestore.errors import UserError
from semrestore.registry import DATASETS

__all__ = ['ClassArchive', 'cache_folder', 'unpacked']

# What its content can cause, beside the OSErrors of the disk it goes to.
DAMAGED = (tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, RecursionError, *(kind for kind in BROKEN if kind is not OSError))
DICTIONARY = 2**27  # twice what xz -9 asks for
SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class ClassArchive(CustomDataset):
    """mmpretrain's data set of class folders, read from a tar archive that holds them; the label is the place of the folder's name.

    The archive is unpacked once, into a folder of the cache that is named by its content (:func:`unpacked`), so every pipeline finds
    files there.

    Args:
        data_root: Folder of the archive.
        archive: Its name: ``.tar``, ``.tar.gz`` and whatever else :mod:`tarfile` reads, with the class folders at its top or alone in
            one folder.
        **kwargs: What mmpretrain's ``CustomDataset`` takes besides.

    Raises:
        UserError: The archive is missing, damaged, or has no class folders.
    """

    def __init__(self, data_root: str = '', archive: str = '', **kwargs) -> None:
        path = Path(data_root) / archive
        super().__init__(data_root=str(_class_folder(unpacked(path), path)), extensions=SUFFIXES, **kwargs)


def cache_folder() -> Path:
    """Return where what can be made again is kept: ``SEMRESTORE_CACHE``, or ``semrestore`` in the user's cache folder."""
    if own := os.environ.get('SEMRESTORE_CACHE'):
        return Path(own).expanduser()
    return Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'semrestore'


def unpacked(archive: Path) -> Path:
    """Return a folder of the cache with what a tar archive holds, unpacking it if that was not done before.

    Several processes may ask at once. Nothing is written outside the folder: paths and hard links that lead out of it are refused,
    and symbolic links altogether.

    Raises:
        UserError: The archive is missing or damaged, holds more than the disk has free, or the cache cannot be written.
    """
    if not archive.is_file():
        raise UserError(f"archive '{archive}' does not exist; docs/data.md says how to get the data")
    folder = cache_folder() / f'{archive.name.split(".", 1)[0]}-{sha256(archive)[:12]}'
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'{folder.name}.part') as partial:
            _check_dictionaries(archive)
            with tarfile.open(archive, tarinfo=_ShortHeader) as file:
                within = _within(shutil.disk_usage(partial).free)
                while member := file.next():
                    file.extract(member, partial, filter=within)
                    # tarfile would keep both to the end; a link's target is a file by now.
                    file.members.clear()
                    file.pax_headers.clear()
                while file.fileobj.read(2**20):  # to the end of the compressed data, where their checksum is
                    pass
            try:
                os.rename(partial, folder)
            except OSError:
                if not folder.is_dir():  # another process was quicker otherwise
                    raise
            else:
                os.mkdir(partial)  # for the context to remove
    except DAMAGED as error:
        raise UserError(f"archive '{archive}' cannot be unpacked, is it whole? {error}") from None
    except OSError as error:
        raise UserError(f"archive '{archive}' cannot be unpacked into '{folder}' (SEMRESTORE_CACHE names another place): {error}") from None
    return folder


def _check_dictionaries(archive: Path) -> None:
    """Refuse what xz needs more than ``DICTIONARY`` bytes to unpack: :mod:`tarfile` lets it have what it asks for, up to 4 GB."""
    with archive.open('rb') as file:
        unpacker = lzma.LZMADecompressor(memlimit=DICTIONARY)
        packed = file.read(2**16)
        try:
            while packed or not unpacker.needs_input:
                unpacker.decompress(packed, 2**20)
                if unpacker.eof:  # others may follow
                    packed = unpacker.unused_data or file.read(2**16)
                    unpacker = lzma.LZMADecompressor(memlimit=DICTIONARY)
                else:
                    packed = file.read(2**16) if unpacker.needs_input else b''
        except lzma.LZMAError as error:  # of another kind: damaged, or no xz at all, which tarfile says
            if 'limit' in str(error):
                raise tarfile.ReadError(f'its xz needs more than {DICTIONARY >> 20} MiB; pack it by gzip') from None


class _ShortHeader(tarfile.TarInfo):
    """Refuses extended headers that are no names any more: :mod:`tarfile` reads each into memory at once."""

    LONGEST = 2**12  # a path's; before Python 3.11.10 and 3.12.6 tarfile takes time with the square of it, 30 ms for this
    EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        """Read a header."""
        member = super().frombuf(buf, encoding, errors)
        if member.size < 0:  # by which tarfile would go back, and find the same for ever
            raise tarfile.ReadError('a size below 0')
        if member.type in cls.EXTENDED and member.size > cls.LONGEST:
            raise tarfile.ReadError(f'a header of {member.size} bytes')
        return member


def _within(free: int) -> Callable[[tarfile.TarInfo, str], tarfile.TarInfo | None]:
    """Return tarfile's filter for data, which also adds up the sizes that are declared."""

    def check(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        nonlocal free
        free -= member.size
        if free < 0:
            raise tarfile.TarError('it holds more than the disk has free')
        if member.issym():  # to a folder above it, there would be no end of photos
            raise tarfile.TarError(f"'{member.name}' is a symbolic link; pack what it leads to, as by tar --dereference")
        member = tarfile.data_filter(member, folder)
        if member.islnk() and not os.path.exists(os.path.join(folder, member.linkname)):  # tarfile would read all of the archive for it
            raise tarfile.TarError(f"'{member.name}' is a link to what is not before it")
        return member

    return check


def _class_folder(folder: Path, archive: Path) -> Path:
    """Return the folder of the class folders, below folders that hold nothing but the next."""
    while True:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith('.')]
        folders = [entry for entry in entries if entry.is_dir()]
        if len(entries) != 1 or not folders:
            break
        folder = folders[0]
    if len(folders) < 2:
        raise UserError(f"archive '{archive}' has no class folders: expected two folders of images or more, at its top or in one folder")
    return folder
