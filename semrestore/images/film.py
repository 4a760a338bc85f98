"""Write films by PyAV as H.264 of high quality, with the original frame times and sound."""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from semrestore.errors import UserError, first_line
from semrestore.files import replacing
from semrestore.images.formats import CONTAINERS
from semrestore.images.picture import Picture

__all__ = ['FilmWriter', 'check_writable', 'film_name', 'writing_film']

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


def check_writable(film: Path) -> None:
    """Raise an error before any work if PyAV is missing.

    Raises:
        UserError: It is not installed.
    """
    if importlib.util.find_spec('av') is None:
        raise UserError(
            f"'{film}' is a film, and writing one needs PyAV. Install it: pip install 'semrestore[video]'. Or set"
            ' --frames, which writes a folder of PNG files'
        )


MATRICES = {1: 'ITU709', 7: 'SMPTE240M', 9: 'BT2020'}
"""Of a film's brightness and colours, by their number in it (ISO/IEC 23091-2); others are as ITU-R BT.601."""


SAFE = dict([CONTAINERS.split(';')])
"""For FFmpeg, as the option of OpenCV's reader."""


class FilmWriter:
    """Write a film's frames one by one; made by :func:`writing_film`."""

    def __init__(self, target: Any, source: Any, times: Sequence[int]) -> None:
        self._target, self._source, self._times = target, source, times
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
        assert picture.frame is not None
        # Use the film's own colour matrix, with which OpenCV decodes it.
        matrix = MATRICES.get(self._video.codec_context.colorspace, 'ITU601')
        frame = av.VideoFrame.from_ndarray(picture.pixels, format='rgb24')
        frame = frame.reformat(format=self._video.pix_fmt, dst_colorspace=matrix)
        frame.pts, frame.time_base = self._time(picture.frame), self._from.time_base
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
        if aspect := self._from.sample_aspect_ratio:  # of a pixel; OpenCV turns the frames of a telephone upright
            turned = (height, width) != (self._from.height, self._from.width)
            video.codec_context.sample_aspect_ratio = 1 / aspect if turned else aspect
        return video

    def _time(self, number: int) -> int:
        if number < len(self._times):
            return self._times[number]
        last = self._times[-1] if self._times else 0
        return last + round((number - max(0, len(self._times) - 1)) / self._rate / self._from.time_base)

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


def _times(film: Path) -> list[int]:
    """Return when each frame is shown, in units of the film's time base, without decoding it."""
    import av

    with av.open(str(film), options=SAFE) as given:
        packets = [packet for packet in given.demux(video=0) if packet.pts is not None]
    return sorted(packet.pts for packet in packets if not packet.is_discard)


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
            writer = FilmWriter(target, given, _times(source))
            yield writer
            writer.finish()
    except av.error.FFmpegError as error:
        raise UserError(f"film '{path}' cannot be written: {first_line(error)}") from None
