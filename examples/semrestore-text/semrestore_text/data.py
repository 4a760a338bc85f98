"""Load images of lines with their texts."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from semrestore.datasets import PhotoFolder
from semrestore.errors import UserError
from semrestore.registry import DATASETS, TRANSFORMS

TEXTS = 'texts.csv'


@DATASETS.register_module()
class TextLines(PhotoFolder):
    """A folder of images of one line each; ``texts.csv`` in it has the columns ``name`` and ``text``.

    ``python -m semrestore_text.pages`` writes such a folder.

    Args:
        **kwargs: What PhotoFolder takes.
    """

    def __init__(self, **kwargs: Any) -> None:
        how = 'Write one: python -m semrestore_text.pages FOLDER.'
        super().__init__(**{'how_to_get': how, **kwargs})

    def load_data_list(self) -> list[dict]:
        """List the images with their texts, one dict each."""
        photos = super().load_data_list()
        texts = read_texts(self.folder / TEXTS)
        if missing := [photo['name'] for photo in photos if photo['name'] not in texts]:
            raise UserError(f"'{self.folder / TEXTS}' has no text for '{missing[0]}'; expected a line for each image")
        return [{**photo, 'gt_text': texts[photo['name']]} for photo in photos]


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts of a CSV file by the names of their images."""
    try:
        with open(path, encoding='utf-8', newline='') as file:
            return {row['name']: row['text'] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise UserError(
            f"'{path}' cannot be read: {error!r}; expected a CSV file with the columns name and text"
        ) from None


def write_texts(path: Path, texts: dict[str, str]) -> None:
    """Write what :func:`read_texts` reads."""
    with open(path, 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerows([('name', 'text'), *texts.items()])


@TRANSFORMS.register_module()
class PackText(BaseTransform):
    """Make the ``inputs`` and the data sample, with the text as ``gt_text`` where there is one.

    Of a line that was cropped the text is left out, since a part of it is not in the image.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``img`` and ``gt_text``."""
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        keys = ('img_path', 'name', 'dataset_name')
        sample = BaseDataElement(metainfo={key: results[key] for key in keys if results.get(key) is not None})
        whole = all(now >= before for now, before in zip(results['img'].shape, results['ori_shape'], strict=False))
        if 'gt_text' in results and whole:
            sample.gt_text = results['gt_text']
        return dict(inputs=torch.from_numpy(image), data_samples=sample)
