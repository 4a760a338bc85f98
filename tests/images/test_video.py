"""A film is read as far as it can be, and half of one is no success."""

import itertools
import warnings
from fractions import Fraction

import cv2
import numpy as np
import pytest

from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.images import read

FRAMES = 20


def taken(path):
    count, error = 0, None
    try:
        for _ in read(path):
            count += 1
    except UserError as raised:
        error = str(raised)
    return count, error


def encoded(path, codec, pixels, frames=FRAMES, varying=False, muxer=None, **options):
    """Write a film with PyAV, which brings FFmpeg's encoders along."""
    av = pytest.importorskip('av')
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8), (5, 5), 0)
    clock = Fraction(1, 1000)
    with av.open(str(path), 'w', options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=10, width=128, height=96, pix_fmt=pixels, options=options)
        stream.time_base = stream.codec_context.time_base = clock
        time = 0
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 2 * number, 1), format='rgb24')
            frame.pts, frame.time_base = time, clock
            container.mux(stream.encode(frame))
            time += 1500 if varying and number % 7 == 3 else 33 if varying else 100
        container.mux(stream.encode(None))
    return path


def decoded(path):
    """Count what FFmpeg decodes, by PyAV; ``None`` if it gives up."""
    import av

    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError):  # the latter if no stream is left
        return None


FILMS = {
    'h264.mp4': ('libx264', 'yuv420p', {}),
    'streamed.mp4': ('libx264', 'yuv420p', dict(muxer={'movflags': 'frag_keyframe+empty_moov'}, g='5')),
    'h264.mov': ('libx264', 'yuv420p', {}),
    'varying.mkv': ('libx264', 'yuv420p', dict(varying=True)),
    'varying.mp4': ('libx264', 'yuv420p', dict(varying=True)),
    'varying.avi': ('mpeg4', 'yuv420p', dict(varying=True)),
    'mjpeg.mkv': ('mjpeg', 'yuvj420p', {}),
    'mjpeg.avi': ('mjpeg', 'yuvj420p', {}),
    'vp9.webm': ('libvpx-vp9', 'yuv420p', {}),
    'vp8.webm': ('libvpx', 'yuv420p', {}),
    'live.webm': ('libvpx', 'yuv420p', dict(muxer={'live': '1'})),
}


@pytest.fixture(scope='module')
def films(tmp_path_factory):
    pytest.importorskip('av')
    folder = tmp_path_factory.mktemp('films')
    return [encoded(folder / name, codec, pixels, **options) for name, (codec, pixels, options) in FILMS.items()]


def test_healthy_films_pass_whatever_their_rate_and_container(films):
    assert {film.name: taken(film) for film in films} == {film.name: (decoded(film), None) for film in films}


def test_films_that_lose_frames_are_reported_wherever_they_are_damaged(films, tmp_path):
    """Zeros, noise and cuts at six places: FFmpeg's count says what is lost; ours never yields less than it."""
    lost = 0
    for film in films:
        for kind, place in itertools.product(('zeros', 'noise', 'cut'), (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)):
            content = bytearray(film.read_bytes())
            start, length = int(place * len(content)), len(content) // 10
            damage = bytes(length) if kind == 'zeros' else np.random.default_rng(0).bytes(length)
            content[start : start + length if kind != 'cut' else None] = damage if kind != 'cut' else b''
            (tmp_path / film.name).write_bytes(content)
            left, (count, error) = decoded(tmp_path / film.name), taken(tmp_path / film.name)
            assert count >= (left or 0), (film.name, kind, place)
            assert error or left == FRAMES, (film.name, kind, place)
            lost += left != FRAMES
    assert lost > 100


DROPPED = {
    'yuv420p10le': ('x.mkv', 'ffv1', ['10 bits']),
    'bgra': ('x.mkv', 'ffv1', ['alpha']),
    'gray16le': ('x.avi', 'ffv1', ['16 bits']),
    'yuva444p10le': ('x.mov', 'prores_ks', ['alpha', '12 bits']),
    'rgba64be': ('x.mov', 'png', ['alpha', '16 bits']),
    'yuva420p': ('x.webm', 'libvpx-vp9', ['alpha']),
    'yuv420p': ('x.mp4', 'libx264', []),
    'yuvj444p': ('x.avi', 'mjpeg', []),
}


@pytest.mark.parametrize('pixels', DROPPED)
def test_what_is_dropped_of_a_film_is_said_once(tmp_path, pixels):
    name, codec, expected = DROPPED[pixels]
    film = encoded(tmp_path / name, codec, pixels, frames=4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        assert len(list(read(film))) == 4
    assert len(caught) == bool(expected)
    assert all(what in str(caught[0].message) for what in (*expected, *([str(film)] if expected else [])))


def test_a_film_with_opacity_is_restored_with_a_warning(tmp_path, capsys):
    film = encoded(tmp_path / 'film.mkv', 'ffv1', 'bgra', frames=2)
    with pytest.warns(UserWarning, match='alpha'):
        assert not run(denoise.main, [str(film), '--model', 'zoo:multiscale-blind', '--out', str(tmp_path / 'out')])


def test_half_a_film_ends_with_exit_status_2(tmp_path, capsys):
    path = encoded(tmp_path / 'film.avi', 'mjpeg', 'yuvj420p')
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    arguments = [str(path), '--model', 'zoo:multiscale-blind', '--out', str(tmp_path / 'out')]
    assert run(denoise.main, [*arguments, '--frames']) == 2
    assert str(path) in capsys.readouterr().err
    assert len(list((tmp_path / 'out').rglob('*.png'))) > 5
