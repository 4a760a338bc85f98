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
KINDS = [('.avi', 'MJPG'), ('.avi', 'XVID'), ('.mp4', 'mp4v'), ('.mkv', 'MJPG')]


def film(path, codec):
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (64, 48))
    for number in range(FRAMES):
        video.write(np.roll(picture, 2 * number, 1))
    video.release()


def taken(path):
    count, error = 0, None
    try:
        for _ in read(path):
            count += 1
    except UserError as raised:
        error = str(raised)
    return count, error


@pytest.mark.parametrize(('suffix', 'codec'), KINDS)
def test_a_whole_film_is_read_whole(tmp_path, suffix, codec):
    film(tmp_path / f'film{suffix}', codec)
    assert taken(tmp_path / f'film{suffix}') == (FRAMES, None)


@pytest.mark.parametrize(('suffix', 'codec'), KINDS)
def test_a_damaged_film_is_read_on_behind_the_damage_and_reported(tmp_path, suffix, codec):
    path = tmp_path / f'film{suffix}'
    film(path, codec)
    content = bytearray(path.read_bytes())
    start, length = len(content) // 3, len(content) // 6
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    count, error = taken(path)
    assert FRAMES // 3 < count < FRAMES
    assert 'damaged' in error
    assert str(path) in error


@pytest.mark.parametrize(('suffix', 'codec'), [KINDS[0], KINDS[1], KINDS[3]])
def test_a_film_that_is_cut_off_is_reported(tmp_path, suffix, codec):
    path = tmp_path / f'film{suffix}'
    film(path, codec)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    count, error = taken(path)
    assert count < FRAMES
    assert 'cut off' in error


def test_half_a_film_ends_with_exit_status_2(tmp_path, capsys):
    path = tmp_path / 'film.avi'
    film(path, 'MJPG')
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    arguments = [str(path), '--model', 'zoo:multiscale-blind', '--out', str(tmp_path / 'out')]
    assert run(denoise.main, [*arguments, '--frames']) == 2
    assert str(path) in capsys.readouterr().err
    assert len(list((tmp_path / 'out').rglob('*.png'))) > 5


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


def remuxed(source, path, change):
    import av

    with (
        av.open(str(source)) as old,
        av.open(str(path), 'w', container_options={'avoid_negative_ts': 'disabled'}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.dts is not None:
                changed = change(number, packet)
                changed.stream = stream
                new.mux(changed)
    return path


def test_frames_that_an_edit_list_cuts_away_are_not_missed(films, tmp_path):
    def earlier(number, packet):
        shift = int(0.95 / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        return packet

    film = remuxed(films[0], tmp_path / 'trimmed.mp4', earlier)
    assert taken(film) == (decoded(film), None) == (FRAMES - 10, None)


def test_pictures_that_are_never_shown_are_not_missed(films, tmp_path):
    import av

    def hide(number, packet):
        content = bytearray(bytes(packet))
        if number == 7:
            content[0] &= ~0x10  # RFC 6386, section 9.1: show_frame
        hidden = av.Packet(bytes(content))
        hidden.pts, hidden.dts, hidden.time_base = packet.pts, packet.dts, packet.time_base
        hidden.is_keyframe = packet.is_keyframe
        return hidden

    film = remuxed(next(film for film in films if film.name == 'vp8.webm'), tmp_path / 'hidden.webm', hide)
    assert taken(film) == (decoded(film), None) == (FRAMES - 1, None)


DROPPED = {
    'yuv420p10le': ('x.mkv', 'ffv1', ['10 bits']),
    'bgra': ('x.mkv', 'ffv1', ['alpha']),
    'gray16le': ('x.avi', 'ffv1', ['16 bits']),
    'gbrap': ('x.avi', 'utvideo', ['alpha']),
    'yuva444p10le': ('x.mov', 'prores_ks', ['alpha', '12 bits']),
    'yuv422p10le': ('x.mov', 'v210', ['10 bits']),
    'rgb48be': ('x.mov', 'png', ['16 bits']),
    'rgba64be': ('x.mov', 'png', ['alpha', '16 bits']),
    'argb': ('x.mov', 'qtrle', ['alpha']),
    'yuva420p': ('x.webm', 'libvpx-vp9', ['alpha']),
    'yuv420p': ('x.mp4', 'libx264', []),
    'yuv422p': ('x.mkv', 'ffv1', []),
    'yuv411p': ('x.mkv', 'ffv1', []),
    'yuvj444p': ('x.avi', 'mjpeg', []),
    'bgr0': ('x.mkv', 'ffv1', []),
    'gray': ('x.mkv', 'ffv1', []),
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
