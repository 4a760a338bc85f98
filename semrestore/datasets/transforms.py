"""Transforms that MMCV and mmpretrain lack: loading any photo as 8-bit RGB, and the eight flips and rotations."""

import os
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Literal, TypeVar

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, ImageOps

from semrestore.errors import UserError, check_is_file
from semrestore.registry import TRANSFORMS

# What Pillow's decoders raise at a broken file: its own errors, and whatever its content leads them to.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, MemoryError, struct.error, zlib.error)

# What is read. Pillow would hand PostScript to Ghostscript, a whole language, in a process of its own and without an end.
FORMATS = ('PNG', 'JPEG', 'BMP', 'DIB', 'GIF', 'PPM', 'TIFF', 'WEBP', 'JPEG2000', 'PCX', 'SGI', 'TGA')  # the usual ones first

STRIP = 256  # rows

PATIENCE_S, POLL_S = 300, 1.0  # for a folder that is away


def read_photo(path: str) -> np.ndarray:
    """Read an image file as 8-bit RGB.

    The rule for other kinds: EXIF orientation is applied; of 16 bits the upper 8 are kept; grey is repeated over the channels; anything
    transparent is laid on white; CMYK, palettes and 1-bit images are converted as Pillow does; of several frames the first is taken.

    Returns:
        Array of shape ``(H, W, 3)``, uint8. Up to 12 bytes a pixel are held in passing; what declares more than 89 million pixels
        (``PIL.Image.MAX_IMAGE_PIXELS``) is refused.

    Raises:
        UserError: The file is no image, is truncated, is too large, or has values without a stated range (floats, 32-bit integers).
    """
    check_is_file(path, 'image')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                image.load()
                ImageOps.exif_transpose(image, in_place=True)  # without a copy where there is nothing to turn
    except BROKEN as error:
        raise UserError(f"image '{path}' cannot be read: {error}; replace it or take it out of the folder") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(f"image '{path}' is refused: {error}") from None
    if image.mode.startswith('I;16') or image.mode == 'I':
        # Pillow opens 16-bit grey PNGs as I;16 or I, depending on its version.
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise UserError(f"image '{path}' has 32-bit values; expected 8 or 16 bits a channel")
        return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == 'F':
        raise UserError(f"image '{path}' has floating point values, whose range is unknown; expected 8 or 16 bits a channel")
    array = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP):  # of the whole, Pillow would have some copies at once in passing
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
        if strip.has_transparency_data:
            strip = strip.convert('RGBA')
            strip = Image.alpha_composite(Image.new('RGBA', strip.size, 'white'), strip)
        array[top : top + STRIP] = np.asarray(strip if strip.mode == 'RGB' else strip.convert('RGB'))
    return array


Read = TypeVar('Read')


def patiently(read: Callable[[str], Read], path: str, patience: float) -> Read:
    """Read a file, and where its whole folder is away, as a network's drive may be, wait for that to come back.

    Args:
        read: What reads it.
        path: Of the file, which was there once; of a link it is the folder that it leads to that counts.
        patience: How long to wait in seconds.

    Raises:
        UserError: As ``read`` does, or the folder is away after that time.
    """
    folder, deadline = None, None
    while True:
        try:
            return read(path)
        except UserError:
            folder = folder or os.path.dirname(os.path.realpath(path))
            if not is_away(folder):
                return read(path)  # it may have come back since
            now = time.monotonic()
            if deadline is None:
                deadline = now + patience
                print(f"warning: folder '{folder}' is away; waiting {patience:g} s for it", file=sys.stderr, flush=True)
            if now > deadline:
                raise UserError(f"folder '{folder}' has been away for {patience:g} s; with it, --resume goes on") from None
            time.sleep(POLL_S)


def read_patiently(path: str, patience: float) -> np.ndarray:
    """Do as :func:`read_photo`, with patience; see :func:`patiently`."""
    return patiently(read_photo, path, patience)


def is_away(folder: str) -> bool:
    """Whether a folder that was there cannot be listed, or is the empty place where something was mounted."""
    try:
        with os.scandir(folder or '.') as entries:
            return next(entries, None) is None
    except OSError:
        return True


def photo_reader(cache: bool, patience: float) -> Callable[[str], np.ndarray]:
    """Return :func:`read_patiently`, or what does the same and keeps every image in memory."""
    return partial(_read_from_cache if cache else read_patiently, patience=patience)


_read_once = lru_cache(maxsize=None)(read_patiently)


def _read_from_cache(path: str, patience: float) -> np.ndarray:
    return _read_once(path, patience).copy()  # a later transform may work in place


@TRANSFORMS.register_module()
class LoadPhoto(BaseTransform):
    """Load ``img_path`` as 8-bit RGB by the rule of :func:`read_photo`, and cut out ``view`` = (top, left, side) where an item has one.

    Args:
        cache: Keep every decoded image in memory, for sets as small as BSDS432 (200 MB), each worker its own.
        patience: How long to wait in seconds where the folder of an image is away.
        channel_order: ``'bgr'`` is for training a task network itself, whose own preprocessing in OpenMMLab expects that.
    """

    def __init__(self, cache: bool = False, patience: float = PATIENCE_S, channel_order: Literal['rgb', 'bgr'] = 'rgb') -> None:
        if channel_order not in ('rgb', 'bgr'):
            raise ValueError(f"channel_order is {channel_order!r}; expected 'rgb' or 'bgr'")
        self.read = photo_reader(cache, patience)
        self.channel_order = channel_order

    def transform(self, results: dict) -> dict:
        """Add ``img`` (an array of shape ``(H, W, 3)``, uint8), ``img_shape`` and ``ori_shape``."""
        image = self.read(results['img_path'])
        if self.channel_order == 'bgr':
            image = np.ascontiguousarray(image[..., ::-1])
        if 'view' in results:
            top, left, side = results['view']
            image = image[top : top + side, left : left + side]
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """A random square of the image and, where there is one, of its label map ``gt_seg_map``.

    mmpretrain's crop leaves the label map as it was, and mmseg's takes less than asked for from a small image.

    Args:
        crop_size: Side in pixels.
        pad_if_needed: Enlarge a smaller image on the right and below, by reflection and, where that is not enough, repetition; labels there
            become 255 (void).

    Raises:
        UserError: The image is smaller and ``pad_if_needed`` is not set; the message names it.
    """

    def __init__(self, crop_size: int, pad_if_needed: bool = False) -> None:
        if crop_size < 1:
            raise ValueError(f'crop_size is {crop_size}; expected at least 1')
        self.crop_size = crop_size
        self.pad_if_needed = pad_if_needed

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and ``gt_seg_map``."""
        height, width = results['img'].shape[:2]
        bottom, right = max(0, self.crop_size - height), max(0, self.crop_size - width)
        if (bottom or right) and not self.pad_if_needed:
            raise UserError(
                f"image '{results.get('img_path')}' is {height} x {width} (height x width), smaller than the crop of {self.crop_size}:"
                ' use a smaller crop_size, resize before it, or set pad_if_needed=True'
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
    """The square in the middle of the image, its corner rounded down as in Caffe's data layer; mmpretrain's rounds to the nearest.

    Args:
        crop_size: Side in pixels.

    Raises:
        UserError: The image is smaller; the message names it.
    """

    def __init__(self, crop_size: int) -> None:
        self.crop_size = crop_size

    def transform(self, results: dict) -> dict:
        """Crop ``img``."""
        height, width = results['img'].shape[:2]
        if min(height, width) < self.crop_size:
            raise UserError(f"image '{results.get('img_path')}' is {height} x {width}, smaller than the crop of {self.crop_size}")
        top, left = (height - self.crop_size) // 2, (width - self.crop_size) // 2
        results['img'] = results['img'][top : top + self.crop_size, left : left + self.crop_size]
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class RandomDihedral(BaseTransform):
    """One of the eight combinations of quarter turns and a mirror, each as likely: the usual augmentation of denoisers' patches."""

    def transform(self, results: dict) -> dict:
        """Turn and mirror ``img`` and, where there is one, its label map ``gt_seg_map``."""
        turns, mirrored = np.random.randint(4), np.random.randint(2)
        for key in ('img', 'gt_seg_map') if 'gt_seg_map' in results else ('img',):
            image = np.rot90(results[key], turns)
            results[key] = np.ascontiguousarray(image[:, ::-1] if mirrored else image)
        results['img_shape'] = results['img'].shape[:2]
        return results
