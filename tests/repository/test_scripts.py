"""The benchmark and study scripts run on small images: they write what they say, and refuse bad input."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import gpu, page
from semrestore.denoisers import FFDNet, MultiScaleDenoiser
from semrestore.denoisers.cost import multiply_adds
from semrestore.weights.read import save_weights
from tests.processes import run_module, start

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('name', ['performance', 'inference', 'own_network'])
def test_the_tables_of_a_page_are_those_of_the_results(name):
    text = (ROOT / f'docs/{name}.md').read_text(encoding='utf-8')
    assert '<!-- benchmark: ' in text
    assert page.page(text) == text, 'python -m benchmarks.page fills them in'


def forking(name, *arguments):
    """Run a module, and fork the processes that it spawns to measure memory: they import nothing again."""
    context = multiprocessing.get_context('fork')
    multiprocessing.get_context = lambda method: context
    run_module(name, *arguments)


def script(name, *arguments):
    return start(forking, name, *map(str, arguments), CWD=str(ROOT)).done(timeout=300)


@pytest.fixture
def kodak(tmp_path, photo_paths):
    folder = tmp_path / 'data/kodak24'
    folder.mkdir(parents=True)
    Image.open(photo_paths['coffee']).convert('RGB').crop((200, 100, 248, 164)).save(folder / 'kodim01.png')
    return folder


@pytest.mark.slow
def test_the_benchmark_times_with_and_without_weights_and_draws(tmp_path, kodak):
    torch.manual_seed(0)
    save_weights(
        {f'denoiser.{key}': value for key, value in FFDNet().state_dict().items()}, tmp_path / 'weights/ffdnet.pth'
    )
    folders = ['--data-root', kodak.parent, '--weights', tmp_path / 'weights', '--out', tmp_path / 'out']
    methods = ['--methods', 'Wavelet', 'FFDNet', 'DnCNN', 'Proposed', '--precisions', 'float32']
    done = script('benchmarks.denoisers', *folders, *methods, '--repeats', '2', '--images', '1')
    assert done.returncode == 0, done.stderr
    wavelet, ffdnet, dncnn, proposed = json.loads((tmp_path / 'out/denoisers.json').read_text())['rows']
    assert (wavelet['images'], ffdnet['images'], dncnn['images'], proposed['images']) == (1, 1, 0, 1)
    assert 20 < wavelet['psnr'] < proposed['psnr']
    assert dncnn['psnr'] is None
    assert (ffdnet['parameters'], proposed['parameters']) == (853_068, 1_033_443)
    assert 0 < wavelet['fastest'] <= wavelet['seconds'] <= wavelet['slowest']
    assert Image.open(tmp_path / 'out/denoisers.png').size == (900, 600)


@pytest.mark.slow
def test_the_benchmark_of_data_compares_ways_of_loading(tmp_path):
    arguments = ['--seconds', '0.2', '--rounds', '2', '--batch', '4', '--out', tmp_path / 'data.json']
    done = script('benchmarks.data', *arguments)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / 'data.json').read_text())['patches_per_s']
    assert list(rows) == ['BasicSR style', 'LoadPhoto', 'LoadPhoto(cache=True)', 'DeviceResidentPatches']
    assert all(0 < row['fastest'] <= row['median'] <= row['slowest'] for row in rows.values())
    assert rows['LoadPhoto(cache=True)']['over_reference']['by_medians'] > 1


@pytest.mark.slow
def test_the_benchmark_of_training_checks_that_both_loops_do_the_same(tmp_path):
    arguments = ['--task', 'none', '--size', '16', '--batch', '2', '--steps', '3', '--out', tmp_path / 'step.json']
    done = script('benchmarks.train_step', *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / 'step.json').read_text())
    assert set(document['rows']) == {'ours', 'plain'}
    assert document['rows']['ours']['repeats'] == document['rows']['plain']['repeats'] == 3
    # Forward, and backward to weights and activations, of two patches; not to the noisy image.
    forward = 2 * 2 * multiply_adds(MultiScaleDenoiser(), (16, 16))
    assert 2.9 * forward < document['flops_a_step'] < 3 * forward


@pytest.mark.slow
def test_a_part_of_the_script_for_gpus_that_fails_does_not_lose_the_others(tmp_path):
    python = tmp_path / 'python'
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *"semrestore demo"*) echo broken; exit 3;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    environment = os.environ | dict(SMOKE='1', PARTS='demo nccl denoise', PYTHON=str(python), OMP_NUM_THREADS='1')
    done = subprocess.run([ROOT / 'benchmarks/gpu.sh', tmp_path / 'gpu.json'], env=environment, timeout=300)
    assert done.returncode == 1
    document = json.loads((tmp_path / 'gpu.json').read_text())
    demo, nccl, denoise = (document['parts'][name] for name in ('demo', 'nccl', 'denoise'))
    assert (demo['ended'], demo['log']) == ('failed with status 3', ['broken'])
    assert (nccl['ended'], nccl['figures']['rows'][0]['processes']) == ('ok', 1)
    precisions = {row['precision']: row['difference'] for row in denoise['figures']['rows']}
    assert list(precisions) == ['float32', 'bfloat16', 'float16']
    assert precisions['float32'] == 0 < precisions['bfloat16'] < 0.05
    assert 'torch' in document['machine']['processor']
    assert [line.split(' | ')[1] for line in gpu.table(document).splitlines()[4:]] == [demo['ended'], 'ok', 'ok']


@pytest.mark.slow
def test_the_noise_of_photographs_is_described(tmp_path, photo_paths):
    folder = tmp_path / 'pairs'
    folder.mkdir()
    draws = np.random.default_rng(0)
    for name in ('canon_1', 'canon_2', 'nikon_1'):
        clean = np.full((200, 320, 3), 120, np.uint8)
        noise = draws.normal(0, 10, clean.shape)
        noise[..., 1] = noise[..., 0] if name == 'nikon_1' else noise[..., 1] / 2
        Image.fromarray(clean).save(folder / f'{name}_mean.png')
        Image.fromarray((clean + noise).round().astype(np.uint8)).save(folder / f'{name}_real.png')
    (tmp_path / 'clean').mkdir()
    shutil.copy(photo_paths['coffee'], tmp_path / 'clean')
    config = tmp_path / 'gaussian.py'
    config.write_text(
        "model = dict(type='Cascade', denoiser=dict(type='Identity'), degradation=dict(type='GaussianNoise', sigma=20))"
    )
    done = script('projects.paper.studies.photographs', folder, '--config', config, '--clean', tmp_path / 'clean')
    assert done.returncode == 0, done.stderr
    cells = [line.strip('| ').split(' | ') for line in done.stdout.splitlines() if line.startswith('| ')]
    rows = {name: values for name, *values in cells[2:]}
    assert list(rows) == ['canon', 'nikon', 'all', 'gaussian']
    images, std, tones, lags, colour, correlation, ratio, zero, means, smoothness = rows['canon']
    assert (images, zero) == (
        '2',
        '9',
    )  # P(|x| < 0.5) where x is the luma's noise, of deviation |(0.299, 0.587 / 2, 0.114)| * 10
    assert float(std) == pytest.approx(np.sqrt((100 + 25 + 100) / 3), rel=0.01)
    dark, middle, bright = map(float, tones.split())  # the photos are of 120
    assert np.isnan([dark, bright]).all()
    assert middle == pytest.approx(10 * np.linalg.norm([0.299, 0.587 / 2, 0.114]), rel=0.02)
    assert max(map(abs, map(float, f'{lags} {colour} {correlation}'.split()))) < 0.02
    assert float(ratio) == pytest.approx(2, rel=0.02)
    assert (
        means.split()[0] == means.split()[2] == smoothness == 'nan'
    )  # no dark and bright parts, and nothing but one grey
    assert abs(float(means.split()[1])) < 0.1
    assert 0.3 < float(rows['gaussian'][-1]) < 0.7
    assert (rows['nikon'][5], rows['nikon'][6], rows['all'][0]) == ('1.00', '1.00', '3')
    assert float(rows['gaussian'][1]) == pytest.approx(20, rel=0.01)
