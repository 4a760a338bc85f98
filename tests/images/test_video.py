"""A film is read as far as it can be, and half of one is no success."""

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


@pytest.mark.parametrize(('suffix', 'codec'), KINDS[:3])
def test_a_damaged_film_is_read_on_behind_the_damage_and_reported(tmp_path, suffix, codec):
    path = tmp_path / f'film{suffix}'
    film(path, codec)
    content = bytearray(path.read_bytes())
    start, length = len(content) // 3, len(content) // 6
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    count, error = taken(path)
    assert FRAMES // 3 < count < FRAMES
    assert f'{count} of its {FRAMES}' in error


@pytest.mark.parametrize(('suffix', 'codec'), [KINDS[0], KINDS[3]])
def test_a_film_that_is_cut_off_is_reported(tmp_path, suffix, codec):
    path = tmp_path / f'film{suffix}'
    film(path, codec)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    count, error = taken(path)
    assert 5 < count < FRAMES
    assert 'cut off' in error


def test_half_a_film_is_no_success(tmp_path, capsys):
    path = tmp_path / 'film.avi'
    film(path, 'MJPG')
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    arguments = [str(path), '--model', 'zoo:multiscale-blind', '--out', str(tmp_path / 'out')]
    assert run(denoise.main, arguments) == 2
    assert str(path) in capsys.readouterr().err
    assert len(list((tmp_path / 'out').rglob('*.png'))) > 5
