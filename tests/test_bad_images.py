"""Nearly 300 bad, odd and hostile image files through every way in: no traceback, no hang, bounded memory, no wrong size."""

import json
import subprocess
import sys

import pytest
from PIL import Image, ImageOps

from tests import bad_images

MEGABYTES = 64  # a reader's peak over that of reading one good file; the largest of the good ones has 8 kB of pixels
MEGABYTES_DRAWN = 512  # Matplotlib's, of a picture that is 500 times as high as wide
SECONDS = 2


@pytest.mark.parametrize('reader', ['dataset', 'inference', 'rating', 'pair', 'labels', 'compare'])
def test_every_file_is_read_as_what_it_is_or_refused(reader, tmp_path):
    command = [sys.executable, '-m', 'tests.read_bad_images', reader, tmp_path / 'files']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report['wrong'] == []
    assert report['files'] >= 200
    assert report['read'] >= (3 if reader == 'labels' else 80)
    assert report['megabytes'] < (MEGABYTES_DRAWN if reader == 'compare' else MEGABYTES)
    assert report['seconds'] < SECONDS, report['slowest']


def test_a_folder_of_them_is_denoised_as_far_as_it_can_be(tmp_path):
    cases, stems = {}, set()
    for case in bad_images.write(tmp_path / 'in'):
        if case.path.stem in stems:  # its result would have another one's name, which is refused before anything is done
            case.path.unlink()
        elif case.path.is_file() and 'animated' not in case.path.stem and 'pages' not in case.path.stem:
            cases[case.path.stem] = case
        stems.add(case.path.stem)
    command = [sys.executable, '-m', 'semrestore', 'denoise', tmp_path / 'in', '--model', 'zoo:multiscale-blind', '--out', tmp_path / 'out']
    done = subprocess.run(command, capture_output=True, text=True, errors='surrogateescape', timeout=300, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    assert 'Traceback' not in done.stderr + done.stdout
    sizes = {}
    for path in (tmp_path / 'out').iterdir():
        if path.is_file():
            with Image.open(path) as image:
                sizes[path.stem] = ImageOps.exif_transpose(image).size[::-1]
    assert len(cases) > 150
    assert [stem for stem, case in cases.items() if case.refused is False and sizes.get(stem) != case.size] == []
    assert [stem for stem, case in cases.items() if case.refused and stem in sizes] == []
    sized = {stem: size for stem, size in sizes.items() if stem in cases and -1 not in cases[stem].size}
    assert [stem for stem, size in sized.items() if size != cases[stem].size] == []
