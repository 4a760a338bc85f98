"""Over 300 bad, odd and hostile image files: no traceback, no hang, bounded memory, no wrong size."""

import json
import pickle
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from semrestore.errors import UserError
from semrestore.images import find, read
from tests.images import bad_images
from tests.processes import command, start

MEGABYTES = 64  # a reader's peak over that of reading one good file; the largest of the good ones has 8 kB of pixels
SECONDS = 2  # of a core; what hangs without working is stopped by the time limit below
BYTES_A_PIXEL = dict(dataset=12, inference=16)  # the latter writes it, too


# Drawing takes a tenth of a second a file: every 19th file is drawn here, all of them in the slow tests.
DRAWN = ['compare', 'reference', 'task']


def program(*arguments):
    from tests.images import read_bad_images  # which switches warnings off

    sys.argv = ['read_bad_images', *arguments]
    read_bad_images.main()


def read_in_a_process(*arguments):
    """Return what the reader prints; the process is its own, so that its memory can be measured."""
    done = start(program, *map(str, arguments)).done()
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    """The folder of all files, made once."""
    folder = tmp_path_factory.mktemp('corpus') / 'files'
    folder.with_name('cases.pickle').write_bytes(pickle.dumps(bad_images.write(folder)))
    return folder


@pytest.mark.parametrize(
    'reader',
    [
        *('dataset', 'inference', 'rating', 'pair', 'labels'),
        *(f'{reader}/19' for reader in DRAWN),
        *(pytest.param(f'{reader}/3', marks=pytest.mark.slow) for reader in DRAWN),
    ],
)
def test_every_file_is_read_as_what_it_is_or_refused(reader, corpus):
    report = read_in_a_process(reader, corpus)
    assert report['wrong'] == []
    assert report['files'] >= 200
    assert report['read'] >= (3 if reader == 'labels' else 3 if '/' in reader else 80)
    assert report['megabytes'] < MEGABYTES
    assert report['seconds'] < SECONDS, report['slowest']


@pytest.mark.parametrize('reader', ['dataset', 'inference'])
def test_a_large_image_takes_the_stated_bytes_a_pixel(reader, tmp_path):
    size = (2500, 2000)
    Image.new('RGB', (10, 10)).save(tmp_path / 'small.png')
    Image.new('P', size).save(tmp_path / 'palette.png', transparency=bytes(256))
    Image.new('RGBA', size).save(tmp_path / 'alpha.png')
    Image.new('CMYK', size).save(tmp_path / 'cmyk.tif', compression='tiff_lzw')
    Image.fromarray(np.zeros(size, np.uint16)).save(tmp_path / 'sixteen.png')
    files = [tmp_path / name for name in ('small.png', 'palette.png', 'alpha.png', 'cmyk.tif', 'sixteen.png')]
    (tmp_path / 'out').mkdir()
    taken = read_in_a_process(reader, tmp_path / 'out', *files)
    assert len(taken) == 4
    assert all(3 <= one < BYTES_A_PIXEL[reader] for one in taken.values()), taken


def test_a_pattern_does_not_follow_links_in_circles(tmp_path):
    (tmp_path / 'a').mkdir()
    for name in ('one', 'two'):
        (tmp_path / 'a' / name).symlink_to('..', target_is_directory=True)
    for place in ('a/x.png', 'x.png', '.hidden.png'):
        (tmp_path / place).write_bytes(bad_images.encoded('PNG'))
    assert [below for _, below in find([tmp_path / '**/*.png'])] == [Path('x.png'), Path('x.png')]
    assert [source.name for source, _ in find([tmp_path / '.hidden*'])] == ['.hidden.png']
    assert (
        [below for _, below in find([tmp_path / 'a/**'])]
        == [below for _, below in find([tmp_path / 'a/**.png'])]
        == [Path('x.png')]
    )
    with pytest.raises(UserError, match=r'\.tif'):
        list(find([tmp_path / '**/*.tif']))


def test_an_image_that_opencv_does_not_take_is_refused(tmp_path):
    # One row of 2**20 + 1 pixels of 16 bits a channel, above the width that OpenCV decodes.
    path = tmp_path / 'wide.png'
    header = struct.pack('>IIBBBBB', 2**20 + 1, 1, 16, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 6 * (2**20 + 1)))
    chunks = bad_images.chunk(b'IHDR', header) + bad_images.chunk(b'IDAT', rows) + bad_images.chunk(b'IEND', b'')
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunks)
    with pytest.raises(UserError, match=r'wide\.png'):
        list(read(path))


@pytest.mark.slow
def test_denoise_restores_the_good_files_of_a_folder_of_bad_ones(tmp_path):
    cases, stems = {}, set()
    for case in bad_images.write(tmp_path / 'in'):
        if (
            case.path.stem in stems
        ):  # its result would have another one's name, which is refused before anything is done
            case.path.unlink()
        elif case.path.name.startswith('.'):
            continue  # hidden names are passed over
        elif case.path.is_file() and 'animated' not in case.path.stem and 'pages' not in case.path.stem:
            cases[case.path.stem] = case
        stems.add(case.path.stem)
    done = command('denoise', tmp_path / 'in', '--model', 'zoo:multiscale-blind', '--out', tmp_path / 'out')
    assert done.returncode == 2, done.stderr[-2000:]
    assert 'Traceback' not in done.stderr + done.stdout
    sizes = {}
    for path in (tmp_path / 'out').iterdir():
        if path.suffix == '.png':
            with Image.open(path) as image:
                sizes[path.stem] = ImageOps.exif_transpose(image).size[::-1]
    assert len(cases) > 150
    assert [stem for stem, case in cases.items() if case.refused is False and sizes.get(stem) != case.size] == []
    assert [stem for stem, case in cases.items() if case.refused and stem in sizes] == []
    sized = {stem: size for stem, size in sizes.items() if stem in cases and -1 not in cases[stem].size}
    assert [stem for stem, size in sized.items() if size != cases[stem].size] == []
