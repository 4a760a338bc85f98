"""One listing for all rooms: what a Mac, a NAS or a notebook server leaves is passed over, everywhere."""

import numpy as np
import pytest
from mmpretrain.datasets import CustomDataset
from PIL import Image

from semrestore.datasets import PairFolder, PhotoFolder
from semrestore.images import find
from semrestore.images.formats import SUFFIXES
from semrestore.images.listing import images_below
from semrestore.images.read import read_first

LEFT_BEHIND = (
    '._a.png',
    '.ipynb_checkpoints/a-checkpoint.png',
    '@eaDir/a.png/thumb.jpg',
    '__MACOSX/._a.png',
    '.x/b.png',
)
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ('a.png', 'b2.png', 'b10.png', 'sub/c.png', *LEFT_BEHIND):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(path)
    for name in ('.DS_Store', 'Thumbs.db'):
        (tmp_path / 'photos' / name).write_bytes(b'no image')
    return tmp_path / 'photos'


def test_hidden_names_and_sidecars_are_passed_over_in_every_room(folder):
    expected = ['a.png', 'b10.png', 'b2.png', 'sub/c.png']  # lexicographic, on which a stream depends
    assert [path.relative_to(folder).as_posix() for path in images_below(folder)] == expected
    data = PhotoFolder(folder=str(folder), pipeline=[dict(type='semrestore.LoadPhoto')])
    assert [data[index]['name'] for index in range(len(data))] == ['a', 'b10', 'b2', 'sub/c']
    # What is restored comes in the order that a person would give it.
    assert [below.as_posix() for _, below in find([folder])] == ['a.png', 'b2.png', 'b10.png', 'sub/c.png']


def test_a_folder_that_is_itself_hidden_may_be_named(folder):
    hidden = folder.rename(folder.with_name('.photos'))
    assert len(images_below(hidden)) == 4


def test_pairs_are_told_apart_from_what_a_mac_leaves(tmp_path):
    for name in ('x_real.png', 'x_mean.png', '._x_real.png'):
        Image.fromarray(PIXELS).save(tmp_path / name)
    assert len(PairFolder(folder=str(tmp_path))) == 1


def test_a_hidden_folder_is_no_class(tmp_path):
    for name in ('cat', 'dog', '.ipynb_checkpoints', '@eaDir'):
        (tmp_path / name).mkdir()
        Image.fromarray(PIXELS).save(tmp_path / name / 'a.png')
    (tmp_path / 'cat/@eaDir').mkdir()
    Image.fromarray(PIXELS).save(tmp_path / 'cat/@eaDir/thumb.png')
    data = CustomDataset(data_root=str(tmp_path))
    assert data.CLASSES == ('cat', 'dog') or list(data.CLASSES) == ['cat', 'dog']
    assert [data.get_data_info(index)['gt_label'] for index in range(len(data))] == [0, 1]


def test_a_list_may_begin_with_a_byte_order_mark(folder):
    (folder / 'list.txt').write_text('a.png\nb2.png\n', encoding='utf-8-sig')
    assert len(PhotoFolder(folder=str(folder), list_file=str(folder / 'list.txt'))) == 2


@pytest.mark.parametrize('suffix', sorted(SUFFIXES))
def test_every_suffix_is_read_in_a_folder_as_by_name(tmp_path, suffix):
    kinds = {'.pbm': '1', '.pgm': 'L'}
    image = Image.fromarray(PIXELS).convert(kinds.get(suffix, 'RGB'))
    formats = {'.jfif': 'JPEG', '.jpe': 'JPEG', '.pnm': 'PPM', '.j2k': 'JPEG2000', '.jp2': 'JPEG2000'}
    path = tmp_path / f'photo{suffix}'
    image.save(path, format=formats.get(suffix))
    assert images_below(tmp_path) == [path]
    assert read_first(path).pixels.shape[:2] == PIXELS.shape[:2]


def test_images_that_are_not_read_are_named_once(folder, capsys):
    for name in ('x.heic', 'y.nef'):
        (folder / name).write_bytes(b'\0' * 40)
    assert len(images_below(folder)) == 4
    error = capsys.readouterr().err
    assert 'x.heic' in error
    assert error.count('warning') == 1
