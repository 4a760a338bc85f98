"""Label maps as mmseg loads them, with a message for what is none."""

from mmcv.transforms import BaseTransform
from PIL import Image

from semrestore.datasets.transforms import BROKEN, FORMATS, PATIENCE_S, patiently
from semrestore.errors import UserError, check_is_file
from semrestore.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadLabelMap(BaseTransform):
    """mmseg's ``LoadAnnotations``, behind the transform that loads the image.

    Args:
        patience: How long to wait in seconds where the folder of a label map is away.
        **kwargs: mmseg's arguments.

    Raises:
        UserError: The file is missing or broken, has colours instead of classes, or another size than the image's file.
    """

    def __init__(self, patience: float = PATIENCE_S, **kwargs) -> None:
        self.patience = patience
        self.load = TRANSFORMS.build(dict(type='mmseg.LoadAnnotations', **kwargs))

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map``, an array of shape ``(H, W)``, uint8."""

        def read(path: str) -> dict:
            self.check(path, results['ori_shape'])
            try:
                return self.load(results)
            except BROKEN as error:
                raise UserError(f"label map '{path}' cannot be read: {error}; replace it or take it out of the list") from None

        return patiently(read, results['seg_map_path'], self.patience)

    @staticmethod
    def check(path: str, shape: tuple[int, int]) -> None:
        """Look at what a file says of itself, before anything is decoded: one class a pixel of the image ``(H, W)``."""
        check_is_file(path, 'label map')
        try:
            with Image.open(path, formats=FORMATS) as image:
                mode, (width, height) = image.mode, image.size
        except (*BROKEN, Image.DecompressionBombError) as error:
            raise UserError(f"label map '{path}' cannot be read: {error}; replace it or take it out of the list") from None
        if mode not in ('1', 'L', 'P'):  # mmseg would take others modulo 256
            raise UserError(f"label map '{path}' has pixels of the kind '{mode}'; expected classes of 8 bits, grey or palette")
        if (height, width) != tuple(shape):
            raise UserError(f"label map '{path}' is {height} x {width}, its image {shape[0]} x {shape[1]} (height x width)")
