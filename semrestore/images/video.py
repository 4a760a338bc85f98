"""Read the frames of a film, by OpenCV."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from semrestore.errors import UserError, check_is_file
from semrestore.images.containers import is_whole
from semrestore.images.formats import CONTAINERS
from semrestore.images.picture import Picture

__all__ = ['frames']

OPTIONS = 'OPENCV_FFMPEG_CAPTURE_OPTIONS'
ATTEMPTS = 1000
"""In a row that fail before a film is taken to be at its end; OpenCV does not tell the end from damage."""

COUNTED = frozenset({'.m4v', '.mov', '.mp4'})
"""Containers with an entry for each picture. Others state an estimate, or count pictures that were left out."""

HIDDEN = b'VP80'
"""A codec some of whose packets hold pictures that are never shown."""

WIDE = frozenset({b'RGB0', b'0RGB', b'BGR0', b'0BGR'})
"""FFmpeg's codes of 48 bits a pixel, which end in the number 48; that of 64 has an ``@``, which is 64."""

ALPHA_MODE = b'\x53\xc0\x81\x01'
"""Of a WebM whose opacity is a second picture (https://www.webmproject.org/docs/container)."""


def frames(path: Path) -> Iterator[Picture]:
    """Yield a film's frames as 8-bit RGB pictures. Frames that cannot be decoded are skipped and reported at the end.

    An alpha channel and more than 8 bits a channel are dropped with a warning.

    Raises:
        UserError: The file is missing, has no frames, or OpenCV lacks its codec; or, after the last frame, fewer frames
            came out than the file holds.
    """
    check_is_file(path, 'video')
    packets = _packets(path)
    number = 0
    with _opened(path) as video:
        if dropped := _dropped(path, video):
            warnings.warn(f"film '{path}' has {dropped}, which is lost: its frames become 8-bit RGB", stacklevel=2)
        for _ in _successes(video.grab):
            done, frame = video.retrieve()
            if done:
                yield Picture(np.ascontiguousarray(frame[..., ::-1]), name=str(path), frame=number)
                number += 1
    if number == 0:
        raise UserError(f"film '{path}' cannot be read: it has no frames, or OpenCV has no codec for it")
    if number < packets and (found := _decodable(path)) < packets:
        raise UserError(f"film '{path}' is damaged or cut off: only {found} of its {packets} frames can be decoded")
    if not is_whole(path):
        raise UserError(
            f"film '{path}' is damaged or cut off: {number} frames can be decoded, and an unknown number is lost"
        )


@contextmanager
def _opened(path: Path, options: str = CONTAINERS) -> Iterator[Any]:
    import cv2

    before = os.environ.get(OPTIONS)
    os.environ[OPTIONS] = options
    video = cv2.VideoCapture(str(path))
    if before is None:
        del os.environ[OPTIONS]
    else:
        os.environ[OPTIONS] = before
    try:
        yield video
    finally:
        video.release()


def _packets(path: Path) -> int:
    """Return how many pictures a film shows, without decoding them."""
    import cv2

    hidden = count = 0
    with _opened(path) as video:
        hides = _letters(video.get(cv2.CAP_PROP_FOURCC)) == HIDDEN
        stated = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if path.suffix.lower() in COUNTED else 0
        video.set(cv2.CAP_PROP_FORMAT, -1)
        for number in _successes(video.grab):
            hidden += hides and not video.retrieve()[1].ravel()[0] & 0x10  # RFC 6386, 9.1: show_frame
            count = number
    return max(count - hidden, stated)


def _decodable(path: Path) -> int:
    """Return how many frames a film has, including those that its edit list hides."""
    with _opened(path, f'{CONTAINERS}|ignore_editlist;1') as video:
        return sum(video.retrieve()[0] for _ in _successes(video.grab))


def _successes(grab: Callable[[], bool]) -> Iterator[int]:
    """Grab frames to the end, past failures, and yield the number of each success, counting failures."""
    number = failed = 0
    while failed < ATTEMPTS:
        number += 1
        if grab():
            failed = 0
            yield number
        else:
            failed += 1


def _dropped(path: Path, video: Any) -> str:
    """Return what a film's pictures have beyond 8-bit RGB, from the code of FFmpeg's pixel format."""
    import cv2

    code = _letters(video.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
    planes = code if code[:1] in (b'Y', b'G') else code[::-1]  # the other order of bytes
    if planes[:1] in (b'Y', b'G') and planes[1:2] in (b'1', b'2', b'3', b'4') and planes[3] <= 16:
        opaque, bits = planes[1:2] in (b'1', b'3'), planes[3]
    else:
        opaque, bits = b'A' not in code, 16 if b'@' in code or code in WIDE else 8
    with open(path, 'rb') as file:
        opaque = opaque and ALPHA_MODE not in file.read(1 << 16)
    found = [] if opaque else ['an alpha channel']
    return ' and '.join(found + ([f'{bits} bits a channel'] if bits > 8 else []))


def _letters(code: float) -> bytes:
    return (int(code) & 0xFFFFFFFF).to_bytes(4, 'little')
