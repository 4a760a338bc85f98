"""The queue trains what its plan has, in order; killed, it goes on and ends with the same weights to the bit."""

import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from projects.zoo import trainings
from projects.zoo.__main__ import main
from projects.zoo.pages import STUDIES, read_rows
from projects.zoo.trainings import locked, read_plan, running
from semrestore.cli.options import wants_bf16
from semrestore.cli.train import parse
from semrestore.engine import bf16_is_fast
from semrestore.errors import UserError
from semrestore.weights.read import latest_checkpoint, read_checkpoint
from tests.processes import command, start

ROOT = Path(__file__).parents[3]
CONFIG = """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
custom_imports = dict(imports='accidents')
model = dict(task=None, denoiser=dict(encoder_channels=8, decoder_channels=8))
val_evaluator = [dict(type='ImageQuality')]
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=10, val_begin=99)
default_hooks = dict(checkpoint=dict(interval=5), logger=dict(interval=5))
custom_hooks = [dict(type='Accident')]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / 'plan.py'
    (tmp_path / 'tiny.py').write_text(CONFIG)
    shutil.copy(ROOT / 'tests/programs/accidents.py', tmp_path)
    options = {'optim_wrapper.optimizer.lr': 1e-3}
    second = dict(name='second', config=str(tmp_path / 'tiny.py'), options=options, after=['first'])
    path.write_text(f'plan = [dict({second!r}), dict({second | dict(name="first", after=())!r})]\n')
    return path


@pytest.mark.slow
def test_a_killed_queue_resumes_bit_for_bit(plan, tmp_path, capsys):
    out = tmp_path / 'killed'
    arguments = ['train', 'first', '--plan', str(plan), '--out', str(out)]
    process = start(main, arguments, ACCIDENT='wait:6')
    process.wait_for(out / 'first/waiting')
    os.killpg(process.pid, signal.SIGKILL)
    assert process.done().returncode == -signal.SIGKILL
    assert not (out / 'first/finished').exists()
    assert latest_checkpoint(out / 'first') == str(out / 'first/iter_5.pth')
    main([*arguments, '--status'])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.strip().startswith('first'))
    assert line.split()[1] == 'stopped'
    main(arguments)
    whole = tmp_path / 'whole'
    options = ['--amp'] if bf16_is_fast() else []
    learning_rate = ['--cfg-options', 'optim_wrapper.optimizer.lr=0.001']
    done = command('train', tmp_path / 'tiny.py', '--work-dir', whole, *options, *learning_rate)
    assert done.returncode == 0, done.stderr
    one, other = (read_checkpoint(latest_checkpoint(folder))['state_dict'] for folder in (whole, out / 'first'))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_the_queue_takes_the_plans_order_and_waits_for_what_a_training_builds_on(plan, tmp_path, monkeypatch):
    taken = []

    def train(training, out, lock):
        taken.append(training.name)
        (training.folder(out) / 'finished').touch()

    monkeypatch.setattr(trainings, 'train', train)
    trainings.work(plan, [], tmp_path)
    assert taken == ['first', 'second']
    trainings.work(plan, [], tmp_path)
    assert taken == ['first', 'second']


def test_trainings_that_build_on_a_failed_one_are_not_started(plan, tmp_path, monkeypatch, capsys):
    def train(training, out, lock):
        raise UserError(f'{training.name} diverged')

    monkeypatch.setattr(trainings, 'train', train)
    with pytest.raises(UserError, match='first'):
        trainings.work(plan, [], tmp_path)
    assert 'second' not in capsys.readouterr().err


def test_a_training_of_another_queue_is_not_called_done(plan, tmp_path, capsys):
    with locked(tmp_path / 'first'):
        main(['train', '--plan', str(plan), '--out', str(tmp_path)])
    assert 'another queue trains second, first, or' in capsys.readouterr().out


def test_weights_that_could_not_be_measured_are_measured_the_next_time(plan, tmp_path, monkeypatch):
    entry = trainings.Training('first', str(tmp_path / 'tiny.py'), then='publish')
    done, folder = [], entry.folder(tmp_path)
    folder.mkdir()

    def measure(names):
        done.append('measured')
        if len(done) == 2:
            raise UserError('the data are missing')

    monkeypatch.setattr('projects.zoo.publish.publish', lambda *_: done.append('published'))
    monkeypatch.setattr('projects.zoo.measure.measure', measure)
    monkeypatch.setattr('projects.zoo.pages.write_pages', lambda: done.append('written'))
    monkeypatch.setattr(trainings, 'published', lambda: dict(first=dict(round=1)))
    with pytest.raises(UserError, match='missing'):
        trainings.finish(entry, tmp_path)
    assert not entry.done(tmp_path)
    trainings.finish(entry, tmp_path)
    assert entry.done(tmp_path)
    assert done == ['published', 'measured', 'measured', 'written']


def test_a_lock_is_held_by_one(tmp_path):
    with locked(tmp_path) as lock:
        assert lock is not None
        assert running(tmp_path)
        with locked(tmp_path) as other:
            assert other is None
    assert not running(tmp_path)


@pytest.mark.parametrize('every', [10, pytest.param(1, marks=pytest.mark.slow)])
def test_the_plan_can_be_run(every):
    plan = read_plan(ROOT / 'projects/zoo/plan.py')
    assert len({training.name for training in plan}) == len(plan)
    assert all(training.iterations() > 0 for training in plan[::every])
    for training in plan:
        assert {name.name for name in plan} >= set(training.after)


def test_a_wrong_plan_is_refused(plan, tmp_path):
    with pytest.raises(UserError, match='frist'):
        read_plan(plan, ['frist'])
    plan.write_text("plan = [dict(name='one', konfig='x.py')]\n")
    with pytest.raises(UserError, match='konfig'):
        read_plan(plan)


@pytest.mark.parametrize('study', list(STUDIES))
def test_every_row_of_a_study_is_of_a_training_in_the_plan(study):
    if not STUDIES[study].is_file():
        pytest.skip('nothing has been measured yet')
    names = {row['training'] for row in read_rows(STUDIES[study])}
    assert names <= {training.name for training in read_plan(ROOT / 'projects/zoo/plan.py') if training.then == study}


@pytest.mark.parametrize('precision', ['bf16', 'float32'])
def test_a_training_goes_on_in_the_precision_it_began_in(plan, tmp_path, monkeypatch, precision):
    (first,) = read_plan(plan, ['first'])
    folder = first.folder(tmp_path)
    folder.mkdir()
    (folder / 'training.json').write_text(json.dumps(dict(precision=precision)))
    commands = []
    monkeypatch.setattr(
        trainings.subprocess, 'run', lambda words, **_: commands.append(words) or SimpleNamespace(returncode=0)
    )
    trainings.train(first, tmp_path, lock=0)
    # Whatever this machine is faster in.
    assert wants_bf16(parse(commands[0][4:])) == (precision == 'bf16')


def test_the_status_says_how_far_each_training_is(plan, tmp_path, capsys):
    first, second = (training.folder(tmp_path) for training in sorted(read_plan(plan), key=lambda one: one.name))
    for folder, rows in (
        (first, [dict(step=5, loss=0.1, time=2.0), {'step': 5, 'held_out/PSNR': 30.25}]),
        (second, [dict(step=10, loss=0.1, time=2.0), {'step': 10, 'held_out/PSNR': 31.5}]),
    ):
        log = folder / 'run/vis_data/scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text('\n'.join(map(json.dumps, rows)))
    (second / 'finished').touch()
    main(['train', '--plan', str(plan), '--out', str(tmp_path), '--status'])
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines['first'] == ['first', 'stopped', '5', 'of', '10', '30.25', '0.0', 'h']
    assert lines['second'] == ['second', 'done', '10', 'of', '10', '31.50']
