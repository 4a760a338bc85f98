"""The command lines, as a user calls them: what they write, that they repeat themselves, and how they fail."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semrestore.cli import test as testing
from semrestore.cli import train as training
from semrestore.cli.run import run
from semrestore.files import sha256
from semrestore.weights.read import read_checkpoint

JOINT = 'configs/embedded/joint_efficientnet_lite0_sigma30.py'
DENOISE = 'configs/denoise/multiscale_sigma25_modern.py'
SMALL_MODEL = ['model.denoiser.encoder_channels=16', 'model.denoiser.decoder_channels=16']
SMALL_TRAINING = [
    'train_dataloader.batch_size=2',
    'train_dataloader.dataset.dataset.pipeline.1.crop_size=64',
    'val_dataloader.dataset.indices=2',
    'log_level=ERROR',
]
SMALL_TEST = ['test_dataloader.dataset.view=200', 'test_dataloader.dataset.stride=200', 'log_level=ERROR']
FEW = ['test_dataloader.dataset.indices=4']


@pytest.fixture(autouse=True)
def _no_data(tmp_path_factory, monkeypatch):
    """Hide the data sets of this machine from the tests."""
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path_factory.mktemp('data')))


def call(command, *arguments):
    return run(command.main, [str(argument) for argument in arguments])


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A checkpoint of the joint job after three iterations."""
    work_dir = tmp_path_factory.mktemp('joint')
    options = [*SMALL_MODEL, *SMALL_TRAINING, 'train_cfg.max_iters=3']
    assert call(training, JOINT, '--force-amp', '--work-dir', work_dir, '--cfg-options', *options) == 0
    return work_dir / 'iter_3.pth'


def evaluate(tmp_path, checkpoint, *arguments, options=FEW):
    out = tmp_path / 'result.json'
    arguments = [JOINT, checkpoint, '--work-dir', tmp_path, '--out', out, *arguments]
    assert call(testing, *arguments, '--cfg-options', *SMALL_MODEL, *SMALL_TEST, *options) == 0
    return json.loads(out.read_text())


def test_training_writes_a_checkpoint_of_the_denoiser_alone(trained):
    checkpoint = read_checkpoint(trained)
    assert all(key.startswith('denoiser.') for key in checkpoint['state_dict'])
    assert trained.stat().st_size < 1e6


@pytest.fixture(scope='module')
def first(trained, tmp_path_factory):
    """The result of an evaluation."""
    return evaluate(tmp_path_factory.mktemp('first'), trained)


def test_the_same_evaluation_twice_gives_the_same_numbers(trained, first, tmp_path):
    second = evaluate(tmp_path, trained, options=[*FEW, 'test_dataloader.batch_size=1'])
    assert first['metrics'].keys() == {'PSNR', 'SSIM', 'accuracy/top1'}
    assert first['metrics'] == pytest.approx(second['metrics'], abs=1e-4)
    assert evaluate(tmp_path, trained) == first


def test_the_result_says_what_was_measured(trained, tmp_path):
    rows = tmp_path / 'rows.csv'
    result = evaluate(tmp_path, trained, '--sigma', 15, 50, '--per-image', rows, options=[])
    assert result['config'].endswith(JOINT)
    assert result['checkpoint'] == {'path': str(trained), 'sha256': sha256(trained)}
    assert result['data'] == [
        {'name': 'EmbeddedPhotos', 'root': '', 'images': 14}
    ]  # 2 of chelsea, 6 of coffee, 6 of flower
    assert [noise['sigma'] for noise in result['noise']] == [15, 50]
    assert result['seed'] == 0
    assert result['metrics']['sigma15/PSNR'] > result['metrics']['sigma50/PSNR'] + 5
    with rows.open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 2 * 14
    assert {row['image'].split('@')[0] for row in table} == {'chelsea', 'coffee', 'flower'}
    mean = np.mean([float(row['PSNR']) for row in table if float(row['sigma']) == 15])
    assert mean == pytest.approx(result['metrics']['sigma15/PSNR'])
    agreement = np.mean([row['label'] == row['prediction'] for row in table if float(row['sigma']) == 50])
    assert 100 * agreement == pytest.approx(result['metrics']['sigma50/accuracy/top1'])


def test_checkpoint_none_evaluates_the_noisy_images(tmp_path):
    result = evaluate(tmp_path, 'none', '--sigma', 25)
    assert result['checkpoint'] is None
    assert result['denoiser'] == {'type': 'Identity'}
    # Unclipped noise of sigma 25, then clipped: a little above 10 log10(255^2 / 25^2) = 20.17 dB.
    assert 20.17 < result['metrics']['PSNR'] < 21.5


def test_a_checkpoint_serves_another_task_untouched(trained, first, tmp_path):
    result = evaluate(
        tmp_path,
        trained,
        options=[*FEW, 'model.task.model.model_name=mobilenetv3_small_050', 'model.task.checkpoint=random'],
    )
    assert result['checkpoint']['sha256'] == sha256(trained)
    assert 0 <= result['metrics']['accuracy/top1'] <= 100
    assert result['metrics']['PSNR'] == pytest.approx(first['metrics']['PSNR'], abs=1e-6)


def test_an_embedded_run_has_a_work_dir_of_its_own(tmp_path, monkeypatch, capsys):
    configs = Path('configs').resolve()
    monkeypatch.chdir(tmp_path)
    options = [*SMALL_MODEL, 'log_level=ERROR', 'train_cfg.max_iters=1', 'train_cfg.val_interval=9']
    options += ['train_dataloader.batch_size=2', 'val_dataloader.dataset.indices=1']
    assert (
        call(training, configs / 'denoise/multiscale_sigma25_modern.py', '--embedded', '--cfg-options', *options) == 0
    )
    assert [path.name for path in (tmp_path / 'work_dirs').iterdir()] == ['multiscale_sigma25_modern_embedded']
    # The config's EMAHook saves the averaged weights as the state dict and the trained ones beside it.
    checkpoint = read_checkpoint(next(tmp_path.glob('work_dirs/*/iter_1.pth')))
    assert 'ema_state_dict' in checkpoint
    assert capsys.readouterr().out.count('embedded:') == 1


def test_a_metric_that_is_not_finite_becomes_null(tmp_path):
    assert evaluate(tmp_path, 'none', '--sigma', 0)['metrics']['PSNR'] is None


def test_training_resumes_where_it_stopped(trained, tmp_path):
    options = [*SMALL_MODEL, *SMALL_TRAINING, 'train_cfg.max_iters=5']
    assert call(training, JOINT, '--work-dir', tmp_path, '--resume', trained, '--cfg-options', *options) == 0
    resumed = read_checkpoint(tmp_path / 'iter_5.pth')
    assert resumed['meta']['iter'] == 5
    assert next(iter(resumed['optimizer']['state'].values()))['step'] == 5


def test_training_starts_from_another_jobs_denoiser(trained, tmp_path):
    options = [
        *SMALL_MODEL,
        *SMALL_TRAINING,
        f'load_from={trained}',
        'train_cfg.max_iters=1',
        'optim_wrapper.optimizer.lr=0.0',
    ]
    assert call(training, 'configs/embedded/denoise_sigma30.py', '--work-dir', tmp_path, '--cfg-options', *options) == 0
    before, after = (read_checkpoint(path)['state_dict'] for path in (trained, tmp_path / 'iter_1.pth'))
    assert torch.equal(before['denoiser.head.weight'], after['denoiser.head.weight'])


@pytest.fixture
def data(tmp_path, monkeypatch, photo_paths):
    """A data root with one small image in every folder that the denoising configs want."""
    for folder in ('bsds432', 'kodak24', 'cbsd68'):
        (tmp_path / folder).mkdir()
        Image.open(photo_paths['coffee']).crop((0, 0, 80, 64)).save(tmp_path / folder / 'coffee.png')
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    return tmp_path


def test_test_sets_are_reported_by_name(data, tmp_path):
    out = tmp_path / 'result.json'
    options = [*SMALL_MODEL, 'log_level=ERROR', 'test_dataloader.num_workers=0']
    assert call(testing, DENOISE, 'none', '--work-dir', tmp_path, '--out', out, '--cfg-options', *options) == 0
    result = json.loads(out.read_text())
    assert set(result['metrics']) == {'kodak24/PSNR', 'kodak24/SSIM', 'cbsd68/PSNR', 'cbsd68/SSIM'}
    assert [(entry['name'], entry['images']) for entry in result['data']] == [('kodak24', 1), ('cbsd68', 1)]


def test_an_unreadable_image_stops_with_its_name(data, tmp_path, capfd):
    (data / 'kodak24' / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\n broken')
    for workers in (0, 1):
        options = [*SMALL_MODEL, 'log_level=ERROR', f'test_dataloader.num_workers={workers}']
        assert call(testing, DENOISE, 'none', '--work-dir', tmp_path, '--cfg-options', *options) == 2
        error = capfd.readouterr().err
        assert error.count('error:') == 1
        assert 'broken.png' in error
        assert 'Traceback' not in error


@pytest.mark.parametrize(
    ('folders', 'message'),
    [([], "'%s/imagenet/train'"), (['train', 'val', 'train/n01440764'], 'train_dataloader')],
)
@pytest.mark.usefixtures('quick_large_layers')
def test_an_incomplete_imagenet_is_named(tmp_path, monkeypatch, capfd, folders, message):
    monkeypatch.setenv('SEMRESTORE_DATA', str(tmp_path))
    (tmp_path / 'imagenet').mkdir()
    for folder in folders:
        (tmp_path / 'imagenet' / folder).mkdir()
    options = ['model.task.checkpoint=random', 'log_level=ERROR']
    assert (
        call(training, 'configs/joint/denoise_vgg16_sigma30.py', '--work-dir', tmp_path, '--cfg-options', *options) == 2
    )
    error = capfd.readouterr().err
    assert message.replace('%s', str(tmp_path)) in error
    assert 'Traceback' not in error


@pytest.mark.parametrize(
    ('command', 'arguments', 'message'),
    [
        (training, ['configs/joint/denoise_vgg16_sigma30.py'], "imagenet'"),
        (training, ['configs/denoise/multiscale_sigma25.py'], "bsds432'"),
        (training, ['configs/nowhere.py'], "'configs/nowhere.py'"),
        (training, [JOINT, '--cfg-options', 'model.task.checkpoint=vgg.pth'], "'vgg.pth'"),
        (training, [JOINT, '--cfg-options', 'model.task.checkpoint='], 'checkpoint'),
        (training, [JOINT, '--cfg-options', 'load_from=start.pth'], "'start.pth'"),
        (training, [JOINT, '--resume', 'gone.pth'], "'gone.pth'"),
        (training, [JOINT, '--cfg-options', 'model.degradation.sigma=-5'], r'sigma.*-5'),
        (training, [JOINT, '--cfg-options', 'model.denoiser.num_scales=1'], 'num_scales.*1'),
        (
            training,
            [JOINT, '--cfg-options', 'model.losses.perceptual.layers=relu3_3', 'log_level=ERROR'],
            "'relu3_3'",
        ),
        (training, [JOINT, '--cfg-options', 'model.losses=None'], 'model.losses'),
        (training, [JOINT, '--cfg-options', 'train_dataloader=None'], 'train_dataloader'),
        (training, [JOINT, '--cfg-options', 'model.losses=mse'], 'model'),
        (
            training,
            [JOINT, '--cfg-options', 'optim_wrapper.optimizer.lr=-1', 'log_level=ERROR'],
            '-1',
        ),
        (training, [JOINT, '--cfg-options', 'model.task.model.model_name=resnet500', 'log_level=ERROR'], 'resnet500'),
        (training, [JOINT, '--cfg-options', 'model.task.model.type=TimClassifier', 'log_level=ERROR'], 'TimClassifier'),
        (
            training,
            [JOINT, '--cfg-options', 'model.task.model.model_name=resnet18', 'log_level=ERROR'],
            'efficientnet-lite0',
        ),
        (training, [JOINT, '--resume', 'setup.py'], 'setup.py'),
        (testing, [JOINT, 'gone.pth'], "'gone.pth'"),
        (testing, [JOINT, 'setup.py', '--cfg-options', 'log_level=ERROR'], 'setup.py'),
        (testing, [JOINT, 'none', '--out', 'nowhere/result.json'], 'nowhere/result.json'),
        (testing, [JOINT, 'none', '--out', 'tests'], "'tests'"),
        (testing, [JOINT, 'none', '--sigma', '-1'], '--sigma: -1'),
        (testing, [JOINT, 'none', '--sigma', 'nan'], '--sigma: nan'),
    ],
)
def test_wrong_input_gives_one_message_and_status_2(tmp_path, capfd, command, arguments, message):
    assert call(command, *arguments[:1], '--work-dir', tmp_path, *arguments[1:]) == 2
    error = capfd.readouterr().err
    assert re.search(message, error)
    assert error.count('error:') == 1
    assert 'Traceback' not in error


def test_the_network_is_built_as_the_checkpoint_says(trained, tmp_path):
    out = tmp_path / 'result.json'
    options = ['--cfg-options', 'log_level=ERROR', 'test_dataloader.dataset.indices=1']
    assert call(testing, JOINT, trained, '--work-dir', tmp_path, '--out', out, *options) == 0
    assert json.loads(out.read_text())['denoiser']['encoder_channels'] == 16  # the config itself has 128


def test_the_scripts_in_tools_run_the_commands():
    for tool, program in (('train', 'train.py'), ('test', 'test.py'), ('cross_task', 'cross_task.py')):
        done = subprocess.run(
            [sys.executable, f'tools/{tool}.py', '--help'], capture_output=True, text=True, check=True
        )
        assert f'usage: {program}' in done.stdout
    done = subprocess.run([sys.executable, 'tools/train.py', 'nowhere.py'], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'nowhere.py'" in done.stderr
    assert done.stderr.count('\n') == 1
    assert not Path('work_dirs/nowhere').exists()


@pytest.mark.parametrize('command', [training, testing])
def test_the_folder_of_the_config_is_refused_as_work_dir(tmp_path, capsys, request, command):
    config = tmp_path / 'mine.py'
    config.write_text(f"_base_ = '{request.config.rootpath}/{JOINT}'")
    before = config.read_text()
    assert call(command, config, *(['none'] if command is testing else []), '--work-dir', tmp_path) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert config.read_text() == before
