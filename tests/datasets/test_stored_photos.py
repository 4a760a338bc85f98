"""Photos in Arrow, Parquet and tar files: our own reader decodes them, and a row is the same in every run."""

import importlib
import io
import json
import pickle
import tarfile

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

import semrestore
from semrestore.config import load_config
from semrestore.datasets import HuggingFacePhotos, PhotoFolder, WebDatasetPhotos
from semrestore.errors import UserError
from semrestore.images import decode, read, read_photo
from semrestore.registry import DATASETS
from semrestore.testing import check_dataset
from semrestore.weights.read import read_checkpoint
from tests import tiny_data

PIPELINE = [dict(type='semrestore.LoadPhoto')]
PACKED = [*PIPELINE, dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))]
COUNT = 12
KINDS = ('arrow', 'parquet', 'saved', 'binary', 'tar', 'index')


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    """A folder of photos of several kinds, and the same as a list of (name, content)."""
    folder = tmp_path_factory.mktemp('stored') / 'photos'
    for index in range(COUNT):
        tiny_data.save(tiny_data.photo(40, index), folder / f'{index:02}.png')
    turned = Image.fromarray(tiny_data.photo(40, 3)[:30])
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / '03.png', exif=exif)
    Image.fromarray((tiny_data.photo(40, 4)[..., 0].astype(np.uint16)) * 256 + 7).save(folder / '04.png')
    Image.fromarray(tiny_data.photo(40, 5)).convert('CMYK').save(folder / '05.jpg')
    (folder / '05.png').unlink()
    return folder


def content(photos):
    return [(path.name, path.read_bytes()) for path in sorted(photos.iterdir())]


def write_tar(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w') as shard:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            shard.addfile(entry, io.BytesIO(data))


def hugging_face():
    # A part of it, since the folders of our own configs look like a package of its name.
    pytest.importorskip('datasets.features', reason='the extra `datasets` is not installed')
    return importlib.import_module('datasets')


@pytest.fixture(scope='module')
def stored(photos, tmp_path_factory):
    """Return the photos in one of the kinds of files."""
    root = tmp_path_factory.mktemp('files')

    def table(column):
        datasets = hugging_face()
        cells = content(photos)
        images = [dict(bytes=data, path=name) for name, data in cells]
        labels = [index % 3 for index in range(COUNT)]
        if column == 'binary':
            features = datasets.Features(image=datasets.Value('binary'), label=datasets.Value('int64'))
            return datasets.Dataset.from_dict(dict(image=[one['bytes'] for one in images], label=labels), features)
        names = ['cat', 'dog', 'newt']
        features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=names))
        return datasets.Dataset.from_dict(dict(image=images, label=labels), features)

    def build(kind, **options):
        if kind in ('tar', 'index'):
            pytest.importorskip('wids', reason='the extra `webdataset` is not installed')
            if not (root / 'shards').exists():
                files = [(name, data) for name, data in content(photos)]
                for number in range(3):
                    part = files[5 * number : 5 * number + 5]
                    labelled = [
                        one
                        for name, data in part
                        for one in ((name, data), (f'{name[:2]}.cls', str(int(name[:2]) % 3).encode()))
                    ]
                    write_tar(root / f'shards/part-{number}.tar', labelled)
                shards = [dict(url=f'part-{number}.tar', nsamples=(5, 5, 2)[number]) for number in range(3)]
                (root / 'shards/index.json').write_text(json.dumps(dict(wids_version=1, shardlist=shards)))
            given = 'part-{0..2}.tar' if kind == 'tar' else 'index.json'
            options = {'label': '.cls', **options}
            return WebDatasetPhotos(given, data_root=str(root / 'shards'), **options)
        given = dict(arrow='saved/*.arrow', parquet='p/*.parquet', saved='saved', binary='binary')[kind]
        if kind in ('arrow', 'saved') and not (root / 'saved').exists():
            table('image').save_to_disk(root / 'saved', num_shards=2)
        if kind == 'parquet' and not (root / 'p').exists():
            (root / 'p').mkdir()
            whole = table('image')
            for number in range(2):
                whole.shard(2, number, contiguous=True).to_parquet(root / f'p/{number}.parquet')
        if kind == 'binary' and not (root / 'binary').exists():
            table('binary').save_to_disk(root / 'binary')
        options = {'label': 'label', **options}
        return HuggingFacePhotos(given, data_root=str(root), cache_dir=str(root / 'cache'), **options)

    return build


@pytest.mark.parametrize('kind', KINDS)
def test_images_are_those_of_the_folder_and_rows_are_stable(stored, photos, kind):
    dataset, again = (stored(kind, name='mine', pipeline=PIPELINE) for _ in range(2))
    folder = PhotoFolder(data_root=str(photos), pipeline=PIPELINE)
    assert len(dataset) == len(folder) == COUNT
    for index in range(COUNT):
        item = dataset[index]
        assert np.array_equal(item['img'], folder[index]['img']), index
        assert item['gt_label'] == index % 3
        assert item['dataset_name'] == 'mine'
        assert again.get_data_info(index) == dataset.get_data_info(index)
        assert 'img_bytes' not in item
    names = [dataset.get_data_info(index)['name'] for index in range(COUNT)]
    assert names[6] == ('part-1/06' if kind in ('tar', 'index') else '6')
    assert len(set(names)) == COUNT
    assert dataset.metainfo.get('classes') == (
        ('cat', 'dog', 'newt') if kind in ('arrow', 'parquet', 'saved') else None
    )


@pytest.mark.parametrize('kind', ['arrow', 'tar'])
def test_a_data_set_passes_the_check_of_plugins_and_goes_to_workers(stored, kind):
    dataset = stored(kind, pipeline=PACKED)
    check_dataset(dataset)
    other = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(other[7]['inputs'], dataset[7]['inputs'])


@pytest.mark.parametrize('kind', ['saved', 'tar'])
def test_parts_and_the_first_rows_keep_their_names(stored, kind):
    def names(**options):
        dataset = stored(kind, **options)
        return [dataset.get_data_info(index)['name'] for index in range(len(dataset))]

    train, apart = names(part='train'), names(part='held_out')
    assert len(apart) == 8
    assert sorted([*train, *apart]) == sorted(names())
    assert names(indices=2) == names()[:2]
    assert names(indices=[5, 1]) == [names()[5], names()[1]]
    with pytest.raises(UserError, match='held_out'):
        names(part='validation')


@pytest.mark.parametrize('kind', ['saved', 'tar'])
def test_cached_photos_are_decoded_once(stored, kind, monkeypatch):
    dataset = stored(kind, pipeline=[dict(type='semrestore.LoadPhoto', cache=True)])
    before = dataset[0]['img'].copy()
    monkeypatch.setattr('semrestore.images.photo.decode', None)  # what reads the content of a file
    dataset[0]['img'][:] = 0  # what a later transform may do
    assert np.array_equal(dataset[0]['img'], before)
    with pytest.raises(TypeError):
        dataset[1]


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        (dict(image='picture'), "'picture'"),
        (dict(label='class'), "'class'"),
        (dict(image='label'), 'row 0'),
        (dict(split='train'), "'train'"),
    ],
)
def test_a_missing_column_is_named(stored, options, named):
    with pytest.raises(UserError, match=named):
        stored('saved', pipeline=PIPELINE, **options)[0]


def test_content_is_decoded_as_the_file_is(photos):
    for path in sorted(photos.iterdir()):
        (expected,) = read(path)
        found = decode(path.read_bytes(), 'some.name')
        assert np.array_equal(found.pixels, expected.pixels)
        assert (found.metadata, found.name) == (expected.metadata, 'some.name')
    assert read_photo(photos / '03.png').shape == (40, 30, 3)
    with pytest.raises(UserError, match=r"'row 7'"):
        decode(b'no image', 'row 7')


SMALL = ['model.denoiser.encoder_channels=8', 'model.denoiser.decoder_channels=8', 'log_level=ERROR']


@pytest.mark.parametrize('kind', ['arrow', 'tar'])
def test_a_training_that_is_stopped_and_resumed_takes_the_same_steps(stored, tmp_path, kind):
    def cfg(run):
        cfg = load_config('configs/embedded/denoise_sigma30.py', SMALL)
        cfg.model.task, cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator = None, None, None, None
        cfg.randomness = dict(seed=3)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=4)
        cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=3)
        source = stored(kind, label=None)
        where = (
            dict(type='WebDatasetPhotos', shards='part-*.tar', data_root=str(source.root))
            if kind == 'tar'
            else dict(type='HuggingFacePhotos', path=source.path)
        )
        pipeline = [
            dict(type='LoadPhoto'),
            dict(type='RandomCrop', crop_size=24),
            dict(type='RandomDihedral'),
            PACKED[-1],
        ]
        cfg.train_dataloader.update(batch_size=3, num_workers=1, persistent_workers=False)
        cfg.train_dataloader.dataset.dataset = dict(**where, pipeline=pipeline)
        cfg.work_dir = str(tmp_path / run)
        return cfg

    semrestore.train(cfg('whole'))
    resumed = cfg('resumed')
    resumed.resume, resumed.load_from = True, str(tmp_path / 'whole/iter_2.pth')
    semrestore.train(resumed)
    whole, gone_on = (read_checkpoint(tmp_path / run / 'iter_4.pth') for run in ('whole', 'resumed'))
    started = read_checkpoint(tmp_path / 'whole/iter_2.pth')
    weights = [name for name, value in whole['state_dict'].items() if value.is_floating_point()]
    assert not all(torch.equal(whole['state_dict'][name], started['state_dict'][name]) for name in weights)
    assert all(torch.equal(whole['state_dict'][name], gone_on['state_dict'][name]) for name in weights)


def test_a_config_builds_networks_by_their_registered_names(stored):
    stored('tar')
    source = stored('tar', label=None)
    with DefaultScope.overwrite_default_scope('semrestore'):
        built = DATASETS.build(dict(type='WebDatasetPhotos', shards=['part-0.tar'], data_root=str(source.root)))
    assert len(built) == 5
