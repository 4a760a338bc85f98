"""Label maps as mmseg loads them, with a message for what is none."""

from mmcv.transforms import BaseTransform
from PIL import Image

from semrestore.datasets.transforms import BROKEN
from semrestore.errors import UserError, check_is_file
from semrestore.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadLabelMap(BaseTransform):
    """mmseg's ``LoadAnnotations``, behind the transform that loads the image.

    Args:
        **kwargs: Its arguments.

    Raises:
        UserError: The file is missing or broken, has colours instead of classes, or another size than the image's file.
    """

    def __init__(self, **kwargs) -> None:
        self.load = TRANSFORMS.build(dict(type='mmseg.LoadAnnotations', **kwargs))

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map``, an array of shape ``(H, W)``, uint8."""
        path = results['seg_map_path']
        check_is_file(path, 'label map')
        try:
            with Image.open(path) as image:
                mode = image.mode
            if mode not in ('1', 'L', 'P'):  # mmseg would take others modulo 256
                raise UserError(
                    f"label map '{path}' has pixels of the kind '{mode}' (Pillow's word); expected 8-bit classes, grey or palette"
                )
            results = self.load(results)
        except (*BROKEN, AttributeError, Image.DecompressionBombError) as error:
            raise UserError(f"label map '{path}' cannot be read: {error}; replace it or take it out of the list") from None
        found, expected = (' x '.join(map(str, shape)) for shape in (results['gt_seg_map'].shape, results['ori_shape']))
        if found != expected:
            raise UserError(f"label map '{path}' is {found}, its image {expected} (height x width): expected one class a pixel")
        return results
