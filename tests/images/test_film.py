"""A film comes back as a film: its frames and their times, its size, its sound."""

import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from skimage import data

from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.denoisers import Identity
from semrestore.images import read
from semrestore.inference import DenoiseInferencer

TIMES = (0, 2, 3, 7, 8, 12)  # in tenths of a second, unevenly, as a telephone records


def make(path, video='libx264', audio='aac', side=(64, 48), colorspace=None, aspect=None, turned=0):
    blocks = data.coffee()[100 : 100 + side[1], 100 : 100 + side[0]]
    with av.open(str(path), 'w') as film:
        pictures = film.add_stream(video, rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = *side, 'yuv444p' if side[1] % 2 else 'yuv420p'
        pictures.codec_context.time_base = Fraction(1, 10)
        if colorspace:
            pictures.codec_context.colorspace = colorspace
        if aspect:
            pictures.codec_context.sample_aspect_ratio = aspect
        if turned:
            pictures.set_display_rotation(turned)
        sound = film.add_stream(audio, rate=48000)
        for shift, time in enumerate(TIMES):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(blocks, shift, 1)), format='rgb24')
            frame.pts, frame.time_base = time, Fraction(1, 10)
            film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)).astype(np.int16)
        for start in range(0, len(wave), 960):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 960], format='s16', layout='mono')
            frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
            film.mux(sound.encode(frame))
        film.mux(sound.encode(None))


def heard(path):
    with av.open(str(path)) as film:
        return b''.join(bytes(packet) for packet in film.demux(audio=0))


def shown(path):
    with av.open(str(path)) as film:
        return [float(frame.time) for frame in film.decode(video=0)]


@pytest.mark.parametrize(
    ('name', 'becomes', 'options'),
    [
        ('clip.mp4', 'clip.mp4', {}),
        ('clip.mkv', 'clip.mkv', {}),
        ('clip.webm', 'clip.mkv', dict(video='libvpx', audio='libopus')),
        ('clip.MOV', 'clip.mov', dict(side=(62, 47))),
        ('hd.mp4', 'hd.mp4', dict(colorspace=1)),
    ],
)
def test_frames_times_and_sound_are_the_originals(tmp_path, name, becomes, options):
    make(tmp_path / name, **options)
    (written,) = set(DenoiseInferencer(Identity(), device='cpu').to_folder(tmp_path / name, tmp_path / 'out'))
    assert written == tmp_path / 'out' / becomes
    assert shown(written) == pytest.approx(shown(tmp_path / name), abs=1e-3)
    assert shown(written) == pytest.approx([time / 10 for time in TIMES], abs=2e-3)
    assert heard(written) == heard(tmp_path / name)
    for before, after in zip(read(tmp_path / name), read(written), strict=True):
        error = np.mean((before.pixels.astype(float) - after.pixels) ** 2)
        assert error < 255**2 / 10**3.5, 'at least 35 dB'


@pytest.mark.parametrize('name', ['dv.mp4', 'dv.mkv'])
@pytest.mark.parametrize('turned', [0, 90, 180])
def test_pixels_that_are_not_square_keep_their_shape(tmp_path, name, turned):
    make(tmp_path / name, aspect=Fraction(16, 11), turned=turned)
    (written,) = set(DenoiseInferencer(Identity(), device='cpu').to_folder(tmp_path / name, tmp_path / 'out'))
    with av.open(str(written)) as film:
        video = film.streams.video[0]
        found = video.width, video.height, video.sample_aspect_ratio
    assert found == ((48, 64, Fraction(11, 16)) if turned == 90 else (64, 48, Fraction(16, 11)))


def test_a_film_becomes_frames_where_they_are_asked_for(tmp_path):
    make(tmp_path / 'clip.mp4')
    inferencer = DenoiseInferencer(Identity(), device='cpu')
    written = inferencer.to_folder(tmp_path / 'clip.mp4', tmp_path / 'out', as_frames=True)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        f'out/clip/{n:06}.png' for n in range(len(TIMES))
    ]


def test_without_pyav_nothing_is_done_and_the_extra_is_named(tmp_path, monkeypatch, capsys):
    make(tmp_path / 'clip.mp4')
    monkeypatch.setitem(sys.modules, 'av', None)
    assert run(denoise.main, [str(tmp_path), '--out', str(tmp_path / 'out')]) == 2
    assert 'semrestore[video]' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
