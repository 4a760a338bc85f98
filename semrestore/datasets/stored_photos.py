"""Share what data sets of photos in tables and archives have in common."""

import operator
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from semrestore.datasets.photo_folder import Part, check_part
from semrestore.errors import UserError
from semrestore.images.split import held_out


class StoredPhotos(Dataset):
    """Index photos by row, and pass the content of image files to the pipeline.

    Nothing is held in memory for a row. A row has the same name and the same index in every process and every run.

    Args:
        rows: How many rows there are.
        name: Name of the data set, which prefixes the names of metrics; none by default.
        part: ``'train'`` leaves out the rows that are held out, ``'held_out'`` takes those alone, as in
            :class:`~semrestore.datasets.PhotoFolder`.
        indices: Take the first rows, if it is a number, or these rows of the part.
        classes: Names of the classes, if the rows have labels.
        pipeline: Transforms, :class:`~semrestore.datasets.LoadPhoto` first.

    Raises:
        UserError: ``part`` is unknown or empty.
    """

    METAINFO: Mapping[str, Any] = dict(dataset_type='photos')

    def __init__(
        self,
        rows: int,
        name: str | None = None,
        part: Part | None = None,
        indices: int | Sequence[int] | None = None,
        classes: Sequence[str] = (),
        pipeline: Sequence[dict] = (),
    ) -> None:
        kind = type(self).__name__
        if part not in (None, *get_args(Part)):
            raise UserError(f"part of {kind} is '{part}'; expected one of {', '.join(get_args(Part))}, or None")
        taken = np.arange(rows)
        if part is not None:
            apart = np.array(held_out(rows), int)
            taken = apart if part == 'held_out' else np.setdiff1d(taken, apart)
            check_part(len(taken), rows, f'the data set of {kind}')
        if indices is not None:
            taken = taken[:indices] if isinstance(indices, int) else taken[list(indices)]
        self._rows = taken
        self.name = name
        self.metainfo = {**self.METAINFO, **({'classes': tuple(classes)} if classes else {})}
        self.pipeline = Compose(list(pipeline))

    def __len__(self) -> int:
        return len(self._rows)

    def full_init(self) -> None:
        """Do nothing: ``ConcatDataset`` of MMEngine calls it."""

    def get_data_info(self, index: int) -> dict:
        """Return an image's ``img_path``, ``name``, ``dataset_name`` and, if it has one, ``gt_label``.

        ``img_path`` says in messages where the image lies; it is not a file.
        """
        return self._read(index)[0]

    def __getitem__(self, index: int) -> Any:
        """Return the pipeline's result for an image."""
        info, content = self._read(index)
        return self.pipeline({**info, 'img_bytes': content})

    def _read(self, index: int) -> tuple[dict, bytes]:
        info, content = self.read_row(int(self._rows[index]))
        return {**info, 'dataset_name': self.name}, content

    @abstractmethod
    def read_row(self, row: int) -> tuple[dict, bytes]:
        """Return ``img_path``, ``name`` and the label, if any, of a row, and the content of its image file.

        Raises:
            UserError: The row has no image; the message names it.
        """


def as_label(value: object, where: str) -> int:
    """Return a label as a whole number.

    Args:
        value: A number, or its digits as the content of a file.
        where: What an error calls it.

    Raises:
        UserError: It is not a whole number.
    """
    try:
        return int(value) if isinstance(value, str | bytes) else operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UserError(f'{where} is {value!r}; expected the number of a class') from None
