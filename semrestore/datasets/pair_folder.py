"""Load photographs of real noise, each with its clean partner."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset

from semrestore.datasets.transforms import photo_reader
from semrestore.errors import UserError
from semrestore.images.listing import images_below
from semrestore.registry import DATASETS, TRANSFORMS


@DATASETS.register_module()
class PairFolder(BaseDataset):
    """Find noisy images and their clean partners in a folder, by a mark in the file names.

    ======== ========== ========= ==============================================================
    data     ``noisy``  ``clean`` example
    ======== ========== ========= ==============================================================
    CC       ``_real``  ``_mean`` ``5dmark3_iso3200_1_real.png``, ``5dmark3_iso3200_1_mean.png``
    PolyU    ``_real``  ``_mean`` as CC
    SIDD     ``NOISY_`` ``GT_``   ``0001_NOISY_SRGB_010.PNG``, ``0001_GT_SRGB_010.PNG``
    ======== ========== ========= ==============================================================

    Args:
        data_root: Folder that holds the data sets.
        folder: The pairs' folder, below ``data_root``. It is searched recursively.
        noisy: What a noisy image has in its file name.
        clean: What its partner in the same folder has there instead.
        name: Name of the data set, which prefixes the names of metrics; none by default.
        pipeline: Transforms, :class:`LoadPair` first.

    Each item gives the pipeline ``img_path`` (the clean image), ``noisy_path``, ``name`` (the noisy path below the
    folder, without suffix and mark) and ``dataset_name``.

    Raises:
        UserError: The folder is missing, has no noisy image, or one has no partner.
    """

    METAINFO = dict(dataset_type='pairs')

    def __init__(
        self,
        data_root: str = '',
        folder: str = '',
        noisy: str = '_real',
        clean: str = '_mean',
        name: str | None = None,
        pipeline: Sequence[dict] = (),
        **kwargs: Any,
    ) -> None:
        if not noisy or noisy == clean:
            raise ValueError(f"noisy is '{noisy}' and clean '{clean}'; expected two different parts of file names")
        self.folder = Path(data_root) / folder
        self.noisy, self.clean = noisy, clean
        self.name = name
        super().__init__(data_root=data_root, pipeline=list(pipeline), serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the pairs, one dict each."""
        if not self.folder.is_dir():
            raise UserError(
                f"folder '{self.folder}' of pairs does not exist. Set SEMRESTORE_DATA to the folder that contains it"
            )
        found = [path for path in images_below(self.folder) if self.noisy in path.stem]
        if not found:
            raise UserError(f"folder '{self.folder}' has no image with '{self.noisy}' in its name")
        return [self._pair(path) for path in found]

    def _pair(self, path: Path) -> dict:
        # If a name has the mark several times, the last one counts.
        before, _, after = path.name.rpartition(self.noisy)
        partner = path.with_name(f'{before}{self.clean}{after}')
        if not partner.is_file():
            raise UserError(f"'{path}' has no clean partner '{partner.name}'")
        below = path.relative_to(self.folder).with_name(f'{before}{after}').with_suffix('')
        return dict(img_path=str(partner), noisy_path=str(path), name=below.as_posix(), dataset_name=self.name)


@TRANSFORMS.register_module()
class LoadPair(BaseTransform):
    """Load ``img_path`` and ``noisy_path`` as one image of six channels, so that crops and flips keep them together.

    Files are read by the rule of :func:`~semrestore.images.read_photo`.

    Args:
        cache: Keep every decoded image in memory, each worker its own.

    Raises:
        UserError: One cannot be read, or they differ in size.
    """

    def __init__(self, cache: bool = False) -> None:
        self.cache = cache

    def transform(self, results: dict) -> dict:
        """Add ``img`` (an array of shape ``(H, W, 6)``, uint8), ``img_shape`` and ``ori_shape``."""
        clean, noisy = (photo_reader(self.cache)(results[key]) for key in ('img_path', 'noisy_path'))
        if clean.shape != noisy.shape:
            sizes = ' and '.join(f'{image.shape[0]} x {image.shape[1]}' for image in (noisy, clean))
            raise UserError(
                f"'{results['noisy_path']}' and its clean partner '{Path(results['img_path']).name}' differ in size:"
                f' {sizes}'
            )
        results['img'] = np.concatenate((clean, noisy), axis=2)
        results['img_shape'] = results['ori_shape'] = clean.shape[:2]
        return results
