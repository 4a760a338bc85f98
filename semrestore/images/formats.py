"""What is read: suffixes, Pillow's formats, containers of films; and what a broken file raises."""

import struct
import zlib

_NAMES = 'avif bmp dib gif j2k jfif jp2 jpe jpeg jpg pbm pcx pgm png pnm ppm sgi tga tif tiff webp'
SUFFIXES = frozenset(f'.{name}' for name in _NAMES.split())
"""Of images, in a folder as by name."""

_OTHERS = 'arw cr2 cr3 dng exr hdr heic heif jxl nef orf psd raf rw2'
UNREAD = frozenset(f'.{name}' for name in _OTHERS.split())
"""Of images that are not read: a folder's are named, once."""

VIDEOS = frozenset({'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm'})

FORMATS = ('PNG', 'JPEG', 'BMP', 'DIB', 'GIF', 'PPM', 'TIFF', 'WEBP', 'JPEG2000', 'PCX', 'SGI', 'TGA', 'AVIF')
"""Pillow's names, the usual ones first. Pillow would hand PostScript to Ghostscript, which runs programs."""

CONTAINERS = 'format_whitelist;mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm'
"""For FFmpeg, which would otherwise follow a list of other files under any name."""

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
