"""Images as they come, and as they go back: depth, greyscale, alpha, EXIF and ICC profile are kept."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence
from PIL.ExifTags import IFD, Base

from semrestore.datasets.photo_folder import SUFFIXES
from semrestore.datasets.transforms import BROKEN, FORMATS
from semrestore.errors import UserError, check_is_file
from semrestore.files import replacing

VIDEOS = frozenset({'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm'})
# What FFmpeg may take a film for: not for a list of other files, whatever its name is.
CONTAINERS = 'format_whitelist;mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm'
# Colours of these are no RGB, so their profile does not fit what is written.
_OWN_COLOURS = ('CMYK', 'LAB', 'HSV', 'YCbCr')


@dataclass
class Picture:
    """An image and what is to be kept of it."""

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

    @property
    def white(self) -> float:
        """The value of white."""
        return float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind == 'u' else 1.0

    def with_pixels(self, pixels: np.ndarray) -> 'Picture':
        """Return the same picture with other pixels of the same kind."""
        return replace(self, pixels=pixels)

    def as_given(self) -> object:
        """Return it as it came: a PIL image for a PIL image, else an array ``(H, W[, C])`` with its alpha channel."""
        array = self._array()
        if self.kind != 'pil':
            return array
        image = Image.fromarray(array)
        image.info.update(self.metadata)
        return image

    def save(self, path: Path) -> None:
        """Write a PNG, beside its destination first, and moved there once it is whole.

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

    def _write(self, file: io.BufferedIOBase) -> None:
        array = self._array()
        if array.dtype.kind == 'f':
            array = np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)
        if array.dtype == np.uint16 and array.ndim == 3:  # which Pillow cannot write
            file.write(_with_metadata(_png_16(array), self.metadata))
            return
        Image.fromarray(array).save(file, format='PNG', **self.metadata)


def read(path: Path) -> Iterator[Picture]:
    """Yield the picture of a file, or the frames of a video or of an animated image.

    Pixels are as they are stored: EXIF orientation is kept and not applied. Palettes, CMYK and the like become RGB, 1 bit becomes grey.

    Raises:
        UserError: It cannot be read, declares more pixels than Pillow takes (twice ``PIL.Image.MAX_IMAGE_PIXELS``, 179 million), or has
            values without a stated range (floats, 32-bit integers).
    """
    if path.suffix.lower() in VIDEOS:
        yield from _video(path)
        return
    check_is_file(path, 'image')
    try:
        with _open(path) as image:
            animated = _has_frames(image)
            if animated and _is_wide(image):
                raise UserError('has several pages of 16 bits a channel; expected one in each file')
            if animated:
                for number, frame in enumerate(ImageSequence.Iterator(image)):
                    yield replace(from_pil(frame, 'file'), name=str(path), frame=number)
            else:
                picture = _sixteen_bit(path, image) if _is_wide(image) else from_pil(image, 'file')
        del image  # Pillow's copy of it, which would stay for as long as the caller works on ours
        if not animated:
            yield replace(picture, name=str(path))
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise UserError(f"image '{path}' is refused: it declares more than {limit:.0f} megapixels (--max-megapixels)") from None
    except UserError as error:
        raise UserError(f"image '{path}' {error}") from None
    except BROKEN as error:
        raise UserError(f"image '{path}' cannot be read: {error}") from None


def from_pil(image: Image.Image, kind: str = 'pil') -> Picture:
    """Return a PIL image as a picture; ``read`` says what becomes of which mode."""
    metadata = _metadata(image)
    if image.mode in _OWN_COLOURS:
        metadata.pop('icc_profile', None)
    if image.mode == 'F':
        raise UserError('has floating point values, whose range is unknown; expected 8 or 16 bits a channel')
    if image.mode.startswith('I'):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise UserError('has 32-bit values; expected 8 or 16 bits a channel')
        return Picture(values.astype(np.uint16), metadata=metadata, kind=kind)
    transparent = image.has_transparency_data
    grey = image.mode in ('1', 'L', 'LA', 'La')
    mode = ('LA' if transparent else 'L') if grey else ('RGBA' if transparent else 'RGB')
    array = _pixels(image if image.mode == mode else image.convert(mode))
    if not transparent:
        return Picture(array, metadata=metadata, kind=kind)
    colours = array[..., 0] if grey else array[..., :3]
    return Picture(np.ascontiguousarray(colours), np.ascontiguousarray(array[..., -1]), metadata, kind)


def _metadata(image: Image.Image) -> dict[str, bytes]:
    found = {key: image.info[key] for key in ('exif', 'icc_profile') if image.info.get(key)}
    if image.format == 'TIFF' and image.getexif():  # in which they are tags beside those of the file itself
        kept, own = Image.Exif(), image.getexif()
        for tag in (Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.Copyright):
            if tag in own:
                kept[tag] = own[tag]
        for folder in (IFD.Exif, IFD.GPSInfo):
            if own.get_ifd(folder):
                kept[folder] = dict(own.get_ifd(folder))
        found['exif'] = kept.tobytes()
    return found


def _pixels(image: Image.Image) -> np.ndarray:
    """Return ``numpy.array(image)``, made in strips: Pillow would have the whole of it twice more in passing."""
    strips = (image.crop((0, top, image.width, min(top + 256, image.height))) for top in range(0, image.height, 256))
    first = np.asarray(next(strips))
    array = np.empty((image.height, *first.shape[1:]), first.dtype)
    array[: len(first)] = first
    for number, strip in enumerate(strips, 1):
        array[256 * number : 256 * (number + 1)] = np.asarray(strip)
    return array


def from_array(array: np.ndarray, name: str = '') -> Picture:
    """Return an array as a picture.

    Args:
        array: ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB with alpha; uint8, uint16, or floats of 0..1.
        name: What messages call it.

    Raises:
        UserError: It has another shape or dtype, no pixels, or values that are no numbers.
    """
    expected = 'expected (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or floats of 0..1'
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != 'f':
        raise UserError(f'array {name} has the dtype {array.dtype}; {expected}')
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise UserError(f'array {name} has the shape {array.shape}; {expected}')
    if array.dtype.kind == 'f' and not np.isfinite(array).all():
        raise UserError(f'array {name} has values that are no finite numbers')
    if array.ndim == 3 and array.shape[2] == 4:
        return Picture(array[..., :3], array[..., 3], kind='array', name=name)
    return Picture(array, kind='array', name=name)


def _open(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # at half of what is refused
        return Image.open(path, formats=FORMATS)


def _is_wide(image: Image.Image) -> bool:
    """Whether colour of 16 bits a channel would be cut to 8 by Pillow."""
    return image.mode in ('RGB', 'RGBA', 'LA') and any('16' in str(tile[3]) for tile in image.tile)


def _sixteen_bit(path: Path, image: Image.Image) -> Picture:
    import cv2

    metadata = _metadata(image)
    try:
        array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # more than 2**20 pixels in a row, say
        array = None
    if array is None or array.dtype != np.uint16:
        raise UserError('cannot be read: its 16-bit channels cannot be decoded')
    if array.ndim == 2:
        return Picture(array, metadata=metadata)
    colours = np.ascontiguousarray(array[..., 2::-1])
    return Picture(colours, np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None, metadata)


def _png_16(array: np.ndarray) -> bytes:
    import cv2

    if array.shape[2] == 2:  # grey with alpha, which OpenCV has not
        array = array[..., [0, 0, 0, 1]]
    order = [2, 1, 0, 3][: array.shape[2]]
    done, encoded = cv2.imencode('.png', array[..., order])
    if not done:
        raise OSError('OpenCV cannot encode it')
    return encoded.tobytes()


def _with_metadata(png: bytes, metadata: dict[str, bytes]) -> bytes:
    """Return a PNG with the chunks of its profile and of its EXIF data, which stand behind the header (PNG, 3rd edition, 11.3)."""
    chunks = []
    if 'icc_profile' in metadata:
        chunks.append((b'iCCP', b'ICC Profile\0\0' + zlib.compress(metadata['icc_profile'])))
    if 'exif' in metadata:
        chunks.append((b'eXIf', metadata['exif'].removeprefix(b'Exif\0\0')))
    header = 8 + 25  # the signature, and IHDR with its length, name and sum
    added = b''.join(struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data)) for name, data in chunks)
    return png[:header] + added + png[header:]


def _video(path: Path) -> Iterator[Picture]:
    import cv2

    check_is_file(path, 'video')
    os.environ.setdefault('OPENCV_FFMPEG_CAPTURE_OPTIONS', CONTAINERS)
    video = cv2.VideoCapture(str(path))
    number = 0
    try:
        while True:
            done, frame = video.read()
            if not done:
                break
            yield Picture(np.ascontiguousarray(frame[..., ::-1]), name=str(path), frame=number)
            number += 1
    finally:
        video.release()
    if number == 0:
        raise UserError(f"video '{path}' cannot be read: it has no frames, or OpenCV lacks its codec")


def is_animated(path: Path) -> bool:
    """Return whether a file becomes a folder of frames."""
    if path.suffix.lower() in VIDEOS:
        return True
    if not path.is_file():
        return False
    try:
        with _open(path) as image:
            return _has_frames(image)
    except (*BROKEN, Image.DecompressionBombError):  # which is reported when it is read
        return False


def _has_frames(image: Image.Image) -> bool:
    # A telephone's MPO is a photo with another one of it behind.
    return getattr(image, 'n_frames', 1) > 1 and image.format != 'MPO'


def is_readable(path: Path) -> bool:
    """Whether a file's suffix is that of an image or of a video."""
    return path.suffix.lower() in SUFFIXES | VIDEOS | {'.gif'}
