"""The README's long command on a folder in ImageNet's layout; and the reproduction's page."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from semrestore.evaluation.matrix import Cell, Matrix
from semrestore.tasks.openmmlab import build_network
from semrestore.weights.read import read_checkpoint
from tests.common import DATA

CONFIG = 'configs/joint/denoise_vgg16_sigma30.py'
SAMPLES = DATA / 'imagenet_samples'


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    """Make a data folder with 1000 classes, 12 photos to judge, and a random VGG-16 in a cache."""
    home = tmp_path_factory.mktemp('home')
    imagenet = home / 'data/imagenet'
    lines = [line.rsplit(' ', 1) for line in (SAMPLES / 'labels.txt').read_text().splitlines()]
    for name, _ in lines:
        folder = imagenet / 'train' / name.partition('_')[0]
        folder.mkdir(parents=True)
        (folder / f'{name.partition(".")[0]}.JPEG').symlink_to(SAMPLES / name)
    (imagenet / 'val').mkdir()
    (imagenet / 'meta').mkdir()
    chosen = lines[::90]
    for name, _ in chosen:
        (imagenet / 'val' / name).symlink_to(SAMPLES / name)
    (imagenet / 'meta/val.txt').write_text(''.join(f'{name} {label}\n' for name, label in chosen))
    task = Config.fromfile('configs/_base_/tasks/vgg16.py').task
    network = build_network(task.model)
    network.init_weights()
    kept = home / 'torch/hub/checkpoints' / task.checkpoint.rsplit('/', 1)[1]
    kept.parent.mkdir(parents=True)
    state = {key: value.half() for key, value in network.state_dict().items()}
    torch.save(dict(meta=dict(mmcls_version='0.6.0', config='', CLASSES=None), state_dict=state), kept)
    return home


def call(home, *arguments):
    environment = os.environ | dict(SEMRESTORE_DATA=str(home / 'data'), TORCH_HOME=str(home / 'torch'))
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLES.is_dir(), reason='SEMRESTORE_DATA has no imagenet_samples')
def test_training_test_and_cross_task_test_with_imagenet_in_its_layout(home):
    runs = home / 'runs'
    loaders = ['train_dataloader.num_workers=1', 'val_dataloader.num_workers=1', 'test_dataloader.num_workers=1']
    short = [
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'train_dataloader.batch_size=2',
        'default_hooks.logger.interval=1',
    ]
    log = call(home, 'tools/train.py', CONFIG, '--work-dir', runs, '--cfg-options', *short, *loaders)
    assert 'loss_reconstruction' in log
    assert 'loss_perceptual' in log
    assert 'loss_task' in log
    checkpoint = runs / 'iter_2.pth'
    assert all(key.startswith('denoiser.') for key in read_checkpoint(checkpoint)['state_dict'])
    out = runs / 'result.json'
    call(home, 'tools/test.py', CONFIG, checkpoint, '--work-dir', runs, '--out', out, '--cfg-options', *loaders)
    result = json.loads(out.read_text())
    assert set(result['metrics']) == {'PSNR', 'SSIM', 'accuracy/top1', 'accuracy/top5'}
    assert result['data'][0]['images'] == 12
    matrix = runs / 'matrix'
    methods = ['noisy', 'clean', f'joint={checkpoint}']
    call(
        home,
        'tools/cross_task.py',
        '--tasks',
        CONFIG,
        '--denoisers',
        *methods,
        '--sigma',
        '30',
        '--out',
        matrix,
        '--cfg-options',
        *loaders,
    )
    records = json.loads((matrix / 'matrix.json').read_text())['records']
    assert {(record['method'], record['metric'], record['images']) for record in records} == {
        (method, metric, 12) for method in ('noisy', 'clean', 'joint') for metric in ('top-1', 'top-5')
    }


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('reproduction_page', 'projects/paper/studies/reproduction_page.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_page_is_current(tool):
    assert tool.page() == tool.PAGE.read_text(encoding='utf-8'), 'python -m projects.paper.studies.reproduction_page'


def test_the_page_has_each_method_beside_the_paper(tool, tmp_path, monkeypatch):
    rows = {'noisy': [0] * 10, 'separate': [1] * 4 + [0] * 6, 'vgg': [1] * 6 + [0] * 4, 'clean': [1] * 8 + [0] * 2}
    cells = [
        Cell(
            'vgg16',
            method,
            None if method == 'clean' else 30,
            list(range(10)),
            [dict(psnr=None, score='TopK', rank=1 - hit) for hit in hits],
        )
        for method, hits in rows.items()
    ]
    (tmp_path / 'results').mkdir()
    records = Matrix(cells, [30], 'separate').records()
    (tmp_path / 'results/table4.json').write_text(json.dumps(dict(records=records)))
    page = tmp_path / 'page.md'
    page.write_text('# Title\n\n<!-- table: table4 vgg16 top-1 -->\nold\n<!-- end -->\nmore\n')
    monkeypatch.setattr(tool, 'ROOT', tmp_path)
    monkeypatch.setattr(tool, 'PAGE', page)
    tool.main([])
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ('# Title', 'more')
    assert 'old' not in lines
    (joint,) = [line for line in lines if 'with VGG-16' in line]
    _, sigma, title, value, difference, recovery, _, _ = (cell.strip() for cell in joint.split('|'))
    assert (sigma, title, recovery) == ('30', 'with VGG-16', '75')  # (60 - 0) / (80 - 0)
    assert value.startswith('60.0 [')
    assert difference.strip('*').startswith('+20.0 [')
    # The paper's Table IV at sigma 30: (67.1 - 44.4) / (71.62 - 44.4) = 83 %
    assert '| 30 | 44.4 (0) | 62.3 (66) | 62.7 (67) | 67.1 (83) | 66.4 (81) |' in lines
