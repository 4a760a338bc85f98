"""Several processes share files out; after a kill a start with the same weights and options finishes the rest."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.denoisers import MultiScaleDenoiser
from semrestore.errors import UserError
from semrestore.images import Picture
from semrestore.inference.sharing import Share, own_device, share_of
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record
from tests import tiny_data
from tests.processes import start_together

NARROW = dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8)
IMAGES = 11


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Images of two sizes, an animated one of five frames, and two denoisers that differ in their weights."""
    folder = tmp_path_factory.mktemp('shares')
    for index in range(IMAGES - 1):
        tiny_data.save(tiny_data.photo(40 if index % 3 else 52, index), folder / f'in/{index % 2}/{index}.png')
    frames = [Image.fromarray(tiny_data.photo(24, index)) for index in range(5)]
    frames[0].save(folder / 'in/moving.gif', save_all=True, append_images=frames[1:])
    for name in ('one', 'other'):
        torch.manual_seed(len(name))
        state = MultiScaleDenoiser(encoder_channels=8, decoder_channels=8).state_dict()
        save_weights(
            {f'denoiser.{key}': value for key, value in state.items()}, folder / f'{name}.pth', denoiser_record(NARROW)
        )
    return folder


def arguments(folder, out, *more, model='one'):
    return [str(folder / 'in'), '--out', str(out), '--model', str(folder / f'{model}.pth'), *map(str, more)]


def results(out):
    """Return the bytes of each result by its path."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob('*') if path.is_file()}


@pytest.fixture(scope='module')
def whole(folder):
    """Return the results of a single process."""
    assert run(denoise.main, arguments(folder, folder / 'whole')) == 0
    found = results(folder / 'whole')
    assert len(found) == IMAGES - 1 + 5 + 1  # and the record
    return found


def killed(rank, images, *given):
    """Denoise in one of several processes; the process of one rank is killed while it writes an image."""
    write, written = Picture._write, []

    def torn(self, file):
        written.append(self)
        if os.environ['RANK'] == rank and len(written) == images:
            file.write(b'half')
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, file)

    Picture._write = torn
    sys.exit(run(denoise.main, given))


@pytest.mark.parametrize(('rank', 'images'), [('1', 3), ('0', 8)])  # the latter within the frames
def test_a_start_after_a_kill_finishes_the_rest_to_the_bytes_of_one_process(folder, whole, tmp_path, rank, images):
    given = arguments(folder, tmp_path / 'out')
    first = [one.done() for one in start_together(2, killed, rank, images, *given)]
    assert sorted(one.returncode for one in first) == [-signal.SIGKILL, 0]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('[!.]*.png')}
    assert 0 < len(before) < IMAGES + 4
    second = [one.done() for one in start_together(2, killed, 'none', 0, *given, '--resume')]
    assert [one.returncode for one in second] == [0, 0], second
    assert results(tmp_path / 'out') == whole
    assert {path: path.stat().st_mtime_ns for path in before} == before  # once


def test_each_file_is_restored_by_one_process(folder, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '3')
    for rank, restored in enumerate((4, 3 + 5, 3)):  # of 11 files the second process has the one of five frames
        monkeypatch.setenv('SLURM_PROCID', str(rank))
        assert run(denoise.main, arguments(folder, tmp_path / 'out')) == 0
        assert f'{restored} of {restored} ' in capsys.readouterr().out
    assert results(tmp_path / 'out') == whole


@pytest.mark.parametrize(
    ('more', 'model', 'named'),
    [
        ([], 'other', 'weights'),
        (['--ensemble'], 'one', 'ensemble'),
        (['--sigma', 'auto'], 'one', 'sigma'),
        (['--frames'], 'one', 'frames'),
    ],
)
def test_resuming_with_other_weights_or_options_is_refused(folder, whole, tmp_path, more, model, named, capsys):
    out = tmp_path / 'out'
    assert run(denoise.main, arguments(folder, out, '--resume')) == 0  # there is nothing to go on with, yet
    (out / '0/0.png').unlink()
    assert run(denoise.main, arguments(folder, out, '--resume', *more, model=model)) == 2
    error = capsys.readouterr().err
    assert str(out / '.semrestore.json') in error
    assert re.search(rf'\b{named}\b', error.partition('.semrestore.json')[2])
    assert not (out / '0/0.png').exists()
    assert run(denoise.main, arguments(folder, out, '--resume', '--batch-size', 1, '--tile', 256)) == 0
    assert f'{IMAGES - 2} of {IMAGES} ' in capsys.readouterr().out  # the frames are looked through
    assert results(out) == whole


def test_results_of_unknown_or_several_origins_are_not_taken_for_done(folder, tmp_path, capsys):
    out = tmp_path / 'out'
    (out / '0').mkdir(parents=True)
    (out / '0/0.png').write_bytes(b'mine')
    assert run(denoise.main, arguments(folder, out, '--resume')) == 2
    assert str(out / '0/0.png') in capsys.readouterr().err
    assert run(denoise.main, arguments(folder, out, '--overwrite')) == 0
    assert run(denoise.main, arguments(folder, out)) == 2  # without --resume a result that is there is refused
    assert '--overwrite' in capsys.readouterr().err
    assert run(denoise.main, arguments(folder, out, '--overwrite', model='other')) == 0
    assert run(denoise.main, arguments(folder, out, '--resume')) == 2
    assert f"'{out}'" in capsys.readouterr().err


@pytest.mark.parametrize('content', ['{"weights": ', '[]', '\udcff'])
def test_a_damaged_record_is_named(folder, tmp_path, content, capsys):
    record = tmp_path / '.semrestore.json'
    record.write_bytes(os.fsencode(content))
    assert run(denoise.main, arguments(folder, tmp_path, '--resume')) == 2
    assert str(record) in capsys.readouterr().err


def test_the_record_names_weights_by_their_digest(folder, whole):
    import hashlib

    recorded = json.loads(whole['.semrestore.json'])
    assert recorded['weights'] == hashlib.sha256((folder / 'one.pth').read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({}, (0, 1, 0)),
        (dict(RANK='5', WORLD_SIZE='8', LOCAL_RANK='1'), (5, 8, 1)),
        (dict(SLURM_PROCID='5', SLURM_STEP_NUM_TASKS='8', SLURM_LOCALID='1', SLURM_NTASKS='8'), (5, 8, 1)),
        (dict(SLURM_PROCID='0', SLURM_NTASKS='8'), (0, 1, 0)),  # the batch script itself, outside srun
    ],
)
def test_a_share_is_read_from_torchrun_or_slurm(environment, expected):
    assert share_of(environment) == expected


@pytest.mark.parametrize('environment', [dict(WORLD_SIZE='2'), dict(RANK='2', WORLD_SIZE='2'), dict(WORLD_SIZE='x')])
def test_a_broken_environment_is_named(environment):
    with pytest.raises(UserError, match='WORLD_SIZE'):
        share_of(environment)


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 4)
    assert own_device(None, Share(rank=13, processes=16, local_rank=5)) == 'cuda:1'
    assert own_device('cpu', Share(rank=13, processes=16, local_rank=5)) == 'cpu'
    assert own_device(None, Share()) is None


@pytest.mark.slow
def test_under_torchrun_a_broken_image_does_not_cost_the_images_of_others(folder, tmp_path):
    (tmp_path / 'in').mkdir()
    for index in range(12):  # the first process has broken images alone, and is done long before the other
        path = tmp_path / f'in/{index}.png'
        if index % 2:
            tiny_data.save(np.tile(tiny_data.photo(100, index), (12, 12, 1)), path)
        else:
            path.write_bytes(b'no image')
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    done = subprocess.run(
        [*launch, '-m', 'semrestore', 'denoise', *arguments(tmp_path, tmp_path / 'out', model=folder / 'one')],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    assert '0.png' in done.stderr
    assert len(list((tmp_path / 'out').glob('[!.]*.png'))) == 6
