"""The benchmark and study scripts run from the command line on small images: they write what they say, and refuse bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from semrestore.checkpoint import save_checkpoint
from semrestore.denoisers import FFDNet

ROOT = Path(__file__).parents[1]


def script(name, *arguments):
    environment = os.environ | dict(PYTHONPATH=str(ROOT))
    return subprocess.run([sys.executable, ROOT / 'tools' / name, *arguments], capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture
def kodak(tmp_path, photo_paths):
    folder = tmp_path / 'data/kodak24'
    folder.mkdir(parents=True)
    Image.open(photo_paths['coffee']).convert('RGB').crop((200, 100, 248, 164)).save(folder / 'kodim01.png')
    return folder


def test_the_benchmark_times_with_and_without_weights_and_draws(tmp_path, kodak):
    torch.manual_seed(0)
    save_checkpoint({f'denoiser.{key}': value for key, value in FFDNet().state_dict().items()}, tmp_path / 'weights/ffdnet.pth')
    folders = ['--data-root', kodak.parent, '--weights', tmp_path / 'weights', '--out', tmp_path / 'out']
    methods = ['--methods', 'Wavelet', 'FFDNet', 'Proposed', '--precisions', 'float32']
    done = script('benchmark/denoisers.py', *folders, *methods, '--repeats', '2', '--images', '1')
    assert done.returncode == 0, done.stderr
    wavelet, ffdnet, proposed = json.loads((tmp_path / 'out/denoisers.json').read_text())['rows']
    assert (wavelet['images'], ffdnet['images'], proposed['images']) == (1, 1, 0)
    assert wavelet['psnr'] > 20
    assert proposed['psnr'] is None
    assert (ffdnet['parameters'], proposed['parameters']) == (853_068, 1_033_443)
    assert 0 < wavelet['fastest'] <= wavelet['seconds'] <= wavelet['slowest']
    assert Image.open(tmp_path / 'out/denoisers.png').size == (900, 600)


def test_the_study_of_real_noise_restores_pairs(tmp_path, photos):
    torch.manual_seed(0)
    clean = photos['coffee'][:, 100:140, 200:248]
    for kind, image in (('mean', clean), ('real', clean + 0.06 * torch.randn_like(clean))):
        array = image.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(array).save(tmp_path / f'one_{kind}.png')
    done = script('study/real_noise.py', tmp_path, '--out', tmp_path / 'out')
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / 'out/result.json').read_text())['rows']
    assert row['restored'] > row['noisy'] + 1
    assert Image.open(tmp_path / 'out/one.png').size == (48, 40)
    (tmp_path / 'one_mean.png').unlink()
    failed = script('study/real_noise.py', tmp_path)
    assert failed.returncode == 2
    assert "has no partner 'one_mean.png'" in failed.stderr
