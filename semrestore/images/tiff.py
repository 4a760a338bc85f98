"""Decode TIFF by its tags (depth, meaning of zero, planes, opacity, orientation, thumbnails), with tifffile."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import PREFIXES

from semrestore.errors import UserError
from semrestore.images.formats import BROKEN
from semrestore.images.picture import Picture

__all__ = ['is_tiff', 'tiff_page_count', 'tiff_pictures', 'turned', 'without_orientation']

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
REDUCED, MASK = 1, 4
"""Bits of NewSubfileType: a smaller version of another page, and which of its pixels count."""

OLD_SUBFILETYPE, OLD_REDUCED = 255, 2

UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2
MOST_PAGES = 10_000
ORIENTATION, XMP, ICC_PROFILE = 274, 700, 34675

logging.getLogger('tifffile').setLevel(logging.CRITICAL)  # its remarks on a file; errors are raised as well


def is_tiff(path: Path) -> bool:
    """Return whether a file begins like a TIFF."""
    with open(path, 'rb') as file:
        return file.read(4) in PREFIXES


def tiff_pictures(path: Path, first: bool = False) -> Iterator[Picture] | None:
    """Return the pages of a TIFF upright, without thumbnails; ``None`` if Pillow decodes the file correctly.

    Here are grey and RGB of 8 to 16 bits, with opacity or without, in one piece or in planes. Palettes, CMYK, YCbCr
    and bilevel images are Pillow's.

    Args:
        path: The file.
        first: Look for the first page alone.

    Raises:
        UserError: The file is compressed in a way for which tifffile needs imagecodecs, and nothing else has it right.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            pages = _full_pages(file, first)
            if not all(_is_ours(page, path) for page in pages):
                return None
            if len(pages) == 1:
                return iter([_picture(pages[0])])
    except _MissingCodecError as error:
        if error.known_elsewhere:
            return None
        raise UserError(f'cannot be decoded: {error}') from None
    except BROKEN:
        return None  # Pillow reads the file or reports the error
    return _frames(path, [page.index for page in pages])


def tiff_page_count(path: Path) -> int | None:
    """Return how many pictures a TIFF has, only from its tags; ``None`` if they are damaged."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            return len(_full_pages(file, first=False))
    except BROKEN:
        return None


def without_orientation(path: Path, first: bool = False) -> tuple[Path | BytesIO, list[tuple[int, int]]] | None:
    """Return a TIFF for Pillow, and the place and orientation of each of its pages; ``None`` if its tags are damaged.

    Pillow scrambles uncompressed pixels that are to be turned by 90 degrees, so that none are to be turned here. By XMP
    it turns them itself.

    Args:
        path: The file.
        first: Look for the first page alone.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            pages = _full_pages(file, first)
            order: Any = 'little' if file.byteorder == '<' else 'big'
            tags = [tag for page in pages if (tag := page.tags.get(ORIENTATION)) and tag.value in range(2, 9)]
            found = [(page.index, _stated_orientation(page)) for page in pages]
    except BROKEN:
        return None
    if not tags:
        return path, found
    content = bytearray(path.read_bytes())
    for tag in tags:
        content[tag.valueoffset : tag.valueoffset + tag.valuebytecount] = (1).to_bytes(tag.valuebytecount, order)
    return BytesIO(content), found


def turned(picture: Picture, orientation: int) -> Picture:
    """Return a picture upright, from the orientation in which it is stored."""
    pixels, alpha = (
        None if one is None else np.ascontiguousarray(TURNS[orientation](one))
        for one in (picture.pixels, picture.alpha)
    )
    assert pixels is not None
    return replace(picture, pixels=pixels, alpha=alpha, orientation=1)


def _orientation(page: Any) -> int:
    """Return the orientation of a page from its tag, or from its XMP, as Pillow does."""
    xmp = page.tags.get(XMP)
    if ORIENTATION in page.tags or xmp is None:
        return _stated_orientation(page)
    found = re.search(rb'tiff:Orientation(?:="|>)([1-8])', bytes(xmp.value))
    return int(found[1]) if found else 1


def _stated_orientation(page: Any) -> int:
    tag = page.tags.get(ORIENTATION)
    return tag.value if tag and tag.value in TURNS else 1


def _full_pages(file: Any, first: bool) -> list:
    """Return the pages that are not thumbnails or masks; if all are, return the first."""
    full: list = []
    seen: set[int] = set()
    for page in file.pages:
        if page.offset in seen or len(seen) >= MOST_PAGES:
            raise ValueError('its pages form a circle, or are too many')
        seen.add(page.offset)
        old = page.tags.get(OLD_SUBFILETYPE)
        if not int(page.subfiletype) & (REDUCED | MASK) and not (old and old.value == OLD_REDUCED):
            full.append(page)
        if first and full:
            break
    return full or [file.pages[0]]


class _MissingCodecError(Exception):
    known_elsewhere = False


def _frames(path: Path, indices: list) -> Iterator[Picture]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        for number, index in enumerate(indices):
            picture = _picture(file.pages[index])
            picture.frame = number
            yield picture


def _is_ours(page: Any, path: Path) -> bool:
    bits = page.bitspersample
    limit = 2 * (Image.MAX_IMAGE_PIXELS or np.inf)
    if page.imagewidth * page.imagelength > limit:
        raise Image.DecompressionBombError
    if (
        not isinstance(bits, int)
        or not 8 <= bits <= 16
        or int(page.sampleformat) != 1
        or int(page.photometric) not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        or (int(page.photometric) != RGB and page.samplesperpixel > 2)  # bands that are not light
        or page.imagedepth != 1
    ):
        return False
    size = path.stat().st_size
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    whole = all(start > 0 and count > 0 and start + count <= size for start, count in parts)
    if whole and int(page.compression) == 1:
        whole = sum(count for _, count in parts) >= _expected_bytes(page)
    return whole


def _expected_bytes(page: Any) -> int:
    samples = page.samplesperpixel if int(page.planarconfig) == 1 else 1
    planes = 1 if int(page.planarconfig) == 1 else page.samplesperpixel
    row = -(-page.imagewidth * samples * page.bitspersample // 8)
    return planes * page.imagelength * row


def _picture(page: Any) -> Picture:
    values = _values(page)
    colours = 3 if int(page.photometric) == RGB else 1
    if values.shape[2] < colours:
        raise ValueError(f'{values.shape[2]} samples a pixel for {colours} colours')
    if int(page.photometric) == WHITE_IS_ZERO:
        values[..., :1] = np.iinfo(values.dtype).max - values[..., :1]
    extra = [int(kind) for kind in page.extrasamples]
    if not extra and values.shape[2] == 4:
        extra = [UNASSOCIATED]  # OpenCV does not say so
    opaque = next((place for place, kind in enumerate(extra) if kind != UNSPECIFIED), None)
    alpha = None if opaque is None else values[..., colours + opaque]
    pixels = values[..., :3] if colours == 3 else values[..., 0]
    if alpha is not None and opaque is not None and extra[opaque] == ASSOCIATED:
        pixels = _straight(pixels, alpha)
    profile = page.tags.get(ICC_PROFILE)
    metadata = {'icc_profile': bytes(profile.value)} if profile else {}
    return turned(Picture(pixels, alpha, metadata), _orientation(page))


TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}
"""What makes pixels upright, by the tag Orientation (TIFF 6.0, section 8)."""


def _values(page: Any) -> np.ndarray:
    """Return a page's samples ``(H, W, S)``, uint8 or uint16; 9 to 15 bits are scaled up to 16."""
    bits = page.bitspersample
    planar = int(page.planarconfig) == 2 and page.samplesperpixel > 1
    if bits in (8, 16):
        try:
            array = page.asarray()
        except (ValueError, ImportError) as error:  # the latter for zstd before Python 3.14
            if isinstance(error, ValueError) and 'imagecodecs' not in str(error):
                raise
            missing = _MissingCodecError(str(error))
            missing.known_elsewhere = _is_known_elsewhere(page, planar)
            raise missing from None
        height, width = page.imagelength, page.imagewidth
        array = array.reshape((-1, height, width) if planar else (height, width, -1))
    else:
        array = _unpacked(page, planar)
    values = np.array(np.moveaxis(array, 0, -1) if planar else array)
    if bits in (8, 16):
        return values
    return np.round(values * (65535 / (2**bits - 1))).astype(np.uint16)


def _is_known_elsewhere(page: Any, planar: bool) -> bool:
    """Return whether Pillow (or OpenCV for 16 bits) decodes this form correctly, in any compression."""
    meaning, extra = int(page.photometric), set(map(int, page.extrasamples))
    if page.bitspersample == 8:
        return not planar or meaning == RGB
    return not planar and meaning != WHITE_IS_ZERO and extra <= {UNASSOCIATED}


def _unpacked(page: Any, planar: bool) -> np.ndarray:
    """Return samples of 9 to 15 bits that lie one behind the other, each row from a byte on."""
    if int(page.compression) != 1 or page.is_tiled:
        raise _MissingCodecError(f'{page.bitspersample} bits a sample, compressed or in tiles')
    bits, height, width = page.bitspersample, page.imagelength, page.imagewidth
    samples, planes = (1, page.samplesperpixel) if planar else (page.samplesperpixel, 1)
    file = page.parent.filehandle
    data = bytearray()
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(start)
        data += file.read(count)
    row = -(-width * samples * bits // 8)
    rows = np.frombuffer(bytes(data[: planes * height * row]), np.uint8).reshape(planes, height, row)
    each = np.unpackbits(rows, axis=2)[..., : width * samples * bits].reshape(planes, height, width * samples, bits)
    weights = 1 << np.arange(bits - 1, -1, -1)
    values = (each @ weights).astype(np.uint16).reshape(planes, height, width, samples)
    return values[..., 0] if planar else values[0]


def _straight(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours without the opacity that they were stored multiplied by."""
    most = np.iinfo(pixels.dtype).max
    opacity = alpha if pixels.ndim == 2 else alpha[..., None]
    straight = np.round(pixels.astype(np.float64) * most / np.maximum(opacity, 1))
    return np.where(opacity > 0, np.minimum(straight, most), 0).astype(pixels.dtype)
