"""Read films by PyAV, and write them as H.264 of high quality, with the original frame times and sound."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from semrestore.errors import UserError, check_is_file, first_line
from semrestore.files import replacing
from semrestore.images.picture import Picture

__all__ = ['FilmWriter', 'film_name', 'frames', 'load_pyav', 'writing_film']

OTHERS = {'.avi': '.mkv', '.m4v': '.mp4', '.webm': '.mkv'}
"""Containers that do not take H.264 and any sound, and what is written instead."""

QUALITY = dict(crf='14', preset='medium')
"""Of x264: its noise is below what can be seen, and denoising takes longer than encoding."""


def film_name(path: Path) -> Path:
    """Return the name of a written film: its own, with a container that can hold H.264.

    >>> film_name(Path('a/clip.webm')).name
    'clip.mkv'
    """
    suffix = path.suffix.lower()
    return path.with_suffix(OTHERS.get(suffix, suffix))


MATRICES = {1: 'ITU709', 7: 'SMPTE240M', 9: 'BT2020'}
"""Of a film's brightness and colours, by their number in it (ISO/IEC 23091-2); others are as ITU-R BT.601."""


SAFE = dict(format_whitelist='mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm')
"""For FFmpeg, which would otherwise follow a list of other files under any name."""


def load_pyav(film: Path) -> Any:
    """Return the module ``av``.

    Raises:
        UserError: It is not installed.
    """
    try:
        import av
    except ImportError:
        raise UserError(f"'{film}' is a film, which needs PyAV. Install it: pip install 'semrestore[video]'") from None
    logging.getLogger('libav').setLevel(logging.CRITICAL)
    av.logging.set_level(av.logging.ERROR)  # FFmpeg passes over damage; what it logs is the only sign of it
    av.logging.set_skip_repeated(False)
    return av


def frames(path: Path) -> Iterator[Picture]:
    """Yield a film's frames upright, as 8-bit RGB. Frames that cannot be decoded are skipped, and reported at the end.

    An alpha channel and more than 8 bits a channel are dropped with a warning.

    Raises:
        UserError: The file is missing, is no film or has no frames; or, after the last frame, it is damaged.
    """
    check_is_file(path, 'video')
    av = load_pyav(path)
    number, lost = 0, False
    try:
        with av.logging.Capture() as said, av.open(str(path), options=SAFE) as film:
            video = film.streams.video[0]
            rate = video.average_rate or Fraction(25)
            if dropped := _dropped(video):
                warnings.warn(f"film '{path}' has {dropped}, which is lost: its frames become 8-bit RGB", stacklevel=2)
            for packet in film.demux(video):
                lost = lost or packet.is_corrupt
                try:
                    shown = packet.decode()
                except av.FFmpegError:
                    lost = True
                    continue
                for frame in shown:
                    time = number / rate if frame.pts is None else frame.pts * frame.time_base
                    pixels = np.rot90(frame.to_ndarray(format='rgb24'), frame.rotation // 90)
                    yield Picture(np.ascontiguousarray(pixels), name=str(path), frame=number, time=time)
                    number += 1
            if film.format.name == 'avi':  # FFmpeg is silent about what an AVI lacks
                lost = lost or number < len(video.index_entries) or _is_cut_off(path, film.size)
    except (av.FFmpegError, IndexError) as error:  # the latter if there is no video
        if number == 0:
            raise UserError(f"film '{path}' cannot be read: {first_line(error)}") from None
        lost = True
    if number == 0:
        raise UserError(f"film '{path}' cannot be read: it has no frames")
    if lost or said:
        raise UserError(f"film '{path}' is damaged or cut off: only {number} frames can be decoded")


def _dropped(video: Any) -> str:
    """Return what a film's pictures have beyond 8-bit RGB."""
    parts = getattr(video.format, 'components', ())  # damaged films have no format
    opaque = not any(part.is_alpha for part in parts) and video.metadata.get('alpha_mode') != '1'  # the latter in WebM
    bits = max((part.bits for part in parts), default=8)
    return ' and '.join([*([] if opaque else ['an alpha channel']), *([f'{bits} bits a channel'] if bits > 8 else [])])


def _is_cut_off(path: Path, size: int) -> bool:
    """Return whether an AVI says that it is longer than it is."""
    with open(path, 'rb') as file:
        return int.from_bytes(file.read(8)[4:], 'little') + 8 > size


class FilmWriter:
    """Write a film's frames one by one; made by :func:`writing_film`."""

    def __init__(self, target: Any, source: Any) -> None:
        self._target, self._source = target, source
        self._from = source.streams.video[0]
        self._rate = self._from.average_rate or Fraction(25)
        self._sound = self._copied_sound()
        self._video: Any = None
        self._waiting = next(self._sound, None)

    def write(self, picture: Picture) -> None:
        """Write the next frame, and the sound up to it."""
        import av

        if self._video is None:
            self._video = self._added(*picture.pixels.shape[:2])
        assert picture.time is not None
        # Use the film's own colour matrix, with which it was decoded.
        matrix = MATRICES.get(self._video.codec_context.colorspace, 'ITU601')
        frame = av.VideoFrame.from_ndarray(picture.pixels, format='rgb24')
        frame = frame.reformat(format=self._video.pix_fmt, dst_colorspace=matrix)
        frame.pts, frame.time_base = round(picture.time / self._from.time_base), self._from.time_base
        self._mux_sound(float(frame.pts * frame.time_base))
        self._target.mux(self._video.encode(frame))

    def finish(self) -> None:
        """Write the remaining frames and sound."""
        if self._video is not None:
            self._target.mux(self._video.encode(None))
        self._mux_sound(float('inf'))

    def _added(self, height: int, width: int) -> Any:
        video = self._target.add_stream('libx264', rate=self._rate, options=QUALITY)
        video.width, video.height = width, height
        # Players expect colour at half the size, which needs even sides.
        video.pix_fmt = 'yuv420p' if height % 2 == width % 2 == 0 else 'yuv444p'
        video.codec_context.time_base = self._from.time_base
        for name in ('colorspace', 'color_primaries', 'color_trc'):
            setattr(video.codec_context, name, getattr(self._from.codec_context, name))
        if aspect := self._from.sample_aspect_ratio:  # of a pixel; the frames of a telephone are turned upright
            turned = (height, width) != (self._from.height, self._from.width)
            video.codec_context.sample_aspect_ratio = 1 / aspect if turned else aspect
        return video

    def _copied_sound(self) -> Iterator[Any]:
        """Yield the packets of the sound for the new film."""
        copies = {sound: self._target.add_stream_from_template(sound) for sound in self._source.streams.audio}
        for packet in self._source.demux(list(copies)) if copies else ():
            if packet.dts is not None:
                packet.stream = copies[packet.stream]
                yield packet

    def _mux_sound(self, until: float) -> None:
        while self._waiting is not None and self._waiting.dts * self._waiting.time_base <= until:
            self._target.mux(self._waiting)
            self._waiting = next(self._sound, None)


@contextmanager
def writing_film(path: Path, source: Path) -> Iterator[FilmWriter]:
    """Yield a writer for the film ``path``, with the sound and times of ``source``. It is written whole or not at all.

    Raises:
        UserError: The film cannot be written.
    """
    import av

    try:
        with (
            replacing(path) as partial,
            av.open(str(source), options=SAFE) as given,
            av.open(str(partial), 'w') as target,
        ):
            writer = FilmWriter(target, given)
            yield writer
            writer.finish()
    except av.error.FFmpegError as error:
        raise UserError(f"film '{path}' cannot be written: {first_line(error)}") from None
