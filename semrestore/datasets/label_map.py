"""Load label maps as mmseg does, with an error for files that are not label maps."""

from pathlib import Path
from typing import Any

from mmcv.transforms import BaseTransform
from PIL import Image

from semrestore.errors import UserError, check_is_file
from semrestore.images.formats import BROKEN
from semrestore.images.read import open_image
from semrestore.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadLabelMap(BaseTransform):
    """Load a label map like mmseg's ``LoadAnnotations``, after the transform that loads the image.

    Args:
        **kwargs: mmseg's arguments.

    Raises:
        UserError: The file is missing or broken, has colours instead of classes, or another size than the image.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.load = TRANSFORMS.build(dict(type='mmseg.LoadAnnotations', **kwargs))

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map``, an array of shape ``(H, W)``, uint8."""
        path = results['seg_map_path']
        try:
            self.check(path, results['ori_shape'])
            return self.load(results)
        except (*BROKEN, Image.DecompressionBombError) as error:
            raise UserError(
                f"label map '{path}' cannot be read: {error}. Replace it, or remove it from the list"
            ) from None

    @staticmethod
    def check(path: str, shape: tuple[int, int]) -> None:
        """Check a file's header before decoding: one class a pixel, at the image's size ``(H, W)``."""
        check_is_file(path, 'label map')
        with open_image(Path(path)) as image:
            mode, (width, height) = image.mode, image.size
        if mode not in ('1', 'L', 'P'):  # mmseg would take others modulo 256
            raise UserError(f"label map '{path}' has pixels of mode '{mode}'; expected 8-bit classes, grey or palette")
        if (height, width) != tuple(shape):
            raise UserError(
                f"label map '{path}' is {height} x {width} pixels; expected {shape[0]} x {shape[1]} (height x"
                ' width), as its image'
            )
