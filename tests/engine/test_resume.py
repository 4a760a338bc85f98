"""A training that is killed goes on to the very bits of one that was not; what is on the disk is always whole."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.structures import BaseDataElement

from semrestore.engine import LossGuardHook
from semrestore.engine.checkpoints import EXIT_PREEMPTED, AtomicBackend
from semrestore.errors import UserError
from semrestore.weights.read import latest_checkpoint, read_checkpoint
from tests.processes import command, start_command

ITERATIONS = 8
PROGRAMS = Path(__file__).parents[1] / 'programs'

CONFIG = """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
custom_imports = dict(imports='accidents')
model = dict(
    task=None,
    denoiser=dict(encoder_channels=8, decoder_channels=8),
    degradation=dict(sigma=(0, 50)),
    losses=dict(drawing=dict(type='DrawingLoss', weight=0.1)),
)
pipeline = [
    dict(type='LoadPhoto', cache=True),
    dict(type='mmpretrain.RandomCrop', crop_size=24),
    dict(type='RandomDihedral'),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name')),
]
train_dataloader = dict(batch_size=4, num_workers=2, dataset=dict(dataset=dict(pipeline=pipeline)))
train_cfg = dict(max_iters=8, val_begin=99)
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=2), logger=dict(interval=1))
custom_hooks = [
    dict(type='EMAHook', momentum=0.1, update_buffers=True),
    dict(type='Accident'),
]
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('resume')
    (folder / 'config.py').write_text(CONFIG)
    shutil.copy(PROGRAMS / 'accidents.py', folder)
    return folder


def train(folder, name, *arguments, accident='', threads=1):
    given = ['train', folder / 'config.py', '--work-dir', folder / name, *arguments]
    return command(*given, threads=threads, ACCIDENT=accident)


@pytest.fixture(scope='module')
def whole(folder):
    done = train(folder, 'whole')
    assert done.returncode == 0, done.stderr
    return folder / 'whole'


def losses(run):
    """Return the loss of each iteration from the logs; if an iteration ran twice, its last line counts."""
    lines = [
        json.loads(line)
        for path in sorted(run.glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return {line['step']: (line['loss'], line['loss_drawing'], line['lr'], line['grad_norm']) for line in lines}


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def assert_equal_runs(run, whole):
    mine, theirs = (read_checkpoint(path / f'iter_{ITERATIONS}.pth') for path in (run, whole))
    for part in ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers'):
        assert same(mine[part], theirs[part]), part
    assert losses(run) == losses(whole)
    assert len(losses(whole)) == ITERATIONS


@pytest.mark.parametrize('accident', [pytest.param('kill:3', marks=pytest.mark.slow), 'write:4'])
def test_a_killed_training_resumes_bit_for_bit(folder, whole, accident):
    name = accident.replace(':', '')
    done = train(folder, name, accident=accident)
    assert done.returncode == -signal.SIGKILL, done.stderr
    done = train(folder, name, '--resume')
    assert done.returncode == 0, done.stderr
    assert_equal_runs(folder / name, whole)
    assert not list((folder / name).glob('.part-*'))
    assert sorted(path.name for path in (folder / name).glob('*.pth')) == ['iter_6.pth', 'iter_8.pth']


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(folder, whole):
    run = shutil.copytree(whole, folder / 'torn')
    torn = run / 'iter_8.pth'
    torn.write_bytes(torn.read_bytes()[:-2000])
    done = train(folder, 'torn', '--resume')
    assert done.returncode == 0, done.stderr
    assert str(torn) in done.stderr
    assert_equal_runs(run, whole)


@pytest.mark.slow
def test_workers_change_no_bit_and_threads_only_rounding(folder, whole):
    options = ['--cfg-options', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']
    assert train(folder, 'alone', *options).returncode == 0
    assert_equal_runs(folder / 'alone', whole)
    assert train(folder, 'threads', threads=2).returncode == 0
    one, two = (losses(run) for run in (whole, folder / 'threads'))
    for iteration, values in one.items():
        assert two[iteration] == pytest.approx(values, rel=1e-3), iteration


def test_a_killed_worker_ends_the_training_which_resumes_bit_for_bit(folder, whole):
    done = train(folder, 'worker', accident='worker:6')
    assert done.returncode == 2, done.stderr
    assert '--resume' in done.stderr
    assert (folder / 'worker/iter_4.pth').is_file()
    done = train(folder, 'worker', '--resume')
    assert done.returncode == 0, done.stderr
    assert_equal_runs(folder / 'worker', whole)


def test_a_full_disk_is_reported_and_nothing_older_is_lost(folder):
    done = train(folder, 'full', accident='full:6')
    assert done.returncode == 2
    assert 'iter_6.pth' in done.stderr
    assert 'No space left on device' in done.stderr
    assert sorted(path.name for path in (folder / 'full').glob('iter*')) == ['iter_2.pth', 'iter_4.pth']


def test_a_loss_of_nan_stops_with_its_terms_and_images(folder):
    done = train(folder, 'nan', accident='nan:3')
    assert done.returncode == 2
    assert re.search(r'iteration 3\b.*loss_drawing nan', done.stderr)
    assert any(
        name in done.stderr for name in ('astronaut', 'china', 'ihc', 'rocket', 'hubble_deep_field', 'motorcycle_left')
    )
    assert not (folder / 'nan/iter_4.pth').exists()


def test_an_exploding_loss_is_told_from_a_noisy_one():
    guard = LossGuardHook(factor=100)

    def samples(*names):
        return [BaseDataElement(metainfo=dict(img_path=name)) for name in names]

    for iteration, loss in enumerate([1.0, 0.5, 5.0, 0.4, 30.0]):
        guard.look(iteration, dict(loss=loss), samples('a.png'))
    with pytest.raises(UserError, match=r'iteration 6.*loss 200, loss_task 150.*b\.png, c\.png'):
        guard.look(6, dict(loss=200.0, loss_task=150.0), samples('b.png', 'c.png'))


def test_no_checkpoint_is_found_in_an_empty_folder_and_damaged_ones_alone_are_an_error(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    (tmp_path / 'iter_4.pth').write_bytes(b'torn')
    with pytest.raises(UserError, match=re.escape(str(tmp_path))):
        latest_checkpoint(tmp_path)
    torch.save(dict(state_dict={}), tmp_path / 'iter_2.pth')
    torch.save(dict(state_dict={}), tmp_path / 'other_9.pth')
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_the_last_run_counts_not_the_longest(tmp_path):
    for steps in (90, 20, 10):
        torch.save(dict(state_dict={}), tmp_path / f'iter_{steps}.pth')
    os.utime(tmp_path / 'iter_90.pth', (0, 0))
    os.utime(tmp_path / 'iter_20.pth', (9, 9))
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_10.pth')  # the newest
    (tmp_path / 'last_checkpoint').write_text('elsewhere/iter_20.pth')  # as MMEngine writes it
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_20.pth')


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    AtomicBackend().put(b'one', path)
    monkeypatch.setattr(os, 'replace', lambda *paths: (_ for _ in ()).throw(OSError('gone')))
    with pytest.raises(UserError, match=r'a\.pth'):
        AtomicBackend().put(b'two', path)
    assert path.read_bytes() == b'one'
    assert os.listdir(tmp_path) == ['a.pth']


def test_a_signal_to_the_whole_group_of_processes_saves_too(folder, whole):
    # As clusters and torchrun send it: data loading workers are told as well.
    started = start_command('train', folder / 'config.py', '--work-dir', folder / 'group', ACCIDENT='wait:5')
    started.wait_for(folder / 'group/waiting')
    os.killpg(started.pid, signal.SIGTERM)
    done = started.done()
    assert done.returncode == EXIT_PREEMPTED, done.stderr
    assert (folder / 'group/iter_5.pth').is_file()
    assert train(folder, 'group', '--resume').returncode == 0
    assert_equal_runs(folder / 'group', whole)


def test_an_option_resumes_too_and_says_what_is_damaged(folder, whole):
    path = shutil.copytree(whole, folder / 'option') / 'iter_6.pth'
    (folder / 'option/iter_8.pth').unlink()
    good = read_checkpoint(path)
    torch.save(good | dict(message_hub=dict()), path)
    done = train(folder, 'option', '--cfg-options', 'resume=True')
    assert done.returncode == 2, done.stderr[-2000:]
    assert str(path) in done.stderr
    torch.save(good, path)
    done = train(folder, 'option', '--cfg-options', 'resume=True')
    assert done.returncode == 0, done.stderr[-2000:]
    assert_equal_runs(folder / 'option', whole)


def test_a_finished_run_is_extended_by_the_schedule_of_the_config(folder):
    def schedule(end):
        cosine = {'begin': 3, 'end': end, 'T_max': end - 3, 'eta_min_ratio': 0.01}
        options = [f'param_scheduler.1.{key}={value}' for key, value in cosine.items()]
        return ['--cfg-options', 'param_scheduler.0.end=3', *options, f'train_cfg.max_iters={end}']

    for name, end, resumed in (('long', 12, False), ('extended', 8, False), ('extended', 12, True)):
        # The run that is extended began with another learning rate.
        rate = ['optim_wrapper.optimizer.lr=5e-4'] * (end == 8)
        done = train(folder, name, *['--resume'] * resumed, *schedule(end), *rate)
        assert done.returncode == 0, done.stderr
    assert 'schedule' in done.stderr + done.stdout
    rates = [{step: row[2] for step, row in losses(folder / name).items()} for name in ('long', 'extended')]
    assert [rates[1][step] for step in range(9, 13)] == pytest.approx([rates[0][step] for step in range(9, 13)])
    assert rates[1][8] < 0.5 * rates[0][8]  # where the shorter schedule had ended
