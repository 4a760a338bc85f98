"""Two processes on CPUs: the steps of one, little on the wire, each test image exactly once."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.model import convert_sync_batchnorm

from semrestore.engine.checkpoints import EXIT_PREEMPTED
from semrestore.weights.read import read_checkpoint
from tests.processes import command, commands

ROOT = Path(__file__).parents[2]
ITERATIONS = 6

CONFIG = """
_base_ = 'semrestore::embedded/joint_efficientnet_lite0_sigma30.py'
custom_imports = dict(imports='measured')
model = dict(
    type='DoubleCascade',
    data_preprocessor=dict(type='DoublePreprocessor'),
    denoiser=dict(_delete_=True, type='WithoutNorm'),
    degradation=dict(sigma=(5, 50)),
    task=dict(fold_batch_norm=False),
)
pipeline = [
    dict(type='LoadPhoto', cache=True),
    dict(type='mmpretrain.RandomCrop', crop_size=40),
    dict(type='RandomDihedral'),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name')),
]
train_dataloader = dict(batch_size=4, num_workers=1, dataset=dict(dataset=dict(pipeline=pipeline)))
train_cfg = dict(max_iters=6, val_begin=99)
default_hooks = dict(logger=dict(interval=1))
custom_hooks = [dict(type='Bytes')]
test_dataloader = dict(batch_size=2, dataset=dict(view=96, stride=150, indices=5))
"""


WRONG = """
_base_ = './config.py'
model = dict(supervision='labels')
pipeline = [
    dict(type='LoadPhoto', cache=True),
    dict(type='mmpretrain.RandomCrop', crop_size=40),
    dict(type='WrongLabel'),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name')),
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=pipeline)))
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('distributed')
    (folder / 'config.py').write_text(CONFIG)
    (folder / 'wrong.py').write_text(WRONG)
    shutil.copy(ROOT / 'tests/programs/measured.py', folder)
    return folder


def run(processes, *arguments):
    done = commands(processes, *arguments) if processes > 1 else [command(*arguments)]
    for one in done:
        assert one.returncode == 0, one.stderr


def trained(folder, processes):
    out = folder / f'run{processes}'
    batch = f'train_dataloader.batch_size={4 // processes}'  # of each process
    run(processes, 'train', folder / 'config.py', '--work-dir', out, '--cfg-options', batch)
    return out


@pytest.fixture(scope='module')
def shared(folder):
    return trained(folder, 2)


@pytest.fixture(scope='module')
def runs(folder, shared):
    return [trained(folder, 1), shared]


def test_two_processes_take_the_steps_of_one(runs):
    one, two = (read_checkpoint(run / f'iter_{ITERATIONS}.pth')['state_dict'] for run in runs)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == torch.float64
        torch.testing.assert_close(two[name], one[name], rtol=1e-6, atol=1e-9)
    # Every gradient of the first step, before which the weights are the same.
    gradients = [torch.load(run / 'gradients.pth') for run in runs]
    assert gradients[0].keys() == gradients[1].keys() == one.keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-6, atol=1e-12)
    # The norm of the gradient, step by step: of the mean over the whole batch, whoever has which half.
    logs = [
        [json.loads(line) for line in next(run.glob('*/vis_data/scalars.json')).read_text().splitlines()]
        for run in runs
    ]
    assert len(logs[0]) == ITERATIONS
    for alone, shared in zip(*logs, strict=True):
        assert shared['grad_norm'] == pytest.approx(alone['grad_norm'], rel=1e-6)


PARAMETERS = (3 * 9 * 16 + 16) + (16 * 9 * 16 + 16) + (16 * 9 * 3 + 3)


def test_processes_exchange_only_the_denoisers_gradients(runs):
    for rank in range(2):
        counted = json.loads((runs[1] / f'bytes{rank}.json').read_text())
        assert counted['parameters'] == PARAMETERS
        assert counted['bytes'] == 8 * PARAMETERS
        assert (counted['buffers'], counted['broadcast']) == (0, False)


@pytest.mark.slow
def test_two_processes_of_torchrun_are_told_to_stop_and_go_on(folder, shared):
    script = [ROOT / 'tools/dist_train.sh', folder / 'config.py', '2', '--work-dir', folder / 'stopped']
    batch = ['--cfg-options', 'train_dataloader.batch_size=2']
    environment = os.environ | dict(
        PYTHON=sys.executable, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', MASTER_PORT='29517'
    )
    process = subprocess.Popen(
        [str(part) for part in (*script, *batch)],
        env=environment | dict(WAIT='1'),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not all((folder / f'stopped/waiting{rank}').exists() for rank in range(2)):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == EXIT_PREEMPTED, errors
    assert (folder / 'stopped/iter_5.pth').is_file()
    run(2, 'train', folder / 'config.py', '--work-dir', folder / 'stopped', '--resume', *batch)
    whole, halves = (
        read_checkpoint(run / f'iter_{ITERATIONS}.pth')['state_dict'] for run in (shared, folder / 'stopped')
    )
    for name, value in whole.items():
        assert torch.equal(halves[name], value), name


def test_each_test_image_counts_exactly_once(folder, runs):
    # An odd number of images in batches of two: the last batch is short, and one process has an image less.
    rows = {}
    for processes in (1, 2):
        out = folder / f'test{processes}'
        options = [
            '--work-dir',
            out,
            '--out',
            f'{out}.json',
            '--per-image',
            f'{out}.csv',
            '--cfg-options',
            'test_dataloader.batch_size=2',
        ]
        run(processes, 'test', folder / 'config.py', runs[0] / f'iter_{ITERATIONS}.pth', *options)
        with open(f'{out}.csv', encoding='utf-8') as file:
            rows[processes] = {row['image']: float(row['PSNR']) for row in csv.DictReader(file)}
    one, two = (json.loads((folder / f'test{processes}.json').read_text())['metrics'] for processes in (1, 2))
    assert len(rows[1]) % 2 == 1
    assert rows[2] == pytest.approx(rows[1], rel=1e-6)
    assert two == pytest.approx(one, rel=1e-6)


def test_a_label_outside_the_classes_is_named_by_each_process(folder):
    for done in commands(2, 'train', folder / 'wrong.py', '--work-dir', folder / 'wrong'):
        assert done.returncode == 2
        assert 'gt_label' in done.stderr
        assert '5000' in done.stderr


def test_a_launcher_that_cannot_start_is_named(folder):
    done = command('train', folder / 'config.py', '--launcher', 'pytorch')
    assert done.returncode == 2
    assert 'torchrun' in done.stderr


def test_synchronised_batch_norms_are_the_denoisers_alone(build_cascade):
    cascade = convert_sync_batchnorm(build_cascade(), 'torch')
    kinds = {type(module) for module in cascade.modules() if 'BatchNorm' in type(module).__name__}
    assert kinds == {torch.nn.SyncBatchNorm}
    assert not any(isinstance(module, torch.nn.SyncBatchNorm) for module in cascade.task.modules())
