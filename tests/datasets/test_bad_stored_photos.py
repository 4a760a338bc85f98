"""Tables and tar files that have no photos, or none where they should: each is named, and what it lacks."""

import io
import json
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from semrestore.datasets import HuggingFacePhotos, WebDatasetPhotos
from semrestore.datasets.stored_photos import as_label
from semrestore.errors import UserError
from tests import tiny_data
from tests.datasets.test_stored_photos import PIPELINE, hugging_face, write_tar


@pytest.fixture(scope='module')
def image():
    """The content of an image file."""
    content = io.BytesIO()
    Image.fromarray(tiny_data.photo(40, 0)).save(content, 'PNG')
    return content.getvalue()


@pytest.mark.parametrize('path', ['nowhere', 'nowhere/*.parquet', 'torn.parquet', 'torn.arrow', 'text.txt', 'empty'])
def test_what_is_no_table_is_named(tmp_path, path):
    hugging_face()
    for name in ('torn.parquet', 'torn.arrow', 'text.txt'):
        (tmp_path / name).write_bytes(b'PAR1 and no more')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError) as error:
        HuggingFacePhotos(path, data_root=str(tmp_path), cache_dir=str(tmp_path / 'cache'))
    assert str(tmp_path / path) in str(error.value)


def test_splits_are_chosen_and_a_hub_that_does_not_answer_is_named(tmp_path, image):
    datasets = hugging_face()
    table = datasets.Dataset.from_dict(dict(image=[image]))
    datasets.DatasetDict(train=table, test=table).save_to_disk(tmp_path / 'both')
    with pytest.raises(UserError, match='train, test'):
        HuggingFacePhotos(str(tmp_path / 'both'))
    assert len(HuggingFacePhotos(str(tmp_path / 'both'), split='test')) == 1
    table.save_to_disk(tmp_path / 'one')
    table.to_parquet(tmp_path / 'train.parquet')
    for path in ('one', 'one/*.arrow', 'train.parquet'):
        assert len(HuggingFacePhotos(path, data_root=str(tmp_path), cache_dir=str(tmp_path / 'cache'))) == 1
        with pytest.raises(UserError, match=r"split.*'train'") as error:
            HuggingFacePhotos(path, 'train', data_root=str(tmp_path), cache_dir=str(tmp_path / 'cache'))
        assert str(tmp_path / path) in str(error.value)
    with pytest.raises(UserError, match='hf:nobody/nothing'):
        HuggingFacePhotos('hf:nobody/nothing', split='train', cache_dir=str(tmp_path / 'cache'))


def test_a_row_without_an_image_is_named(tmp_path, image):
    hugging_face()
    import pyarrow
    from pyarrow import parquet

    (tmp_path / 'one.png').write_bytes(image)
    cells = [dict(bytes=None, path=str(tmp_path / 'gone.png')), dict(bytes=b'text', path=None), None]
    cells += [dict(bytes=None, path=str(tmp_path / 'one.png')), dict(bytes=image, path='one.png')]
    parquet.write_table(pyarrow.table(dict(image=cells)), tmp_path / 'a.parquet')
    dataset = HuggingFacePhotos(str(tmp_path / 'a.parquet'), cache_dir=str(tmp_path / 'cache'), pipeline=PIPELINE)
    for index, named in enumerate((r'row 0.*gone\.png', 'row 1', 'row 2')):
        with pytest.raises(UserError, match=named):
            dataset[index]
    assert np.array_equal(dataset[3]['img'], dataset[4]['img'])


def test_what_a_shard_lacks_is_named_by_shard_and_key(tmp_path, image):
    pytest.importorskip('wids', reason='the extra `webdataset` is not installed')
    write_tar(
        tmp_path / 'a.tar',
        [
            *(('torn.png', image[:200]), ('torn.cls', b'1'), ('none.cls', b'1')),
            *(('two.png', image), ('two.seg.png', image), ('two.jpg', image)),
            *(('x/plain.PNG', image), ('x/plain.cls', b'one')),
        ],
    )
    dataset = WebDatasetPhotos('a.tar', data_root=str(tmp_path), pipeline=PIPELINE)
    assert len(dataset) == 4
    for index, named in enumerate((r'a\.tar/torn\.png', r"'none'.*a\.tar'", r"'two'.*a\.tar'")):
        with pytest.raises(UserError, match=named):
            dataset[index]
    assert dataset[3]['name'] == 'a/x/plain'
    chosen = WebDatasetPhotos('a.tar', image='.seg.png', data_root=str(tmp_path), pipeline=PIPELINE)
    assert chosen[2]['img'].shape == (40, 40, 3)
    with pytest.raises(UserError, match=r"'torn'.*a\.tar'.*'\.seg\.png'"):
        chosen[0]
    labelled = WebDatasetPhotos('a.tar', label='.cls', data_root=str(tmp_path), pipeline=PIPELINE)
    with pytest.raises(UserError, match=r"plain\.cls'.*b'one'"):
        labelled[3]


@pytest.mark.parametrize(
    ('name', 'named'),
    [
        ('nowhere.tar', r'nowhere\.tar'),
        ('no-{0..3}.tar', r'no-0\.tar'),
        ('packed.tar.gz', r'packed\.tar\.gz'),
        ('empty.tar', r'empty\.tar'),
        ('long.tar', r'long\.tar.*99'),
        ('twice.tar', r'twice\.tar'),
        ('list.json', r'list\.json'),
        ('gone.json', r'gone\.json.*gone\.tar'),
        ('short.json', r'one\.tar.*\b1\b'),
    ],
)
def test_what_is_no_shard_is_named(tmp_path, image, name, named):
    pytest.importorskip('wids', reason='the extra `webdataset` is not installed')
    (tmp_path / 'empty.tar').touch()
    write_tar(tmp_path / 'one.tar', [('a.png', image)])
    with tarfile.open(tmp_path / 'packed.tar.gz', 'w:gz') as shard:
        shard.add(tmp_path / 'one.tar', 'one.tar')
    write_tar(tmp_path / 'long.tar', [(f'{"a" * 120}.png', image)])
    write_tar(tmp_path / 'twice.tar', [('a.png', image), ('a.png', image)])
    (tmp_path / 'list.json').write_text('[]')
    for index, shard in (('gone', 'gone.tar'), ('short', 'one.tar')):
        entries = [dict(url=shard, nsamples=2)]
        (tmp_path / f'{index}.json').write_text(json.dumps(dict(wids_version=1, shardlist=entries)))
    with pytest.raises(UserError, match=named):
        WebDatasetPhotos(name, data_root=str(tmp_path), pipeline=PIPELINE)[1]


@pytest.mark.parametrize('label', [7, np.int64(7), '7', b'7\n'])
def test_a_label_is_a_whole_number(label):
    assert as_label(label, 'x') == 7


@pytest.mark.parametrize('label', [1.7, 1.0, np.float32(1), '1.7', None])
def test_a_label_that_is_no_whole_number_is_refused(label):
    with pytest.raises(UserError, match='row 3'):
        as_label(label, 'row 3')


@pytest.mark.parametrize(('kind', 'library'), [(HuggingFacePhotos, 'datasets'), (WebDatasetPhotos, 'wids.wids')])
def test_a_missing_library_is_named_with_its_extra(monkeypatch, kind, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=r'semrestore\[(datasets|webdataset)\]'):
        kind('anything')
