"""Hold an image with what is kept of it: depth, greyscale, alpha, EXIF and ICC profile."""

import struct
import warnings
import zlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base

from semrestore.errors import UserError
from semrestore.files import replacing
from semrestore.images.formats import STRIP

__all__ = ['Picture', 'from_array', 'from_pil']

# These modes are not RGB, so their profile does not fit the written image.
_OWN_COLOURS = ('CMYK', 'LAB', 'HSV', 'YCbCr')


BRIGHTEST = 1.5
"""What noise may make of white in floats of 0..1; above it they are of another range."""


@dataclass
class Picture:
    """Hold an image's pixels and what is kept of its file."""

    pixels: np.ndarray
    """RGB ``(H, W, 3)`` or grey ``(H, W)``; uint8, uint16, or floats of 0..1."""

    alpha: np.ndarray | None = None
    """Opacity ``(H, W)``, of the dtype of ``pixels``; it is never denoised."""

    metadata: dict[str, bytes] = field(default_factory=dict)
    """``exif`` and ``icc_profile`` as the file has them."""

    kind: str = 'file'
    """What it came as: ``'file'``, ``'array'`` or ``'pil'``."""

    name: str = ''
    """The file it is from, or its number, for messages."""

    frame: int | None = None
    """Number of a frame of a video or of an animated image."""

    time: Fraction | None = None
    """When a frame of a video is shown, in seconds."""

    orientation: int = 1
    """EXIF orientation of the pixels: 1 for upright."""

    @property
    def white(self) -> float:
        """The value of white."""
        return float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind == 'u' else 1.0

    def with_pixels(self, pixels: np.ndarray) -> 'Picture':
        """Return the same picture with other pixels of the same kind."""
        return replace(self, pixels=pixels)

    def as_given(self) -> np.ndarray | Image.Image:
        """Return a PIL image if the input was one, otherwise an array ``(H, W[, C])`` with its alpha channel."""
        array = self._array()
        if self.kind != 'pil':
            return array
        image = Image.fromarray(array)
        image.info.update(self.metadata)
        return image

    def save(self, path: Path) -> None:
        """Write a PNG, whole or not at all.

        Raises:
            UserError: It cannot be written.
        """
        with replacing(path) as partial, open(partial, 'wb') as file:
            self._write(file)

    def _array(self) -> np.ndarray:
        if self.alpha is None:
            return self.pixels
        if self.pixels.ndim == 2:
            return np.stack((self.pixels, self.alpha), axis=-1)
        return np.concatenate((self.pixels, self.alpha[..., None]), axis=-1)

    def _write(self, file: IO[bytes]) -> None:
        array = self._array()
        if array.dtype.kind == 'f':
            array = np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)
        if array.dtype == np.uint16 and array.ndim == 3:  # Pillow cannot write these
            metadata = dict(self.metadata)
            if array.shape[2] == 2:  # it becomes RGBA, which a grey profile does not describe
                metadata.pop('icc_profile', None)
            file.write(_with_metadata(_png_16(array), metadata))
            return
        Image.fromarray(array).save(file, format='PNG', **self.metadata)


def from_pil(image: Image.Image, kind: str = 'pil') -> Picture:
    """Return a PIL image as a picture.

    Palettes, CMYK and the like become RGB, 1 bit becomes grey. The EXIF orientation is kept and not applied.

    Raises:
        UserError: It has values without a stated range (floats, 32-bit integers).
    """
    if 0 in image.size:
        raise UserError(f'has {image.width} x {image.height} pixels; expected at least one')
    _scale_transparent(image)
    image.load()  # it turns a TIFF upright
    metadata, orientation = metadata_of(image), orientation_of(image)
    if image.mode in _OWN_COLOURS:
        metadata.pop('icc_profile', None)
    if image.mode == 'F':
        raise UserError('has floating point values, which have no known range; expected 8 or 16 bits a channel')
    # Pillow has the 16 bits of a PGM in this mode, and an older Pillow those of a PNG.
    if image.mode == 'I' and image.format not in ('PPM', 'PNG'):
        raise UserError('has 32-bit values, which have no known range; expected 8 or 16 bits a channel')
    if image.mode.startswith('I'):
        values = np.asarray(image).astype(np.uint16)
        clear = image.info.get('transparency')  # the one value of a PNG that is transparent
        alpha = np.where(values == clear, 0, 0xFFFF).astype(np.uint16) if isinstance(clear, int) else None
        if alpha is not None and kind == 'pil':
            raise UserError('has 16 bits and transparency, for which Pillow has no mode. Give its file or an array')
        return Picture(values, alpha, metadata, kind, orientation=orientation)
    transparent = image.has_transparency_data
    grey = image.mode in ('1', 'L', 'LA', 'La')
    mode = ('LA' if transparent else 'L') if grey else ('RGBA' if transparent else 'RGB')
    colours, alpha = _pixels(image, mode)
    return Picture(colours, alpha, metadata, kind, orientation=orientation)


def _scale_transparent(image: Image.Image) -> None:
    """Scale the transparent value of a grey PNG of 2 or 4 bits as Pillow scales its pixels, but not that value."""
    tiles = getattr(image, 'tile', ())
    form = str(tiles[0][3]) if tiles else ''
    if image.format == 'PNG' and form in ('L;2', 'L;4') and 'transparency' in image.info:
        image.info['transparency'] *= 255 // (2 ** int(form[-1]) - 1)


def orientation_of(image: Image.Image) -> int:
    """Return an image's orientation from its EXIF data or XMP; 1 (upright) if these are damaged."""
    try:
        return image.getexif().get(Base.Orientation, 1)  # Pillow looks into the XMP as well
    except Exception:  # SyntaxError, struct.error and others
        return 1


def _stated_orientation(metadata: dict[str, bytes]) -> int | None:
    exif = Image.Exif()
    exif.load(metadata.get('exif', b''))
    return exif.get(Base.Orientation)


def metadata_of(image: Image.Image) -> dict[str, bytes]:
    """Return a PIL image's EXIF data, with the orientation of its XMP, and its ICC profile."""
    found = {key: image.info[key] for key in ('exif', 'icc_profile') if image.info.get(key)}
    turn = orientation_of(image)
    if image.format != 'TIFF' and turn != 1 and turn != _stated_orientation(found):
        found['exif'] = image.getexif().tobytes()
    if image.format == 'TIFF' and image.getexif():  # a TIFF has them as tags beside its own
        kept, own = Image.Exif(), image.getexif()
        for tag in (
            Base.ImageDescription,
            Base.Make,
            Base.Model,
            Base.Software,
            Base.DateTime,
            Base.Artist,
            Base.Copyright,
        ):
            if tag in own:
                kept[tag] = own[tag]
        for folder in (IFD.Exif, IFD.GPSInfo):
            if own.get_ifd(folder):
                kept[folder] = dict(own.get_ifd(folder))
        found['exif'] = kept.tobytes()
    return found


def _pixels(image: Image.Image, mode: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colours and opacity of an image in a mode, converted strip by strip."""
    transparent = mode.endswith('A')
    shape = (image.height, image.width)
    colours = np.empty(shape if mode.startswith('L') else (*shape, 3), np.uint8)
    alpha = np.empty(shape, np.uint8) if transparent else None
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
        values = np.asarray(strip if strip.mode == mode else strip.convert(mode))
        if alpha is not None:
            alpha[top : top + STRIP] = values[..., -1]
            values = values[..., 0] if mode == 'LA' else values[..., :3]
        colours[top : top + STRIP] = values
    return colours, alpha


def from_array(array: np.ndarray, name: str = '') -> Picture:
    """Return an array as a picture.

    Args:
        array: ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB with alpha; uint8, uint16, or floats of 0..1.
        name: What messages call it.

    Raises:
        UserError: It has another shape or dtype, no pixels, or values that are not finite.
    """
    expected = 'expected (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or floats of 0..1'
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != 'f':
        raise UserError(f'array {name} has the dtype {array.dtype}; {expected}')
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise UserError(f'array {name} has the shape {array.shape}; {expected}')
    if array.dtype.kind == 'f' and not np.isfinite(array).all():
        raise UserError(f'array {name} has values that are not finite numbers; {expected}')
    if array.dtype.kind == 'f' and (most := float(array.max())) > BRIGHTEST:
        warnings.warn(
            f'array {name} has floats up to {most:g}, which are read as 0..1. Divide values on 0..255 by 255',
            stacklevel=2,
        )
    if array.ndim == 3 and array.shape[2] == 4:
        return Picture(array[..., :3], array[..., 3], kind='array', name=name)
    return Picture(array, kind='array', name=name)


def _png_16(array: np.ndarray) -> bytes:
    import cv2

    if array.shape[2] == 2:  # grey with alpha, which OpenCV lacks
        array = array[..., [0, 0, 0, 1]]
    order = [2, 1, 0, 3][: array.shape[2]]
    done, encoded = cv2.imencode('.png', array[..., order])
    if not done:
        raise OSError('OpenCV cannot encode it')
    return encoded.tobytes()


def _with_metadata(png: bytes, metadata: dict[str, bytes]) -> bytes:
    """Return a PNG with its profile and EXIF chunks after the header (PNG, 3rd edition, 11.3)."""
    chunks = []
    if 'icc_profile' in metadata:
        chunks.append((b'iCCP', b'ICC Profile\0\0' + zlib.compress(metadata['icc_profile'])))
    if 'exif' in metadata:
        chunks.append((b'eXIf', metadata['exif'].removeprefix(b'Exif\0\0')))
    header = 8 + 25  # the signature, and IHDR with its length, name and sum
    added = b''.join(
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data)) for name, data in chunks
    )
    return png[:header] + added + png[header:]
