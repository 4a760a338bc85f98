"""The demo keeps its promise: the published weights first, then a training, here a few steps of it."""

import json

import pytest
from PIL import Image

from semrestore.cli import demo
from semrestore.cli.run import run


@pytest.mark.slow
def test_the_demo_compares_the_shipped_weights_and_then_a_training(tmp_path, capsys):
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
        assert noisy['probability']['images'] > 80
    assert Image.open(tmp_path / 'comparison.png').width > 1000
    printed, progress = capsys.readouterr()
    assert 'training jointly: 2/2' in progress
    assert printed.index('MobileNetV2') < printed.index('EfficientNet-Lite0')
