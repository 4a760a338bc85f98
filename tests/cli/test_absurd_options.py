"""Commands given what nobody means: nothing overwritten, nothing senseless written, no traceback."""

import json
import sqlite3
import weakref

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from projects.paper import convert_deeplabv3
from projects.rating.store import Store
from semrestore.cli import app, compare, curves, demo, denoise, new_plugin, prepare_data
from semrestore.cli import test as testing
from semrestore.cli import train as training
from semrestore.cli.run import run
from semrestore.engine import SafeCheckpointHook
from semrestore.evaluation.rows import Rows
from semrestore.files import replacing
from semrestore.registry import MODELS
from semrestore.visualization.comparison import Comparison, Shown, save_page
from semrestore.visualization.matrix import draw_matrix
from semrestore.weights.read import latest_checkpoint, read_checkpoint

JOB = 'semrestore::embedded/denoise_sigma30.py'
SMALL = [
    'train_dataloader.batch_size=1',
    'model.denoiser.encoder_channels=8',
    'model.denoiser.decoder_channels=8',
    'log_level=ERROR',
]


def call(command, *arguments):
    return run(command.main, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, photos):
    path = tmp_path / 'in/photo.png'
    path.parent.mkdir()
    Image.fromarray((photos['coffee'][:, 100:140, 200:248] * 255).byte().permute(1, 2, 0).numpy()).save(path)
    return path


@pytest.fixture
def network(tmp_path):
    """Weights of a small network, and its config."""
    config = tmp_path / 'small.py'
    config.write_text(
        "model = dict(type='Cascade', denoiser=dict(type='MultiScaleDenoiser', encoder_channels=8,"
        ' decoder_channels=8),\n'
        "             degradation=dict(type='GaussianNoise', sigma=30))\n"
    )
    denoiser = MODELS.build(dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8))

    def write(value=None):
        state = {f'denoiser.{key}': tensor.clone() for key, tensor in denoiser.state_dict().items()}
        if value is not None:
            state['denoiser.tail.bias'][:] = value
            state['denoiser.tail.weight'][:] = value
        torch.save(dict(state_dict=state), tmp_path / 'small.pth')
        return tmp_path / 'small.pth'

    return config, write


# --- files of the user


@pytest.mark.parametrize(
    'names', [('day.1.gif', 'day.1.png'), ('clip.gif', 'clip/000000.png'), ('clip.gif', 'clip.webp')]
)
def test_frames_of_two_inputs_never_go_to_the_same_folder(tmp_path, capsys, names):
    frames = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), dtype=np.uint8)
    for name in names:
        path = tmp_path / 'in' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == '.png':
            Image.fromarray(frames[0]).save(path)
        else:
            images = [Image.fromarray(frame) for frame in frames]
            images[0].save(path, save_all=True, append_images=images[1:])
    assert call(denoise, tmp_path / 'in', '--model', 'zoo:multiscale-sigma25', '--out', tmp_path / 'out') == 2
    assert str(tmp_path / 'in' / names[0]) in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_films_keep_the_points_in_their_names(tmp_path):
    (tmp_path / 'in').mkdir()
    frames = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    for number in (1, 2):
        film = cv2.VideoWriter(str(tmp_path / f'in/day.{number}.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (32, 32))
        for frame in frames:
            film.write(frame)
        film.release()
    assert (
        call(denoise, tmp_path / 'in', '--model', 'zoo:multiscale-sigma25', '--frames', '--out', tmp_path / 'out') == 0
    )
    assert sorted(path.relative_to(tmp_path / 'out').as_posix() for path in (tmp_path / 'out').rglob('*.png')) == [
        f'day.{film}/{frame:06}.png' for film in (1, 2) for frame in range(3)
    ]


def test_results_never_replace_an_input(tmp_path, network, photo, capsys):
    config, write = network
    weights = write()
    before = weights.read_bytes(), config.read_bytes()
    for option in ('--out', '--per-image'):
        for path in (weights, config):
            assert call(testing, config, weights, option, path) == 2
            assert str(path) in capsys.readouterr().err
    (tmp_path / 'ops.json').write_text('{"ops": []}')
    assert call(convert_deeplabv3, weights, tmp_path / 'ops.json', weights) == 2
    assert (weights.read_bytes(), config.read_bytes()) == before
    other = tmp_path / 'album/photo.png'
    other.parent.mkdir()
    other.write_bytes(b'mine')
    assert call(compare, photo, '--methods', 'noisy', 'clean', '--sigma', 25, '--out', other.parent) == 2
    assert str(other) in capsys.readouterr().err
    assert other.read_bytes() == b'mine'


def test_folders_with_a_similar_name_are_left_alone(tmp_path):
    (tmp_path / 'semrestore-y.part').mkdir()
    (tmp_path / 'semrestore-y.part/mine.txt').touch()
    assert call(new_plugin, 'semrestore-y', '--kind', 'loss', '--out', tmp_path / 'semrestore-y') == 0
    assert (tmp_path / 'semrestore-y.part/mine.txt').exists()
    assert not (tmp_path / 'semrestore-y/mine.txt').exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['semrestore-y', 'semrestore-y.part']


@pytest.mark.parametrize(('name', 'kind'), [('semrestore-2x', 'loss'), ('semrestore-multi-scale', 'denoiser')])
def test_a_plugin_that_could_not_work_is_not_written(tmp_path, capsys, name, kind):
    assert call(new_plugin, name, '--kind', kind, '--out', tmp_path / 'x') == 2
    assert name in capsys.readouterr().err
    assert not (tmp_path / 'x').exists()


def test_a_device_file_is_written_to_and_not_replaced(tmp_path):
    import os
    from pathlib import Path

    with replacing(Path('/dev/null')) as path:
        path.write_text('x')
    assert not os.path.isfile('/dev/null')


def test_empty_arguments_and_zero_iterations_are_refused(tmp_path, capsys):
    assert call(training, JOB, '--embedded', '--work-dir', tmp_path, '--resume', '') == 2
    assert '--resume' in capsys.readouterr().err
    assert call(denoise, '', '--model', 'zoo:multiscale-sigma25', '--out', tmp_path / 'out') == 2
    assert call(demo, '--iterations', 0, '--out', tmp_path / 'demo') == 2
    assert not (tmp_path / 'demo').exists()


# --- values that are no numbers


@pytest.mark.parametrize(('value', 'said'), [(float('inf'), "'denoiser.tail"), (1e38, 'not finite')])
def test_values_that_are_not_finite_are_not_written(tmp_path, network, photo, capsys, value, said):
    config, write = network
    weights = write(value)
    assert call(denoise, photo, '--model', weights, '--config', config, '--out', tmp_path / 'out') == 2
    assert said in capsys.readouterr().err
    assert not list((tmp_path / 'out').glob('*.png'))
    options = ['--work-dir', tmp_path / 'log', '--cfg-options', *SMALL, 'test_dataloader.dataset.indices=1']
    assert call(testing, JOB, weights, *options) == 2
    assert said in capsys.readouterr().err
    methods = ['noisy', f'ours={config}:{weights}', '--sigma', 25]
    assert call(compare, photo, '--methods', *methods, '--out', tmp_path / 'side') == 2
    assert said in capsys.readouterr().err


def test_a_diverged_training_saves_nothing_and_goes_back(tmp_path, capsys):
    options = [*SMALL, 'train_cfg.max_iters=4', 'train_cfg.val_begin=99', 'default_hooks.checkpoint.interval=1']
    assert call(training, JOB, '--work-dir', tmp_path, '--cfg-options', *options, 'train_cfg.max_iters=1') == 0
    options.append('optim_wrapper.optimizer.lr=inf')
    assert call(training, JOB, '--work-dir', tmp_path / 'inf', '--cfg-options', *options) == 2
    assert 'iteration 1' in capsys.readouterr().err
    assert not list((tmp_path / 'inf').glob('*.pth*'))
    good = tmp_path / 'iter_1.pth'
    checkpoint = read_checkpoint(good)
    checkpoint['state_dict']['denoiser.tail.bias'][:] = float('nan')
    torch.save(checkpoint, tmp_path / 'iter_2.pth')
    assert latest_checkpoint(tmp_path) == str(good)


def test_a_small_file_of_a_huge_tensor_is_refused(tmp_path, capsys):
    torch.save({'op0.weight': torch.zeros(1).expand(10**13)}, tmp_path / 'ops.pth')
    (tmp_path / 'ops.json').write_text('{"ops": []}')
    assert call(convert_deeplabv3, tmp_path / 'ops.pth', tmp_path / 'ops.json', tmp_path / 'out.pth') == 2
    error = capsys.readouterr().err
    assert "'op0.weight'" in error
    assert '10000000000000' in error


# --- rows and studies


def test_rows_written_twice_count_once_and_rows_of_other_settings_are_kept(tmp_path):
    path, rows = tmp_path / 'a.jsonl', [dict(image=name, psnr=20.0) for name in 'abc']
    lines = [dict(images=3), *({'#': number, **rows[number]} for number in (0, 0, 1, 1))]
    path.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    stored = Rows(path, dict(images=3))
    assert (stored.rows, stored.complete) == (rows[:2], False)
    stored.add(rows[2])
    assert Rows(path, dict(images=3)).complete
    for seed in range(3):
        Rows(path, dict(images=3, seed=seed))
    assert len(list(tmp_path.glob('a.old*'))) == 3


@pytest.mark.parametrize(
    'damage',
    [
        """UPDATE study SET methods = '5'""",
        """UPDATE item SET scores = '["u", "v"]'""",
        """UPDATE item SET scores = '[1, 1]'""",
        """UPDATE item SET scores = '[NaN, Infinity]'""",
        """UPDATE item SET methods = '["x", "y"]'""",
        """UPDATE item SET methods = '5'""",
    ],
)
def test_a_study_that_somebody_changed_is_refused(tmp_path, capsys, damage):
    from projects.rating import __main__ as mos

    store = Store(tmp_path / 's.sqlite', ['a', 'b'], ['photo'], 1)
    assert store.answer(store.add_rater(), 0, [1, 2])
    connection = sqlite3.connect(tmp_path / 's.sqlite')
    with connection:
        connection.execute(damage)
    connection.close()
    assert call(mos, 'report', tmp_path / 's.sqlite', '--out', tmp_path / 'report') == 2
    assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'report').exists()


# --- names and numbers


def test_names_with_markup_characters_are_shown_unchanged(tmp_path, photo, capsys):
    odd = tmp_path / 'in[/b].png'
    odd.parent.mkdir(parents=True, exist_ok=True)
    odd.write_bytes(photo.read_bytes())
    arguments = ['--model', 'zoo:multiscale-sigma25', '--sigma', 'auto', '--out', tmp_path / 'out']
    assert call(denoise, tmp_path / 'in[', photo, *arguments) == 0
    assert len(list((tmp_path / 'out').rglob('*.png'))) == 2
    (tmp_path / 'pd[').mkdir()
    assert call(prepare_data, '--data', tmp_path / 'pd[', '--only', 'kodak24') == 2
    assert 'kodak24' in capsys.readouterr().err
    record = dict(
        task='t', metric='top-1', sigma=15, value=50.0, low=40.0, high=60.0, psnr=20.0, place=1, images=2, recovery=None
    )
    draw_matrix([record | dict(method=r'$\foo$'), record | dict(method='noisy', place=None)], tmp_path / 'matrix.png')
    assert (tmp_path / 'matrix.png').stat().st_size > 5000


@pytest.mark.parametrize(
    ('command', 'arguments'),
    [
        (denoise, ['{photo}', '--model', 'zoo:multiscale-sigma25', '--out', '{out}', '--max-megapixels', 'nan']),
        (denoise, ['{photo}', '--model', 'zoo:multiscale-sigma25', '--out', '{out}', '--max-megapixels', 'inf']),
        (denoise, ['{photo}', '--model', 'zoo:multiscale-sigma25', '--out', '{out}', '--sigma', '1e300']),
        (compare, ['{photo}', '--methods', 'noisy', 'clean', '--sigma', '25', '--out', '{out}', '--dpi', '100000000']),
        (compare, ['{photo}', '--methods', 'noisy', 'clean', '--sigma', '1e300', '--out', '{out}']),
        (compare, ['{photo}', '--methods', 'noisy', 'clean', '--sigma', '25', '--out', '{out}', '--device', 'meta']),
        (curves, ['{out}', '--out', 'c.png', '--dpi', '20000']),
        (app, ['--port', '99999']),
        (app, ['--port', '-1']),
        (app, ['--max-seconds', '0']),
        (testing, [JOB, 'none', '--sigma', '1e300', '--work-dir', '{out}']),
        *(
            (training, [JOB, '--embedded', '--work-dir', '{out}', '--cfg-options', option])
            for option in (
                'model.degradation.sigma=1e300',
                'model.denoiser.type=',
                'model.denoiser._scope_=5',
                'default_hooks.checkpoint.interval=None',
                'default_hooks.checkpoint.max_keep_ckpts=1.5',
                'val_cfg=None',
            )
        ),
    ],
)
def test_senseless_numbers_are_refused(tmp_path, photo, capsys, command, arguments):
    values = dict(photo=photo, out=tmp_path / 'out')
    assert call(command, *(argument.format(**values) for argument in arguments)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if 'error: ' in line]
    assert errors
    assert len(errors[0]) < 2000
    assert not list((tmp_path / 'out').rglob('*.png'))


@pytest.mark.parametrize(
    ('loader', 'steps', 'workers', 'message'),
    [
        pytest.param('train_dataloader', ['LoadPhoto'], 0, 'train_dataloader', marks=pytest.mark.slow),
        ('train_dataloader', ['LoadPhoto', 'mmpretrain.PackInputs'], 0, 'train_dataloader'),
        ('train_dataloader', ['LoadPhoto', 'mmpretrain.PackInputs'], 1, 'train_dataloader'),
        pytest.param('train_dataloader', [], 0, 'train_dataloader', marks=pytest.mark.slow),
        ('val_dataloader', ['LoadPhoto'], 0, "'inputs'"),
        pytest.param('val_dataloader', [], 0, "'inputs'", marks=pytest.mark.slow),
    ],
)
def test_images_that_do_not_form_a_batch_are_refused(tmp_path, capsys, loader, steps, workers, message):
    config = tmp_path / 'own.py'
    pipeline = [dict(type=step) for step in steps]
    dataset = f'dict(pipeline={pipeline})'
    dataset = f'dict(dataset={dataset})' if loader == 'train_dataloader' else dataset
    config.write_text(
        f"_base_ = 'semrestore::embedded/denoise_sigma30.py'\n{loader} = dict(num_workers={workers},"
        f' dataset={dataset})\n'
    )
    options = ['train_cfg.max_iters=1', 'train_cfg.val_interval=1', *SMALL, 'train_dataloader.batch_size=2']
    assert call(training, config, '--work-dir', tmp_path / 'out', '--cfg-options', *options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('pipeline', ["['LoadPhoto']", "'LoadPhoto'"])
def test_a_pipeline_without_transforms_is_refused_before_it_is_embedded(tmp_path, capsys, pipeline):
    config = tmp_path / 'own.py'
    config.write_text(
        "_base_ = 'semrestore::embedded/denoise_sigma30.py'\ntrain_dataloader ="
        f' dict(dataset=dict(dataset=dict(pipeline={pipeline})))\n'
    )
    assert call(training, config, '--embedded', '--work-dir', tmp_path / 'out') == 2
    assert str(config) in capsys.readouterr().err


def test_a_whole_number_of_an_interval_may_be_a_float():
    hook = SafeCheckpointHook(interval=1e3, max_keep_ckpts=2.0)
    assert (hook.interval, hook.max_keep_ckpts) == (1000, 2)
    assert isinstance(hook.interval, int)


def test_a_comparison_on_a_full_disk_names_its_folder_and_replaces_nothing(tmp_path, photo, capsys, monkeypatch):
    other = photo.with_name('second.png')
    other.write_bytes(photo.read_bytes())
    out = tmp_path / 'out'
    arguments = [photo, other, '--methods', 'noisy', 'clean', '--sigma', '25', '--out', out]
    assert call(compare, *arguments) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {'photo.png', 'second.png', 'comparison.html'}

    def full(comparisons, path, title):
        for _ in comparisons:
            raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patched:
        patched.setattr('semrestore.visualization.comparison.save_page', full)
        assert call(compare, *arguments, '--seed', 1) == 2
    assert str(out) in capsys.readouterr().err
    (out / 'second.png').unlink()
    (out / 'second.png').mkdir()
    assert call(compare, *arguments, '--seed', 1) == 2
    assert str(out / 'second.png') in capsys.readouterr().err
    del before['second.png']
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_the_page_holds_one_comparison_in_memory_at_a_time(tmp_path, photos):
    held, most = weakref.WeakSet(), []

    def shown(name):
        comparison = Comparison(name, [Shown('noisy', photos[name][:, :20, :20].clone())])
        held.add(comparison.shown[0].image)
        most.append(len(held))
        return comparison

    save_page((shown(name) for name in ('coffee', 'chelsea', 'astronaut')), tmp_path / 'page.html', 'title')
    assert most == [1, 1, 1]


@pytest.mark.parametrize('name', ['', '.', '/'])
def test_a_result_without_a_name_is_refused(tmp_path, capsys, name):
    log = tmp_path / 'run/1/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"step": 1, "loss": 1.0}\n')
    assert call(curves, tmp_path / 'run', '--out', name) == 2
    assert 'cannot be written' in capsys.readouterr().err


def test_a_file_whose_name_is_not_utf8_is_compared(tmp_path, photo):
    odd = photo.with_name('n\udcff.png')
    odd.write_bytes(photo.read_bytes())
    assert call(compare, odd, '--methods', 'noisy', 'clean', '--sigma', 25, '--out', tmp_path / 'out') == 0


def test_ctrl_c_prints_one_line(capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    assert run(interrupted) == 130
    assert capsys.readouterr().err == 'interrupted\n'
