"""Checking and building the data folder, on trees made for it."""

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


def test_without_a_selection_missing_sets_are_only_reported(tmp_path, capsys):
    (tmp_path / 'data').mkdir()
    assert call(tmp_path / 'data') == 0
    assert capsys.readouterr().out.count('missing') == len(CHECKS)


def test_a_missing_folder_is_named(tmp_path, capsys):
    assert call(tmp_path / 'nowhere') == 2
    assert 'nowhere' in capsys.readouterr().err
