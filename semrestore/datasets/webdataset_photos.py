"""Load photos from WebDataset shards: tar files in which a sample's files share a name and lie together."""

import glob
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from semrestore.datasets.stored_photos import StoredPhotos, as_label
from semrestore.errors import UserError, check_is_file, first_line
from semrestore.files import read_text
from semrestore.images.formats import suffixes
from semrestore.registry import DATASETS

OPEN_SHARDS = 256
"""A process keeps so many open, each one a file and its index."""

LONGEST_NAME = 99
"""Bytes of a name in a tar file that wids reads whole."""


@DATASETS.register_module()
class WebDatasetPhotos(StoredPhotos):
    """Load the images of local tar files in order, decoded by semrestore's own reader.

    It needs the extra ``webdataset``, whose module ``wids`` finds a sample by its index. None of its decoders is used,
    because they unpickle.

    Args:
        shards: One or a list of: a tar file, a pattern with ``*`` or with ``{000..127}``, or the index (``.json``) that
            ``wids-index create`` writes, which spares counting the samples of each shard at the start.
        image: Suffix of the images in a sample, such as ``'.jpg'`` or ``'.left.png'``: all that follows the first dot
            of a file's name. By default any suffix of an image; a sample has to have one such file.
        label: Suffix of the files with the number of the class, such as ``'.cls'``, if the training uses labels.
        data_root: Folder that the shards are below.
        **kwargs: ``name``, ``part``, ``indices`` and ``pipeline``, as for :class:`~semrestore.datasets.PhotoFolder`.

    Each item gives the pipeline ``img_bytes``, ``img_path`` (for messages), ``name`` (the shard below ``data_root``
    without its suffix, and the sample's key), ``dataset_name`` and, with ``label``, ``gt_label``.

    Raises:
        UserError: ``webdataset`` is missing, or a shard does not exist or cannot be read by ``wids``.
    """

    def __init__(
        self,
        shards: str | Sequence[str],
        image: str | None = None,
        label: str | None = None,
        data_root: str = '',
        **kwargs: Any,
    ) -> None:
        _reader()
        self.root = Path(data_root)
        self.image, self.label = image, label
        given = [shards] if isinstance(shards, str) else list(shards)
        counts: list[tuple[Path, int | None]] = []
        for one in given:
            counts += _indexed(self.root / one) if one.endswith('.json') else [(path, None) for path in self._find(one)]
        self.shards = [path for path, _ in counts]
        self._open = lru_cache(OPEN_SHARDS)(_open)
        sizes = [len(self._open(path)) if count is None else count for path, count in counts]
        self._ends = np.cumsum(sizes)
        super().__init__(sum(sizes), **kwargs)

    def read_row(self, row: int) -> tuple[dict, bytes]:
        """See :meth:`StoredPhotos.read_row`."""
        number = int(np.searchsorted(self._ends, row, side='right'))
        path = self.shards[number]
        place = row - (int(self._ends[number - 1]) if number else 0)
        samples = self._open(path)
        if place >= len(samples):
            raise UserError(
                f"shard '{path}' has {len(samples)} samples, fewer than its index says. Write the index again"
            )
        sample = samples[place]
        key = sample.pop('__key__')
        suffix = self._image_of(sample, f"sample '{key}' of shard '{path}'")
        below = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        info: dict[str, Any] = dict(img_path=f'{path}/{key}{suffix}', name=f'{below.with_suffix("").as_posix()}/{key}')
        if self.label:
            if self.label not in sample:
                raise UserError(f"sample '{key}' of shard '{path}' has no '{self.label}'; it has {', '.join(sample)}")
            info['gt_label'] = as_label(sample[self.label].read(), f"'{path}/{key}{self.label}'")
        return info, sample[suffix].read()

    def _image_of(self, sample: dict, which: str) -> str:
        found = [one for one in sample if (one == self.image if self.image else one.lower() in suffixes())]
        if len(found) == 1:
            return found[0]
        asked = f"no '{self.image}'" if self.image else f'{len(found) or "no"} images'
        raise UserError(
            f'{which} has {asked}; expected one of {", ".join(sample)}. Set image to the suffix of the images'
        )

    def _find(self, pattern: str) -> list[Path]:
        from braceexpand import braceexpand

        found: list[Path] = []
        for one in map(str, braceexpand(str(self.root / pattern))):
            matches = [one] if Path(one).is_file() else sorted(glob.glob(one, recursive=True))
            if not matches:
                raise UserError(
                    f"shard '{one}' does not exist; expected a tar file on this machine, or an index (.json)"
                )
            found += map(Path, matches)
        return found

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != '_open'}  # a file that is open stays here

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open = lru_cache(OPEN_SHARDS)(_open)


def _reader() -> Any:
    """Return the class with which :mod:`wids` opens a shard.

    Its own data set around it would copy each shard to another folder, or write a lock file beside it.
    """
    try:
        from wids.wids import IndexedTarSamples
    except ImportError as error:
        raise UserError(
            f'WebDatasetPhotos needs webdataset with wids ({first_line(error)}). Install it: pip install'
            " 'semrestore[webdataset]'"
        ) from None
    return IndexedTarSamples


def _open(path: Path) -> Any:
    """Return the samples of a shard, mapped into memory."""
    check_is_file(path, 'shard')
    reader = _reader()
    try:
        samples = reader(path=str(path))
        names = list(samples.reader.names())
    except Exception as error:  # a damaged file can raise any error
        raise UserError(
            f"shard '{path}' cannot be read: {type(error).__name__}: {error}; expected an uncompressed tar file"
        ) from error
    long = next((name for name in names if len(name.encode()) > LONGEST_NAME), None)
    if long is not None or len(names) != len(samples.reader):
        reason = f"a name of more than {LONGEST_NAME} bytes ('{long[:40]}...')" if long else 'two files of one name'
        raise UserError(f"shard '{path}' has {reason}, which wids cannot read. Write the shard with shorter names")
    samples.stream.close()  # what is mapped stays
    return samples


def _indexed(index: Path) -> list[tuple[Path, int | None]]:
    """Return the shards of an index with their numbers of samples."""
    try:
        entries = json.loads(read_text(index, 'index'))['shardlist']
        shards = [(index.parent / entry['url'], int(entry['nsamples'])) for entry in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"index '{index}' cannot be read: {type(error).__name__}: {error}; expected a file that `wids-index"
            ' create` wrote'
        ) from None
    for path, _ in shards:
        check_is_file(path, f"index '{index}' names a shard that is not on this machine:")
    return list(shards)
