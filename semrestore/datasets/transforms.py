"""Transforms that MMCV and mmpretrain lack: load any photo as 8-bit RGB, crop with labels, turn and mirror."""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
from mmcv.transforms import BaseTransform

from semrestore.errors import UserError
from semrestore.images import decode_photo, read_photo
from semrestore.registry import TRANSFORMS

_read_once = lru_cache(maxsize=None)(read_photo)
_decode_once = lru_cache(maxsize=None)(decode_photo)


def photo_reader(cache: bool) -> Callable[[str], np.ndarray]:
    """Return :func:`~semrestore.images.read_photo`, or a function that also keeps every image in memory."""
    # A copy, because a later transform may work in place.
    return (lambda path: _read_once(path).copy()) if cache else read_photo


@TRANSFORMS.register_module()
class LoadPhoto(BaseTransform):
    """Load ``img_path`` as 8-bit RGB by the rule of :func:`~semrestore.images.read_photo`.

    If an item has ``img_bytes``, the content of an image file, that is decoded instead. If it has ``view`` = (top,
    left, side), that square is cut out.

    Args:
        cache: Keep every decoded image in memory, for sets as small as BSDS432 (200 MB), each worker its own.
        channel_order: ``'bgr'`` is for training a task network itself, whose preprocessing in OpenMMLab expects that.
    """

    def __init__(self, cache: bool = False, channel_order: Literal['rgb', 'bgr'] = 'rgb') -> None:
        if channel_order not in ('rgb', 'bgr'):
            raise ValueError(f"channel_order is {channel_order!r}; expected 'rgb' or 'bgr'")
        self.cache = cache
        self.channel_order = channel_order

    def transform(self, results: dict) -> dict:
        """Add ``img`` (an array of shape ``(H, W, 3)``, uint8), ``img_shape`` and ``ori_shape``."""
        if 'img_bytes' in results:
            content = results.pop('img_bytes'), results['img_path']
            image = _decode_once(*content).copy() if self.cache else decode_photo(*content)
        else:
            image = photo_reader(self.cache)(results['img_path'])
        if self.channel_order == 'bgr':
            image = np.ascontiguousarray(image[..., ::-1])
        if 'view' in results:
            top, left, side = results['view']
            image = image[top : top + side, left : left + side]
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


def _refuse_boxes(transform: BaseTransform, results: dict) -> None:
    """Raise a :class:`UserError` if an item has boxes, which would stay where they were."""
    if 'gt_bboxes' in results:
        raise UserError(
            f"{type(transform).__name__} does not move boxes, but '{results.get('img_path')}' has gt_bboxes. Use"
            ' mmcv.RandomFlip, mmcv.Resize and mmcv.Pad, which take the boxes along'
        )


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """Crop a random square of the image and of its label map ``gt_seg_map``, if there is one.

    mmpretrain's crop leaves the label map as it was, and mmseg's takes less than asked for from a small image.

    Args:
        crop_size: Side in pixels.
        pad_if_needed: Enlarge a smaller image on the right and below, by reflection and, where that is not enough,
            repetition; labels there become 255 (void).

    Raises:
        UserError: The image is smaller and ``pad_if_needed`` is not set, or it has boxes; the message names it.
    """

    def __init__(self, crop_size: int, pad_if_needed: bool = False) -> None:
        if crop_size < 1:
            raise ValueError(f'crop_size is {crop_size}; expected at least 1')
        self.crop_size = crop_size
        self.pad_if_needed = pad_if_needed

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and ``gt_seg_map``."""
        _refuse_boxes(self, results)
        height, width = results['img'].shape[:2]
        bottom, right = max(0, self.crop_size - height), max(0, self.crop_size - width)
        if (bottom or right) and not self.pad_if_needed:
            raise UserError(
                f"image '{results.get('img_path')}' is {height} x {width} (height x width), smaller than the crop"
                f' of {self.crop_size}. Use a smaller crop_size, resize before the crop, or set pad_if_needed=True'
            )
        top = np.random.randint(height + bottom - self.crop_size + 1)
        left = np.random.randint(width + right - self.crop_size + 1)
        for key in ('img', 'gt_seg_map') if 'gt_seg_map' in results else ('img',):
            image = results[key]
            if bottom or right:
                padding = [(0, bottom), (0, right)] + [(0, 0)] * (image.ndim - 2)
                how = dict(mode='symmetric') if key == 'img' else dict(constant_values=255)
                image = np.pad(image, padding, **how)
            results[key] = np.ascontiguousarray(image[top : top + self.crop_size, left : left + self.crop_size])
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class CaffeCenterCrop(BaseTransform):
    """Crop the middle square of the image. The corner is rounded down as in Caffe (mmpretrain rounds to nearest).

    Args:
        crop_size: Side in pixels.

    Raises:
        UserError: The image is smaller or has boxes; the message names it.
    """

    def __init__(self, crop_size: int) -> None:
        self.crop_size = crop_size

    def transform(self, results: dict) -> dict:
        """Crop ``img``."""
        _refuse_boxes(self, results)
        height, width = results['img'].shape[:2]
        if min(height, width) < self.crop_size:
            raise UserError(
                f"image '{results.get('img_path')}' is {height} x {width} (height x width), smaller than the crop"
                f' of {self.crop_size}. Use a smaller crop_size'
            )
        top, left = (height - self.crop_size) // 2, (width - self.crop_size) // 2
        results['img'] = results['img'][top : top + self.crop_size, left : left + self.crop_size]
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class RandomDihedral(BaseTransform):
    """Apply one of the eight combinations of quarter turns and a mirror, all equally likely.

    Raises:
        UserError: The image has boxes; the message names it.
    """

    def transform(self, results: dict) -> dict:
        """Turn and mirror ``img`` and its label map ``gt_seg_map``, if there is one."""
        _refuse_boxes(self, results)
        turns, mirrored = np.random.randint(4), np.random.randint(2)
        for key in ('img', 'gt_seg_map') if 'gt_seg_map' in results else ('img',):
            image = np.rot90(results[key], turns)
            results[key] = np.ascontiguousarray(image[:, ::-1] if mirrored else image)
        results['img_shape'] = results['img'].shape[:2]
        return results
