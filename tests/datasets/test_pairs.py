"""Photographs of real noise with clean partners: found by their marks, kept together, trained on."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from semrestore.cli.run import run
from semrestore.cli.test import main as evaluate
from semrestore.cli.train import main as train
from semrestore.datasets import LoadPair, PairFolder
from semrestore.errors import UserError
from semrestore.evaluation import psnr
from semrestore.preprocessor import ImagePreprocessor
from semrestore.registry import TRANSFORMS
from tests.common import DATA

PACK = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return image


@pytest.fixture
def pairs(tmp_path):
    """Two pairs of which red, green and blue and both partners are told apart by their values."""
    images = {}
    for index, name in enumerate(('camera/a', 'b')):
        clean = np.full((40, 56, 3), (10, 20, 30), np.uint8) + 40 * np.uint8(index)
        clean[:20] += 5
        images[name] = write(tmp_path / f'{name}_mean.png', clean), write(tmp_path / f'{name}_real.png', clean + 100)
    return tmp_path, images


def test_pairs_are_found_and_loaded_clean_first(pairs):
    folder, images = pairs
    dataset = PairFolder(folder=str(folder), name='set', pipeline=[dict(type='semrestore.LoadPair')])
    assert [dataset[index]['name'] for index in range(len(dataset))] == ['b', 'camera/a']
    for item in (dataset[0], dataset[1]):
        clean, noisy = images[item['name']]
        np.testing.assert_array_equal(item['img'], np.concatenate((clean, noisy), axis=2))
        assert item['dataset_name'] == 'set'


def test_sidd_and_polyu_names_are_pairs_too(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    for name in ('0001_001_S6/0001_NOISY_SRGB_010', '0001_001_S6/0001_GT_SRGB_010'):
        write(tmp_path / f'sidd/{name}.PNG', image)
    for name in ('Canon5D2_5_160_3200_toy_1_real', 'Canon5D2_5_160_3200_toy_1_mean'):
        write(tmp_path / f'polyu/{name}.JPG', image)
    (sidd,) = PairFolder(folder=str(tmp_path / 'sidd'), noisy='NOISY_', clean='GT_').load_data_list()
    assert sidd['img_path'].endswith('0001_GT_SRGB_010.PNG')
    assert sidd['name'] == '0001_001_S6/0001_SRGB_010'
    (polyu,) = PairFolder(folder=str(tmp_path / 'polyu')).load_data_list()
    assert polyu['img_path'].endswith('toy_1_mean.JPG')


@pytest.mark.parametrize(
    'transform',
    [
        dict(type='RandomCrop', crop_size=24),
        dict(type='RandomCrop', crop_size=64, pad_if_needed=True),
        dict(type='RandomDihedral'),
        dict(type='RandomFlip', prob=1.0),
        dict(type='mmpretrain.CenterCrop', crop_size=24),
    ],
)
def test_partners_stay_together(pairs, transform):
    folder, _ = pairs
    with DefaultScope.overwrite_default_scope('semrestore'):
        item = TRANSFORMS.build(transform)(LoadPair()(PairFolder(folder=str(folder)).get_data_info(0)))
    clean, noisy = item['img'][..., :3], item['img'][..., 3:]
    np.testing.assert_array_equal(noisy, clean + 100)
    assert item['img_shape'] == clean.shape[:2]


@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_the_cascade_takes_pairs_apart(pairs, build_cascade, order):
    folder, images = pairs
    with DefaultScope.overwrite_default_scope('semrestore'):
        dataset = PairFolder(folder=str(folder), pipeline=[dict(type='LoadPair'), PACK])
        batch = [dataset[0], dataset[1]]
    cascade = build_cascade(
        losses=dict(reconstruction=dict(type='ReconstructionLoss')), classifier=None, degradation=dict(type='FromPairs')
    )
    cascade.data_preprocessor = ImagePreprocessor(order)
    data = dict(
        inputs=torch.stack([item['inputs'] for item in batch]), data_samples=[item['data_samples'] for item in batch]
    )
    for index, sample in enumerate(cascade.eval().test_step(data)):
        clean, noisy = (
            torch.from_numpy(image).permute(2, 0, 1) / 255 for image in images[batch[index]['data_samples'].name]
        )
        if order == 'bgr':
            clean, noisy = clean.flip(0), noisy.flip(0)
        torch.testing.assert_close(sample.clean, clean)
        torch.testing.assert_close(sample.noisy, noisy)
        torch.testing.assert_close(sample.restored, noisy)  # untrained, it hands on what it gets
    cascade.train()
    inputs = cascade.data_preprocessor(data, True)['inputs']
    loss = cascade.loss(inputs, data['data_samples'])['loss_reconstruction']
    assert loss.item() == pytest.approx((100 / 255) ** 2, rel=1e-4)


def test_pairs_and_degradations_that_do_not_fit_are_refused(build_cascade):
    plain = dict(losses=dict(reconstruction=dict(type='ReconstructionLoss')), classifier=None)
    with pytest.raises(UserError, match=r'GaussianNoise.*FromPairs'):
        build_cascade(**plain).loss(torch.rand(1, 6, 16, 16), [])
    with pytest.raises(UserError, match='FromPairs'):
        build_cascade(**plain, degradation=dict(type='FromPairs')).loss(torch.rand(1, 3, 16, 16), [])


def test_incomplete_and_unequal_pairs_are_named(pairs, tmp_path):
    folder, images = pairs
    (folder / 'b_mean.png').unlink()
    with pytest.raises(UserError, match=r'b_real\.png.*b_mean\.png'):
        PairFolder(folder=str(folder)).load_data_list()
    write(folder / 'b_mean.png', images['b'][0][:-2])
    with pytest.raises(UserError, match=r'b_real\.png.*b_mean\.png.*40 x 56.*38 x 56'):
        PairFolder(folder=str(folder), pipeline=[dict(type='semrestore.LoadPair')])[0]
    with pytest.raises(UserError, match='folder'):
        PairFolder(folder=str(tmp_path / 'nowhere')).load_data_list()
    with pytest.raises(UserError, match='NOISY'):
        PairFolder(folder=str(folder), noisy='NOISY').load_data_list()
    with pytest.raises(ValueError, match='noisy'):
        PairFolder(folder=str(folder), noisy='_x', clean='_x')


def test_training_and_evaluation_on_pairs(tmp_path, photos, monkeypatch):
    generator = np.random.default_rng(0)
    expected = []
    for name in ('coffee', 'chelsea'):
        clean = (255 * photos[name][:, :64, :80]).byte().permute(1, 2, 0).numpy()
        noisy = np.clip(clean + generator.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
        write(tmp_path / f'cc15/{name}_mean.png', clean)
        write(tmp_path / f'cc15/{name}_real.png', noisy)
        expected.append(psnr(torch.from_numpy(noisy).double(), torch.from_numpy(clean).double()))
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    out = tmp_path / 'result.json'
    assert (
        run(evaluate, ['configs/evaluation/cc15.py', 'none', '--out', str(out), '--work-dir', str(tmp_path / 'run')])
        == 0
    )
    result = json.loads(out.read_text())
    assert result['metrics']['cc15/PSNR'] == pytest.approx(sum(expected) / 2, abs=1e-3)
    config = tmp_path / 'pairs.py'
    root = str(tmp_path)
    config.write_text(f"""
_base_ = ['semrestore::_base_/default_runtime.py', 'semrestore::_base_/denoisers/multiscale.py']
l1 = dict(type='ReconstructionLoss', distance='l1')
model = dict(degradation=dict(type='FromPairs'), losses=dict(reconstruction=l1))
pipeline = [
    dict(type='LoadPair', cache=True), dict(type='RandomCrop', crop_size=32), dict(type='RandomDihedral'),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
]
pairs = dict(type='PairFolder', data_root={root!r}, folder='cc15', pipeline=pipeline)
train_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='default_collate'), dataset=dict(type='StreamDataset', dataset=pairs))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
""")
    assert run(train, [str(config), '--work-dir', str(tmp_path / 'run')]) == 0
    checkpoint = tmp_path / 'run/iter_2.pth'
    assert (
        run(
            evaluate,
            ['configs/evaluation/cc15.py', str(checkpoint), '--out', str(out), '--work-dir', str(tmp_path / 'run')],
        )
        == 0
    )
    assert json.loads(out.read_text())['metrics']['cc15/PSNR'] != pytest.approx(sum(expected) / 2, abs=1e-3)


@pytest.mark.skipif(not (DATA / 'cc15').is_dir(), reason='SEMRESTORE_DATA has no cc15')
def test_the_15_crops_have_the_noise_that_others_measured(tmp_path):
    dataset = PairFolder(data_root=str(DATA), folder='cc15', pipeline=[dict(type='semrestore.LoadPair')])
    values = [
        psnr(*(torch.from_numpy(item['img']).double().split(3, dim=2)))
        for item in (dataset[index] for index in range(len(dataset)))
    ]
    assert len(values) == 15
    assert sum(values) / 15 == pytest.approx(33.41, abs=0.01)
