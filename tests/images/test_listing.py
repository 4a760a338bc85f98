"""One listing for all rooms: what a Mac, a NAS or a notebook server leaves is passed over, everywhere."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest
from mmpretrain.datasets import CustomDataset
from mmseg.datasets import BaseSegDataset
from PIL import Image

from semrestore.datasets import PairFolder, PhotoFolder
from semrestore.errors import UserError
from semrestore.images import find, read, read_photo
from semrestore.images.formats import formats, suffixes
from semrestore.images.listing import images_below

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


def test_hidden_names_and_sidecars_are_passed_over_everywhere(folder):
    expected = ['a.png', 'b10.png', 'b2.png', 'sub/c.png']  # lexicographic, on which a stream depends
    assert [path.relative_to(folder).as_posix() for path in images_below(folder)] == expected
    data = PhotoFolder(folder=str(folder), pipeline=[dict(type='semrestore.LoadPhoto')])
    assert [data[index]['name'] for index in range(len(data))] == ['a', 'b10', 'b2', 'sub/c']
    # What is restored comes in the order that a person would give it.
    assert [below.as_posix() for _, below in find([folder])] == ['a.png', 'b2.png', 'b10.png', 'sub/c.png']


def test_a_folder_that_is_itself_hidden_may_be_named(folder):
    hidden = folder.rename(folder.with_name('.photos'))
    assert len(images_below(hidden)) == 4


def test_linked_folders_are_searched_once_and_circles_end(folder, tmp_path):
    outside = tmp_path / 'outside'
    (outside / 'deeper').mkdir(parents=True)
    for name in ('d.png', 'deeper/e.png'):
        Image.fromarray(PIXELS).save(outside / name)
    (folder / 'disk').symlink_to(outside)
    (folder / 'disk_again').symlink_to(outside)
    (folder / 'a_link').symlink_to(folder / 'sub')  # before the folder itself in the order of names
    (outside / 'deeper/back').symlink_to(folder)
    (folder / 'sub/up').symlink_to('..')
    (folder / 'nowhere').symlink_to('gone')
    (folder / 'f.png').symlink_to(outside / 'd.png')
    expected = ['a.png', 'b10.png', 'b2.png', 'disk/d.png', 'disk/deeper/e.png', 'f.png', 'sub/c.png']
    assert [path.relative_to(folder).as_posix() for path in images_below(folder)] == expected
    assert sorted(below.as_posix() for _, below in find([folder])) == expected


def test_files_that_macos_adds_are_not_taken_for_pairs(tmp_path):
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


def test_lists_of_the_libraries_may_begin_with_a_byte_order_mark(folder):
    (folder / 'list.txt').write_text('a.png 1\nb2.png 0\n', encoding='utf-8-sig')
    classes = CustomDataset(data_root=str(folder), ann_file='list.txt', metainfo=dict(classes=['cat', 'dog']))
    assert [Path(classes.get_data_info(index)['img_path']).name for index in range(2)] == ['a.png', 'b2.png']
    (folder / 'names.txt').write_text('a\nb2\n', encoding='utf-8-sig')
    maps = BaseSegDataset(data_root=str(folder), ann_file='names.txt', img_suffix='.png', pipeline=[])
    assert [Path(maps.get_data_info(index)['img_path']).name for index in range(2)] == ['a.png', 'b2.png']


def read_in_every_way(folder):
    """Return the names of what a folder, a glob, a film-less listing and a name give."""
    by_name = []
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(UserError):
            list(read(path))
            by_name.append(path.name)
    found = dict(folder=[path.name for path, _ in find([folder])], glob=[path.name for path, _ in find([folder / '*'])])
    return found | dict(training=[path.name for path in images_below(folder)], name=by_name)


def test_a_folder_a_glob_and_a_name_read_the_same_files(tmp_path):
    for suffix in sorted(suffixes()):
        image = Image.fromarray(PIXELS).convert({'.pbm': '1', '.pgm': 'L'}.get(suffix, 'RGB'))
        image.save(tmp_path / f'{suffix[1:]}{suffix}', format={'.mpo': 'JPEG'}.get(suffix))
    (tmp_path / 'notes.txt').write_text('no image')
    found = read_in_every_way(tmp_path)
    assert len(found['name']) == len(suffixes()) >= 34
    assert all(sorted(names) == found['name'] for names in found.values()), found


def test_every_suffix_of_pillow_for_a_format_that_is_read_is_listed():
    Image.init()
    known = {suffix for suffix, name in Image.registered_extensions().items() if name in formats()}
    assert known - suffixes() == {'.pfm'}  # floats without a stated range


@pytest.mark.parametrize('name', ['photo', 'photo.data', 'photo.nef', 'photo.jxl'])
def test_images_that_are_passed_over_are_named_once(folder, capsys, name):
    """The listing knows images by their content, or by a suffix of raw photos."""
    Image.fromarray(PIXELS).save(folder / name, format='JPEG')
    Image.fromarray(PIXELS).save(folder / f'sub/{name}', format='PNG')
    (folder / 'labels.txt').write_text('0 0.5 0.5 0.1 0.1')
    assert len(images_below(folder)) == 4
    error = capsys.readouterr().err
    assert name in error
    assert error.count('warning') == 1
    assert len(list(find([folder / '*']))) == 3


def test_links_that_lead_nowhere_are_counted(folder, capsys):
    for name in ('z1.png', 'z2.png'):
        (folder / name).symlink_to(folder / 'gone.png')
    assert len(images_below(folder)) == 4
    assert 'warning: 2 links' in capsys.readouterr().err


def test_a_glob_that_names_a_suffix_includes_files_with_that_suffix(folder):
    Image.fromarray(PIXELS).save(folder / 'photo.data', format='PNG')
    assert [path.name for path, _ in find([folder / '*.data'])] == ['photo.data']


@pytest.mark.parametrize('pattern', ['*', '**/*', '*/*', '**'])
def test_sidecars_are_passed_over_by_globs(folder, pattern):
    found = [below.name for _, below in find([folder / pattern])]
    assert found == {'*': ['a.png', 'b2.png', 'b10.png'], '*/*': ['c.png']}.get(
        pattern, ['a.png', 'b2.png', 'b10.png', 'c.png']
    )


def test_a_sidecar_may_be_asked_for(folder):
    assert [path.name for path, _ in find([folder / '@eaDir/*/*'])] == ['thumb.jpg']
    assert [path.name for path, _ in find([folder / '@eaDir'])] == ['thumb.jpg']


def test_heic_is_read_with_its_plugin(tmp_path):
    pillow_heif = pytest.importorskip('pillow_heif')
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    pillow_heif.from_pillow(Image.fromarray(smooth).convert('RGB')).save(tmp_path / 'photo.heic', quality=95)
    expected = np.asarray(pillow_heif.read_heif(tmp_path / 'photo.heic').to_pillow())
    assert images_below(tmp_path) == [tmp_path / 'photo.heic']
    np.testing.assert_array_equal(read_photo(tmp_path / 'photo.heic'), expected)


def test_heic_without_its_plugin_is_named_once_with_the_package_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    for name in ('IMG_1.heic', 'IMG_2.HEIC'):
        (tmp_path / name).write_bytes(b'\0\0\0\x18ftypheic\0\0\0\0mif1heic')
    formats.cache_clear()
    suffixes.cache_clear()
    monkeypatch.delitem(Image.OPEN, 'HEIF', raising=False)
    try:
        assert images_below(tmp_path) == []
        error = capsys.readouterr().err
        assert error.count('pillow-heif') == error.count('IMG_1.heic') == 1
        with pytest.raises(UserError, match=r'IMG_1\.heic.*pillow-heif'):
            read_photo(tmp_path / 'IMG_1.heic')
    finally:
        formats.cache_clear()
        suffixes.cache_clear()
