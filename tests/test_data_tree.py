"""Checking and building the data folder, on trees made for it."""

import gzip
import io
import tarfile

import pytest
from PIL import Image

from semrestore.cli import prepare_data
from semrestore.cli.run import run
from semrestore.data_tree import CBSD68, CHECKS


def call(data, *arguments):
    return run(prepare_data.main, ['--data', str(data), *map(str, arguments)])


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def bsds500(tmp_path):
    source = tmp_path / 'BSDS500/images'
    others = (str(number) for number in range(400_000, 400_432))
    for index, stem in enumerate([*sorted(CBSD68), *others]):
        touch(source / ('train', 'val', 'test')[index % 3] / f'{stem}.jpg')
    Image.new('RGB', (4, 4)).save(source / 'train/400000.jpg')
    touch(source / 'train/Thumbs.db')
    return source


def test_bsds432_and_cbsd68_are_built_from_bsds500(bsds500, tmp_path):
    data = tmp_path / 'data'
    assert call(data, '--bsds500', bsds500, '--only', 'bsds432', 'cbsd68') == 0
    train, test = ({path.stem for path in (data / name).iterdir()} for name in ('bsds432', 'cbsd68'))
    assert (len(train), len(test)) == (432, 68)
    assert test == CBSD68
    assert not train & test
    assert Image.open(data / 'bsds432/400000.jpg').size == (4, 4)


def test_existing_files_stay(bsds500, tmp_path, capsys):
    mine = tmp_path / 'data/bsds432/mine.jpg'
    touch(mine)
    call(tmp_path / 'data', '--bsds500', bsds500)
    assert mine.exists()
    assert len(list(mine.parent.iterdir())) == 1


def test_an_incomplete_bsds500_builds_nothing(bsds500, tmp_path, capsys):
    next(bsds500.rglob('101085.jpg')).unlink()
    assert call(tmp_path / 'data', '--bsds500', bsds500) == 2
    assert '499' in capsys.readouterr().err
    assert not (tmp_path / 'data').exists()


@pytest.fixture
def voc(tmp_path):
    voc = tmp_path / 'data/voc2012'
    lists = voc / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('a\n')
    (lists / 'val.txt').write_text('b\nc\n')
    touch(
        *(voc / f'JPEGImages/{name}.jpg' for name in 'abcd'), *(voc / f'SegmentationClass/{name}.png' for name in 'abc')
    )
    touch(*(voc / f'SegmentationClassAug/{name}.png' for name in 'abd'))
    return voc


def test_trainaug_is_every_labelled_photo_outside_val(voc, tmp_path):
    assert call(tmp_path / 'data', '--only', 'voc2012', 'voc2012aug') == 0
    assert (voc / 'ImageSets/Segmentation/trainaug.txt').read_text() == 'a\nd\n'


def test_a_missing_file_of_a_list_is_named(voc, tmp_path, capsys):
    (voc / 'SegmentationClass/c.png').unlink()
    assert call(tmp_path / 'data', '--only', 'voc2012') == 2
    output = capsys.readouterr()
    assert 'SegmentationClass/c.png' in ''.join(output.out.split()).replace('│', '')
    assert 'voc2012' in output.err


@pytest.mark.parametrize(('names', 'said'), [(b'a\xff\n', 'val.txt'), (b'a' * 300, 'voc2012')])
def test_a_file_that_is_not_a_list_is_named(voc, tmp_path, capsys, names, said):
    (voc / 'ImageSets/Segmentation/val.txt').write_bytes(names)
    assert call(tmp_path / 'data', '--only', 'voc2012') == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1


def test_the_628_unlabelled_photos_are_counted(tmp_path, capsys):
    photos = [tmp_path / f'unlabelled628/{number}.jpg' for number in range(628)]
    touch(*photos)
    assert call(tmp_path, '--only', 'unlabelled628') == 0
    photos[0].unlink()
    assert call(tmp_path, '--only', 'unlabelled628') == 2
    assert '627' in capsys.readouterr().out


def archive_of(*names):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as file:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 1000
            file.addfile(entry, io.BytesIO(bytes(range(250)) * 4))
    return content.getvalue()


def changed(content, place):
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


def damaged(how):
    # Uncompressed, so that a byte lies where it lies in the tar: a header of 512 bytes, and 1024 of content.
    stored = gzip.compress(archive_of('train/n1/a.jpg', 'train/n2/b.jpg'), 0)
    second = stored.index(b'train/n2')
    return dict(
        cut=stored[: second + 600],
        without_sum=stored[:-8],
        header=changed(stored, second + 3),
        content=changed(stored, second + 700),
        deflate=changed(gzip.compress(archive_of('train/n1/a.jpg')), 10),
        text=b'no archive',
    )[how]


@pytest.mark.parametrize('how', ['cut', 'without_sum', 'header', 'content', 'deflate', 'text'])
def test_a_damaged_archive_is_named_and_nothing_is_unpacked(tmp_path, capsys, how):
    archive = tmp_path / 'tiny_imagenet/train_200x200.tar.gz'
    touch(archive)
    archive.write_bytes(damaged(how))
    assert call(tmp_path, '--only', 'tiny_imagenet') == 2
    assert str(archive) in capsys.readouterr().err
    assert list(archive.parent.iterdir()) == [archive]


def test_a_whole_archive_is_unpacked(tmp_path):
    archive = tmp_path / 'tiny_imagenet/train_200x200.tar.gz'
    touch(archive)
    archive.write_bytes(gzip.compress(archive_of('train/n1/a.jpg', 'train/n2/b.jpg')))
    call(tmp_path, '--only', 'tiny_imagenet')
    unpacked = archive.parent / 'train'
    assert sorted(path.relative_to(unpacked).as_posix() for path in unpacked.rglob('*.jpg')) == ['n1/a.jpg', 'n2/b.jpg']


def test_without_a_selection_missing_sets_are_only_reported(tmp_path, capsys):
    (tmp_path / 'data').mkdir()
    assert call(tmp_path / 'data') == 0
    assert capsys.readouterr().out.count('missing') == len(CHECKS)


def test_a_missing_folder_is_named(tmp_path, capsys):
    assert call(tmp_path / 'nowhere') == 2
    assert 'nowhere' in capsys.readouterr().err
