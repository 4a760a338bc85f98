"""List what can be read (suffixes, Pillow's formats), and the errors of broken files."""

import struct
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

from PIL import Image, features

VIDEOS = frozenset({'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm'})

_FORMATS = 'PNG JPEG BMP DIB GIF PPM TIFF WEBP JPEG2000 PCX SGI TGA AVIF HEIF'
_RANGELESS = frozenset({'.pfm'})
"""PPM's sister of floats without a stated range."""


@cache
def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are read, the usual ones first.

    AVIF is among them where Pillow reads it, and HEIF where ``pillow-heif`` is installed. Others are left out: Pillow
    would hand PostScript to Ghostscript, which runs programs.
    """
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    known = [name for name in _FORMATS.split() if name in Image.OPEN]
    return tuple(name for name in known if name != 'AVIF' or features.check('avif'))


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of the formats that are read, for folders and for single files."""
    known = {*formats(), 'MPO'}  # Pillow opens it as JPEG
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known) - _RANGELESS


_OTHERS = 'arw cr2 cr3 dng exr hdr heic heif hif jxl nef orf pfm psd raf rw2'
_RAW = frozenset(f'.{name}' for name in _OTHERS.split())
_STARTS = (
    b'\xff\xd8\xff',  # JPEG
    b'\x89PNG',
    b'GIF8',
    b'II*\0',  # TIFF, in either order of bytes
    b'MM\0*',
    b'\0\0\0\x0cjP  ',  # JPEG 2000
    b'\0\0\0\x0cJXL ',
    b'8BPS',  # Photoshop
    b'\x76\x2f\x31\x01',  # OpenEXR
    b'#?RADIANCE',
)
HEIC = frozenset({'.heic', '.heics', '.heif', '.heifs', '.hif'})
"""Suffixes that pillow-heif reads."""

_BRANDS = frozenset({b'avif', b'avis', b'heic', b'heix', b'heim', b'hevc', b'mif1', b'msf1', b'crx '})
"""Of still images in ISO's base media format (ISO/IEC 14496-12, 4.3)."""


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its suffix or first bytes, whether or not it can be read."""
    if path.suffix.lower() in suffixes() | _RAW:
        return True
    try:
        with open(path, 'rb') as file:
            start = file.read(12)
    except OSError:
        return False
    return (
        start.startswith(_STARTS)
        or (start[:4] == b'RIFF' and start[8:] == b'WEBP')
        or (start[4:8] == b'ftyp' and start[8:] in _BRANDS)
    )


BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise at a broken file: their own errors, and whatever its content leads them to."""

STRIP = 256
"""Rows that are converted at a time: of a whole image Pillow would hold several copies in passing."""
