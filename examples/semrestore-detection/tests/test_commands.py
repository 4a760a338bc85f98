"""The whole way on the embedded photos: joint training by the plugin's config, evaluation, the row of the matrix."""

import json
import os
import subprocess
import sys

import pytest

CONFIG = 'semrestore_detection::detection/joint_fcos_embedded.py'
RANDOM = 'model.task.checkpoint=random'


def semrestore(*arguments):
    command = [sys.executable, '-m', 'semrestore', *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    short = ['train_cfg.max_iters=2', 'train_cfg.val_begin=99', 'train_dataloader.batch_size=2', RANDOM]
    semrestore('train', CONFIG, '--work-dir', folder, '--cfg-options', *short)
    return folder / 'iter_2.pth'


def test_evaluation(checkpoint, tmp_path):
    out = tmp_path / 'result.json'
    semrestore('test', CONFIG, checkpoint, '--work-dir', tmp_path / 'log', '--out', out, '--cfg-options', RANDOM)
    metrics = json.loads(out.read_text())['metrics']
    assert set(metrics) == {'PSNR', 'SSIM', 'mAP', 'AP50'}
    assert 15 < metrics['PSNR'] < 25


def test_a_row_of_the_matrix(checkpoint, tmp_path):
    methods = ['--denoisers', 'noisy', 'clean', f'joint={checkpoint}']
    text = semrestore('cross-task', '--tasks', CONFIG, *methods, '--sigma', 30, '--out', tmp_path, '--cfg-options', RANDOM)
    assert '### joint_fcos_embedded, mAP (%), 3 images' in text
    assert '### joint_fcos_embedded, AP50 (%), 3 images' in text
