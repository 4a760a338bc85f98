"""The demo keeps its promise: the published weights first, then a training, here a few steps of it."""

import json

import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from semrestore.cli import demo
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.registry import DATASETS


@pytest.mark.slow
def test_the_demo_compares_the_shipped_weights_and_then_a_training(tmp_path, capsys, monkeypatch):
    with DefaultScope.overwrite_default_scope('semrestore'):
        views = DATASETS.build(load_config(demo.CONFIG).test_dataloader.dataset)
    names = [views.get_data_info(index)['name'] for index in range(len(views))]
    assert len(names) > 80
    some = [index for index, name in enumerate(names) if index % 12 == 0 or name in demo.SHOWN]
    config = tmp_path / 'fewer_views.py'
    config.write_text(
        f"_base_ = '{demo.CONFIG}'\ntest_dataloader = dict(dataset=dict(indices={some}))\n"
        'train_dataloader = dict(batch_size=1)\nval_dataloader = dict(dataset=dict(indices=2))\n'
    )
    monkeypatch.setattr(demo, 'CONFIG', str(config))
    assert run(demo.main, ['--out', str(tmp_path), '--iterations', '2']) == 0
    rows = json.loads((tmp_path / 'result.json').read_text())
    found = {(row['network'], row['method']): row for row in rows}
    for network, last in (('mobilenetv2', 'multiscale-blind'), ('lite0', 'jointly trained')):
        noisy, alone, final = (found[network, name] for name in ('noisy', 'multiscale-blind', last))
        for better in (alone, final):
            assert better['probability']['value'] > noisy['probability']['value']
            assert better['agreement']['value'] > noisy['agreement']['value']
            assert better['probability']['psnr'] > noisy['probability']['psnr'] + 10
        assert noisy['probability']['difference_high'] < 0, 'the paired interval is below zero'
        assert noisy['probability']['images'] == len(some)
    assert Image.open(tmp_path / 'comparison.png').width > 1000
    printed, progress = capsys.readouterr()
    assert 'training jointly: 2/2' in progress
    assert printed.index('MobileNetV2') < printed.index('EfficientNet-Lite0')
