"""The frames of a film, by OpenCV."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from semrestore.errors import UserError, check_is_file
from semrestore.images.formats import CONTAINERS
from semrestore.images.picture import Picture

__all__ = ['frames']


def frames(path: Path) -> Iterator[Picture]:
    """Yield the frames of a film as 8-bit RGB pictures.

    Raises:
        UserError: The file is missing, has no frames, or OpenCV lacks its codec.
    """
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
