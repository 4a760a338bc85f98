"""The whole way on the embedded photos: joint training before a detector, evaluation, the row of the matrix."""

import json

import pytest

from semrestore.__main__ import main

CONFIG = 'semrestore::embedded/joint_fcos_sigma30.py'
SMALL = ['model.task.checkpoint=random', 'model.denoiser.encoder_channels=16', 'model.denoiser.decoder_channels=16']


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    short = ['train_cfg.max_iters=1', 'train_cfg.val_begin=99', 'train_dataloader.batch_size=1', *SMALL]
    assert main(['train', CONFIG, '--work-dir', str(folder), '--cfg-options', *short]) == 0
    return str(folder / 'iter_1.pth')


@pytest.mark.slow
def test_evaluation(checkpoint, tmp_path):
    out = tmp_path / 'result.json'
    places = ['--work-dir', str(tmp_path / 'log'), '--out', str(out)]
    assert main(['test', CONFIG, checkpoint, *places, '--cfg-options', *SMALL]) == 0
    metrics = json.loads(out.read_text())['metrics']
    assert set(metrics) == {'PSNR', 'SSIM', 'mAP', 'AP50'}
    assert 15 < metrics['PSNR'] < 25


def test_a_row_of_the_matrix(checkpoint, tmp_path, capsys):
    methods = ['--denoisers', 'noisy', 'clean', f'joint={checkpoint}']
    one = 'test_dataloader.dataset.indices=1'  # every resample is this image
    options = ['--sigma', '30', '--out', str(tmp_path), '--cfg-options', *SMALL, one]
    assert main(['cross-task', '--tasks', CONFIG, *methods, *options]) == 0
    text = capsys.readouterr().out
    assert '### joint_fcos_sigma30, mAP (%), 1 images' in text
    assert '### joint_fcos_sigma30, AP50 (%), 1 images' in text
