"""The frames of a film, by OpenCV."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from semrestore.errors import UserError, check_is_file
from semrestore.images.formats import CONTAINERS
from semrestore.images.picture import Picture

__all__ = ['frames']

COUNTED = frozenset({'.avi', '.m4v', '.mov', '.mp4'})
"""Containers that hold the number of their frames; others hold a duration."""

WHOLE = 0.9
"""Of its duration a film without a count has to last."""


def frames(path: Path) -> Iterator[Picture]:
    """Yield the frames of a film as 8-bit RGB pictures; what cannot be decoded is passed over, and reported at the end.

    Raises:
        UserError: The file is missing, has no frames, or OpenCV lacks its codec; or, after the last frame, fewer frames
            came out than the file says that it has.
    """
    import cv2

    check_is_file(path, 'video')
    os.environ.setdefault('OPENCV_FFMPEG_CAPTURE_OPTIONS', CONTAINERS)
    packets = _packets(path)
    video = cv2.VideoCapture(str(path))
    number = failures = 0
    last = 0.0
    try:
        count, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
        expected = max(packets, int(count)) if path.suffix.lower() in COUNTED else packets
        while True:
            done, frame = video.read()
            if not done:
                failures += 1
                if number + failures > packets:
                    break
                continue
            last = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield Picture(np.ascontiguousarray(frame[..., ::-1]), name=str(path), frame=number)
            number += 1
    finally:
        video.release()
    if number == 0:
        raise UserError(f"video '{path}' cannot be read: it has no frames, or OpenCV lacks its codec")
    if number < expected:
        raise UserError(f"video '{path}' is damaged or cut off: {number} of its {expected} frames can be decoded")
    if path.suffix.lower() not in COUNTED and rate > 0 and last + 2 / rate < WHOLE * count / rate:
        raise UserError(f"video '{path}' is cut off: it ends after {last:.1f} of {count / rate:.1f} s")


def _packets(path: Path) -> int:
    """Return how many pieces of a film's picture the file holds, without decoding them."""
    import cv2

    video: Any = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_FORMAT, -1)
    count = 0
    try:
        while video.grab():
            count += 1
    finally:
        video.release()
    return count
