"""The main job, whole: `make demo` keeps its promise."""

import json

import pytest
from PIL import Image

from semrestore.commands import demo
from semrestore.commands.common import run


@pytest.mark.slow
def test_the_demo_runs_through(tmp_path, capsys):
    assert run(demo.main, ['--out', str(tmp_path), '--iterations', '2']) == 0
    assert Image.open(tmp_path / 'comparison.png').width > 1000
    printed = capsys.readouterr().out
    assert 'training jointly: 2/2' in printed
    assert all(name in printed for name in ('noisy', 'denoiser alone', 'jointly trained', 'comparison.png'))


@pytest.mark.slow
def test_the_joint_result_beats_the_noisy_input_on_all_three_measures(tmp_path, capsys):
    assert run(demo.main, ['--out', str(tmp_path)]) == 0
    results = json.loads((tmp_path / 'result.json').read_text())
    noisy, alone, joint = (results[name]['metrics'] for name in ('noisy', 'denoiser alone', 'jointly trained'))
    assert all(joint[name] > noisy[name] for name in ('PSNR', 'SSIM', 'accuracy/top1'))
    assert alone['PSNR'] > joint['PSNR'], 'the paper: mean squared error alone always wins in PSNR'
    assert Image.open(tmp_path / 'comparison.png').width > 1000
    table = capsys.readouterr().out
    assert f'{joint["PSNR"]:.2f}' in table
    assert 'comparison.png' in table
