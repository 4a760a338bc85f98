"""Load photos from a Hugging Face data set: Arrow or Parquet files, a folder, or the hub."""

import glob
from pathlib import Path
from typing import Any

from semrestore.datasets.stored_photos import StoredPhotos, as_label
from semrestore.errors import UserError, check_is_file, first_line, near
from semrestore.registry import DATASETS

HUB = 'hf:'
FORMATS = {'.parquet': 'parquet', '.arrow': 'arrow'}


@DATASETS.register_module()
class HuggingFacePhotos(StoredPhotos):
    """Load the images of a column in the order of the rows, decoded by semrestore's own reader.

    It needs the extra ``datasets``.

    Args:
        path: A folder that ``save_to_disk`` wrote; Parquet or Arrow files, as one file or a glob, in sorted order; or
            ``'hf:OWNER/NAME'`` on the Hugging Face Hub. Arrow files are read where they lie. Parquet files are
            converted once, into the cache of ``datasets``, which takes as much space again.
        split: Which part of a data set that has several, such as ``'train'``: one of the hub, or a folder that a
            ``DatasetDict`` wrote.
        image: Column of the images: ``datasets``' own kind, or the content of files.
        label: Column of the class labels, if the training uses them.
        data_root: Folder that ``path`` is below.
        cache_dir: Where ``datasets`` keeps what it converts or downloads; by default its own choice.
        **kwargs: ``name``, ``part``, ``indices`` and ``pipeline``, as for :class:`~semrestore.datasets.PhotoFolder`.

    Each item gives the pipeline ``img_bytes``, ``img_path`` (for messages), ``name`` (the number of the row),
    ``dataset_name`` and, with ``label``, ``gt_label``.

    Raises:
        UserError: ``datasets`` is missing, the files, the split or the column do not exist, or they cannot be read.
    """

    def __init__(
        self,
        path: str,
        split: str | None = None,
        image: str = 'image',
        label: str | None = None,
        data_root: str = '',
        cache_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            import datasets
            from datasets import Image  # a folder of that name beside a config has no such attribute
        except ImportError as error:
            raise UserError(
                f'HuggingFacePhotos needs datasets ({first_line(error)}). Install it: pip install'
                " 'semrestore[datasets]'"
            ) from None
        self.path = path if path.startswith(HUB) else str(Path(data_root) / path)
        self.image, self.label = image, label
        try:
            table = _load(datasets, self.path, split, cache_dir)
        except UserError:
            raise
        except Exception as error:  # a damaged file can raise any error
            raise UserError(f"data set '{self.path}' cannot be read: {type(error).__name__}: {error}") from error
        table = self._one_split(table, split)
        for column in filter(None, (image, label)):
            if column not in table.column_names:
                raise UserError(
                    f"data set '{self.path}' has no column '{column}'.{near(column, table.column_names)} There are:"
                    f' {", ".join(table.column_names)}'
                )
        table = table.select_columns(list(filter(None, (image, label))))
        if isinstance(table.features[image], Image):
            table = table.cast_column(image, Image(decode=False))
        self.table = table
        classes = getattr(table.features[label], 'names', ()) if label else ()
        super().__init__(len(table), classes=classes, **kwargs)

    def read_row(self, row: int) -> tuple[dict, bytes]:
        """See :meth:`StoredPhotos.read_row`."""
        cells = self.table[row]
        where = f'{self.path}, row {row}'
        info: dict[str, Any] = dict(img_path=where, name=str(row))
        if self.label:
            info['gt_label'] = as_label(cells[self.label], f"column '{self.label}' of '{where}'")
        return info, self._content(cells[self.image], where)

    def _content(self, cell: object, where: str) -> bytes:
        content, path = (cell.get('bytes'), cell.get('path')) if isinstance(cell, dict) else (cell, None)
        if content is None and isinstance(path, str):
            check_is_file(path, f"image of '{where}':")
            return Path(path).read_bytes()
        if not isinstance(content, bytes):
            kind = 'nothing' if content is None else f'a {type(content).__name__}'
            raise UserError(f"column '{self.image}' of '{where}' holds {kind}; expected the content of an image file")
        return content

    def _one_split(self, table: Any, split: str | None) -> Any:
        if not isinstance(table, dict):
            if split is not None and not self.path.startswith(HUB):  # there load_dataset has chosen it
                raise UserError(
                    f"split is '{split}', but the files of data set '{self.path}' have no splits. Leave split out, and"
                    ' name the files of one as path'
                )
            return table
        if split not in table:
            asked = 'and split names none of them' if split is None else f"and none is '{split}'"
            raise UserError(
                f"data set '{self.path}' has the splits {', '.join(table)}, {asked}. Set split to one of them"
            )
        return table[split]


def _load(datasets: Any, path: str, split: str | None, cache_dir: str | None) -> Any:
    """Load a data set, or a dict of its splits."""
    if path.startswith(HUB):
        return datasets.load_dataset(path.removeprefix(HUB), split=split, cache_dir=cache_dir)
    if Path(path).is_dir():
        return datasets.load_from_disk(path)
    files = [path] if Path(path).is_file() else sorted(glob.glob(path, recursive=True))
    kinds = {Path(file).suffix.lower() for file in files}
    if not files or len(kinds) > 1 or not kinds <= set(FORMATS):
        there = f'there are {", ".join(sorted(kinds))} files' if files else 'there is no such file or folder'
        raise UserError(
            f"data set '{path}': {there}; expected a folder of save_to_disk, {' or '.join(FORMATS)} files, or"
            f" '{HUB}OWNER/NAME'"
        )
    if kinds == {'.arrow'}:
        return datasets.concatenate_datasets([datasets.Dataset.from_file(file) for file in files])
    return datasets.load_dataset('parquet', data_files=files, split='train', cache_dir=cache_dir)
