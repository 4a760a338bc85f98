"""Decode files, animated images and films as pictures."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from semrestore.errors import UserError, check_is_file
from semrestore.images.film import frames
from semrestore.images.formats import BROKEN, HEIC, VIDEOS, formats, suffixes
from semrestore.images.picture import Picture, from_pil, metadata_of, orientation_of
from semrestore.images.tiff import is_tiff, tiff_page_count, tiff_pictures, turned, without_orientation

__all__ = ['TooManyPixelsError', 'decode', 'is_animated', 'read', 'read_first']


class TooManyPixelsError(UserError):
    """Report that an image has more pixels than Pillow takes."""


def read(path: Path) -> Iterator[Picture]:
    """Yield the picture of a file, or the frames of a video or of an animated image.

    Pixels are as they are stored: the EXIF orientation is kept and not applied. :func:`~semrestore.images.from_pil`
    says what becomes of which kind of image.

    Raises:
        UserError: The file cannot be read, has values without a stated range (floats, 32-bit integers), or declares
            more pixels than Pillow takes (twice ``PIL.Image.MAX_IMAGE_PIXELS``, 179 million).
    """
    if path.suffix.lower() in VIDEOS:
        yield from frames(path)
        return
    check_is_file(path, 'image')
    with _reported(path):
        pages = tiff_pictures(path) if is_tiff(path) else None
        if pages is not None:
            metadata = _tags(path)
            for page in pages:
                yield replace(page, name=str(path), metadata=metadata | page.metadata)
            return
        if is_tiff(path) and (layout := without_orientation(path)) is not None:
            yield from _pages(path, *layout)
            return
        with open_image(path) as image:
            animated = _has_frames(image)
            if animated:
                for number, frame in enumerate(ImageSequence.Iterator(image)):
                    yield replace(from_pil(frame, 'file'), name=str(path), frame=number)
            else:
                picture = _decoded(path, image)
        del image  # frees Pillow's copy while the caller works on ours
        if not animated:
            yield picture


def read_first(path: Path) -> Picture:
    """Return the picture of an image file, or an animated image's first frame; see :func:`read`."""
    check_is_file(path, 'image')
    with _reported(path):
        pages = tiff_pictures(path, first=True) if is_tiff(path) else None
        if pages is not None:
            first = next(pages)
            return replace(first, name=str(path), metadata=_tags(path) | first.metadata, frame=None)
        if is_tiff(path) and (layout := without_orientation(path, first=True)) is not None:
            return next(_pages(path, *layout))
        with open_image(path) as image:
            return _decoded(path, image)


def decode(content: bytes, name: str) -> Picture:
    """Return the picture of an image file's content, or an animated image's first frame; see :func:`read`.

    Args:
        content: What the file holds, in any format that is read.
        name: What to call it in messages. Its suffix may help to tell the format, as that of a file does.

    Raises:
        UserError: As for :func:`read`; the message has the name.
    """
    # Some of the decoding libraries take only files.
    with NamedTemporaryFile(suffix=Path(name).suffix) as file:
        file.write(content)
        file.flush()
        try:
            return replace(read_first(Path(file.name)), name=name)
        except UserError as error:
            raise type(error)(str(error).replace(file.name, name)) from None


def _pages(path: Path, source: Path | BytesIO, layout: list[tuple[int, int]]) -> Iterator[Picture]:
    """Yield the pages of a TIFF that Pillow decodes, upright."""
    with open_image(source) as image:
        if (len(layout) > 1 or layout[0][0] > 0) and _is_wide(image):
            raise UserError('has several pages of 16 bits a channel; expected one page in each file')
        for number, (index, orientation) in enumerate(layout):
            image.seek(index)
            picture = turned(_decoded(path, image, source), orientation)
            yield replace(picture, frame=number if len(layout) > 1 else None)


def _tags(path: Path) -> dict[str, bytes]:
    """Return the EXIF data of a TIFF, or none if Pillow does not know its form."""
    try:
        with open_image(path) as image:
            return metadata_of(image)
    except (*BROKEN, Image.DecompressionBombError):
        return {}


def open_image(path: Path | BytesIO) -> Image.Image:
    """Open an image file or its content without decoding it."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # Pillow warns at half of the limit
        return Image.open(path, formats=formats())


def is_animated(path: Path) -> bool:
    """Return True if a file becomes a folder of frames."""
    if path.suffix.lower() in VIDEOS:
        return True
    if not path.is_file():
        return False
    try:
        if is_tiff(path) and (pages := tiff_page_count(path)) is not None:
            return pages > 1
        with open_image(path) as image:
            return _has_frames(image)
    except (*BROKEN, Image.DecompressionBombError):  # reported when the file is read
        return False


class _reported:  # noqa: N801 (a context manager, written as a class because it is used inside a generator)
    """Add the file's name to errors that its content causes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Image.DecompressionBombError):
            limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
            raise TooManyPixelsError(
                f"image '{self.path}' has more than {limit:.4g} megapixels. Raise the limit by --max-megapixels"
                ' if you trust the file'
            ) from None
        if isinstance(error, UserError):
            raise UserError(f"image '{self.path}' {error}{self._hint()}") from None
        if isinstance(error, UnidentifiedImageError):
            raise UserError(f"image '{self.path}' cannot be read: its format is unknown{self._hint()}") from None
        if isinstance(error, BROKEN):
            raise UserError(f"image '{self.path}' cannot be read: {error}{self._hint()}") from None

    def _hint(self) -> str:
        if self.path.suffix.lower() in HEIC - suffixes():
            return '; HEIC is read where pillow-heif is installed (pip install pillow-heif)'
        if self.path.is_file() and is_tiff(self.path) and not find_spec('imagecodecs'):
            return '; more forms of TIFF are read where imagecodecs is installed (pip install imagecodecs)'
        return ''


def _decoded(path: Path, image: Image.Image, source: Path | BytesIO | None = None) -> Picture:
    if (bits := _bits_of_heif(path, image)) > 8:
        warnings.warn(f"image '{path}' has {bits} bits a channel; only 8 of them are kept", stacklevel=2)
    picture = _sixteen_bit(source or path, image) if _is_wide(image) else from_pil(image, 'file')
    return replace(picture, name=str(path))


def _bits_of_heif(path: Path, image: Image.Image) -> int:
    """Return the bits of a sample of HEIC and AVIF, of which Pillow gives 8; 8 for others."""
    if image.format != 'AVIF':
        return image.info.get('bit_depth', 8) if image.format == 'HEIF' else 8
    content = path.read_bytes()
    place = content.find(b'av1C')  # AV1 Codec ISO Media File Format Binding, 2.3.3: high_bitdepth, twelve_bit
    return 8 if place < 0 or not content[place + 6] & 0x40 else 12 if content[place + 6] & 0x20 else 10


def _is_wide(image: Image.Image) -> bool:
    """Return True if Pillow would cut colour of more than 8 bits a channel to 8."""
    if image.mode not in ('RGB', 'RGBA', 'LA'):
        return False
    if image.format == 'PPM':
        return _most_of_ppm(image) > 255
    if image.format == 'JPEG2000':
        return _bits_of_jpeg2000(Path(image.filename).read_bytes()) > 8  # type: ignore[attr-defined]
    return any(';16' in str(tile[3]) for tile in getattr(image, 'tile', ()))


def _most_of_ppm(image: Image.Image) -> int:
    """Return the value of white in a PPM, which its header says."""
    tiles = getattr(image, 'tile', ())
    return tiles[0].args[1] if tiles and isinstance(tiles[0].args, tuple) else 255


def _bits_of_jpeg2000(content: bytes) -> int:
    """Return the bits of a sample by its header (ISO/IEC 15444-1, A.5.1)."""
    start = content.find(b'\xff\x4f\xff\x51')
    return (content[start + 42] & 0x7F) + 1 if 0 <= start < len(content) - 42 else 8


def _wide_jpeg2000(content: bytes, metadata: dict[str, bytes]) -> Picture:
    try:
        import imagecodecs
    except ImportError:
        raise UserError(
            'cannot be read: JPEG 2000 in colour of more than 8 bits needs imagecodecs. Install it: pip install'
            ' imagecodecs'
        ) from None
    values = imagecodecs.jpeg2k_decode(content)
    values = np.round(values * (65535 / (2 ** _bits_of_jpeg2000(content) - 1))).astype(np.uint16)
    colours = values[..., : 3 if values.shape[2] > 2 else 1].squeeze()
    return Picture(np.ascontiguousarray(colours), values[..., -1] if values.shape[2] in (2, 4) else None, metadata)


def _sixteen_bit(source: Path | BytesIO, image: Image.Image) -> Picture:
    content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    if image.format == 'PPM':
        return Picture(_wide_ppm(content, image))
    if image.format == 'JPEG2000':
        return _wide_jpeg2000(content, metadata_of(image))

    import cv2

    grey = any('LA;16' in str(tile[3]) for tile in getattr(image, 'tile', ()))  # OpenCV returns three equal channels
    metadata, orientation = metadata_of(image), orientation_of(image)
    try:
        array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # such as more than 2**20 pixels in a row
        array = None
    if array is None or array.dtype != np.uint16:
        raise UserError('cannot be read: its 16-bit channels cannot be decoded')
    if array.ndim == 2:
        return Picture(array, metadata=metadata, orientation=orientation)
    colours = np.ascontiguousarray(array[..., 2::-1])
    alpha = np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None
    if grey:
        colours = np.ascontiguousarray(colours[..., 0])
    return Picture(colours, alpha, metadata, orientation=orientation)


def _wide_ppm(content: bytes, image: Image.Image) -> np.ndarray:
    """Return a PPM of more than 8 bits, its white at 65535."""
    most, shape = _most_of_ppm(image), (image.height, image.width, 3)
    tile = image.tile[0]  # type: ignore[attr-defined]
    content = content[tile.offset :]
    if tile.codec_name == 'ppm_plain':
        values = np.array(re.sub(rb'#[^\n\r]*', b'', content).split()[: np.prod(shape)], np.int64)
    else:
        values = np.frombuffer(content, '>u2', min(len(content) // 2, int(np.prod(shape)))).astype(np.int64)
    if len(values) != np.prod(shape):
        raise UserError('is truncated')
    if values.max() > most:
        raise UserError(f'has values above the {most} that its header says')
    return np.round(values.reshape(shape) * (65535 / most)).astype(np.uint16)


def _has_frames(image: Image.Image) -> bool:
    # A telephone's MPO is a photo followed by a second one.
    return getattr(image, 'n_frames', 1) > 1 and image.format != 'MPO'
