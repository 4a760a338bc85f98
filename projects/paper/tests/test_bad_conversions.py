"""Converters of other people's weights, given what is no such file: one sentence each, and no checkpoint."""

import json
import re

import numpy as np
import pytest
import torch

from projects.paper import convert_deeplabv3, convert_matconvnet, start_vgg16
from semrestore.cli.run import run
from tests.denoisers.test_peers import random_layers, write_matlab

FIRST = dict(key='op0', name='MobilenetV2/Conv/weights')


@pytest.mark.parametrize(
    ('weights', 'operations', 'said'),
    [
        ({}, 'ops', r'ops\.json'),
        ({}, '[' * 100_000, r'ops\.json'),
        ({}, json.dumps(dict(ops='abc')), r"ops\.json.*'ops'"),
        ({}, json.dumps(dict(ops=[1])), r"ops\.json.*'ops'"),
        ({}, b'\xff\xfe', r'ops\.json'),
        (
            {},
            json.dumps(dict(ops=[FIRST])),
            r"'MobilenetV2/Conv/weights'.*'backbone\.conv1\.conv\.weight'",
        ),
        ({}, json.dumps(dict(ops=[dict(key='op0', name=['x'])])), r"\['x'\]"),
        ({'op0.weight': 3}, json.dumps(dict(ops=[FIRST])), 'backbone.conv1.conv.weight'),
        ({'op0.weight': torch.zeros(3)}, json.dumps(dict(ops=[FIRST])), 'backbone.conv1.conv.weight'),
        (
            {'op0.weight': torch.zeros(16, 3, 3, 3).to_sparse()},
            json.dumps(dict(ops=[FIRST])),
            'op0.weight',
        ),
        (
            {'op0.weight': torch.full((16, 3, 3, 3), torch.nan)},
            json.dumps(dict(ops=[FIRST])),
            'op0.weight',
        ),
        ({}, json.dumps(dict(ops=[])), 'backbone.conv1.conv.weight'),
    ],
)
def test_deeplabv3(tmp_path, capsys, weights, operations, said):
    torch.save(weights, tmp_path / 'ops.pth')
    (tmp_path / 'ops.json').write_bytes(operations if isinstance(operations, bytes) else operations.encode())
    paths = [str(tmp_path / name) for name in ('ops.pth', 'ops.json', 'out.pth')]
    assert run(convert_deeplabv3.main, paths) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize(
    ('weight', 'said'),
    [
        (torch.zeros(64, 3, 3, 3, dtype=torch.int32), 'torch.int32'),
        (torch.zeros(64, 3, 3, 3).to_sparse(), 'features.0.weight'),
        (torch.full((64, 3, 3, 3), torch.nan), 'features.0.weight'),
        (torch.zeros(64, 3, 3), '(64, 3, 3, 3)'),
    ],
)
def test_vgg16(tmp_path, capsys, weight, said):
    torch.save({'features.0.weight': weight, 'features.0.bias': torch.zeros(64)}, tmp_path / 'vgg.pth')
    arguments = [str(tmp_path / 'config.py'), str(tmp_path / 'vgg.pth'), str(tmp_path / 'out.pth'), '--photos', '2']
    photos = tmp_path / 'photos/a'
    photos.mkdir(parents=True)
    from PIL import Image

    for number in range(2):
        Image.new('RGB', (32, 32), (number, 9, 99)).save(photos / f'{number}.png')
    (tmp_path / 'config.py').write_text(
        "model = dict(type='mmpretrain.ImageClassifier', backbone=dict(type='VGG', depth=16,"
        " norm_cfg=dict(type='BN')),\n"
        "             data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'), head=dict(type='ClsHead'))\n"
        "pipeline = [dict(type='mmpretrain.LoadImageFromFile'), dict(type='mmpretrain.PackInputs')]\n"
        'train_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),\n'
        f"    dataset=dict(type='mmpretrain.CustomDataset', data_root={str(tmp_path / 'photos')!r},"
        ' pipeline=pipeline))\n'
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"
        'train_cfg = dict(by_epoch=True, max_epochs=1)\n'
        "default_scope = 'mmpretrain'\n"
    )
    assert run(start_vgg16.main, arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'out.pth').exists()


def huge(file, name):
    file.create_dataset(name, (2**20, 2**20, 3, 3), 'f8', chunks=(1, 1, 3, 3))  # 9 TB, of which nothing is stored


def elsewhere(file, name):
    from pathlib import Path

    secret = Path(file.filename).with_name('secret')
    secret.write_bytes(bytes(4 * 64 * 27))
    file.create_dataset(name, (3, 3, 64, 3), 'f4', external=[(str(secret), 0, 4 * 64 * 27)])


def not_numbers(file, name):
    file[name] = np.full((3, 3, 64, 3), np.nan, np.float32)


def words(file, name):
    file[name] = 'weights'


@pytest.mark.parametrize('attack', [huge, elsewhere, not_numbers, words])
def test_matconvnet(tmp_path, capsys, attack):
    h5py = pytest.importorskip('h5py')
    write_matlab(tmp_path / 'net.mat', random_layers((3, 64), *[(64, 64)] * 18, (64, 3)))
    with h5py.File(tmp_path / 'net.mat', 'a') as file:
        attack(file, 'attack')
        file['#refs#/conv0']['weights'][0] = file['attack'].ref
    assert run(convert_matconvnet.main, [str(tmp_path / 'net.mat'), str(tmp_path / 'out.pth')]) == 2
    assert 'net.mat' in capsys.readouterr().err
    assert not (tmp_path / 'out.pth').exists()


def test_matconvnet_cut_anywhere(tmp_path, capsys):
    pytest.importorskip('h5py')
    write_matlab(tmp_path / 'net.mat', random_layers((3, 64), *[(64, 64)] * 18, (64, 3)))
    whole = (tmp_path / 'net.mat').read_bytes()
    for tenth in range(10):
        (tmp_path / 'cut.mat').write_bytes(whole[: len(whole) * tenth // 10])
        assert run(convert_matconvnet.main, [str(tmp_path / 'cut.mat'), str(tmp_path / 'out.pth')]) == 2
        assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'out.pth').exists()
