"""Published weights: by name, whole, and small."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import semrestore
from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.cli.test import main as evaluate
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.files import sha256
from semrestore.images import read_photo
from semrestore.weights import zoo

ROOT = Path(__file__).parents[2]


def test_the_files_are_those_of_the_list_and_small():
    files = {path.name for path in (ROOT / 'weights').glob('*.safetensors')}
    assert files == {entry['file'] for entry in zoo.published().values()}
    assert sum(path.stat().st_size for path in (ROOT / 'weights').iterdir()) < 30e6
    for entry in zoo.published().values():
        assert sha256(ROOT / 'weights' / entry['file']) == entry['sha256']


def test_commands_take_weights_by_name(tmp_path, photos, capsys):
    noisy = photos['coffee'][:, 100:140, 200:248] + 25 / 255 * torch.randn(
        3, 40, 48, generator=torch.Generator().manual_seed(0)
    )
    array = noisy.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    (tmp_path / 'in').mkdir()
    Image.fromarray(array).save(tmp_path / 'in/one.png')
    arguments = [str(tmp_path / 'in'), '--out', str(tmp_path / 'out'), '--model', 'zoo:multiscale-sigma25']
    assert run(denoise.main, arguments) == 0
    restored = torch.from_numpy(read_photo(tmp_path / 'out/one.png').copy()).permute(2, 0, 1) / 255
    clean = photos['coffee'][:, 100:140, 200:248]
    assert psnr(to_8_bit(restored), to_8_bit(clean)) > psnr(to_8_bit(noisy), to_8_bit(clean)) + 5
    out = tmp_path / 'result.json'
    cfg = 'configs/evaluation/zoo.py'
    arguments = [cfg, 'zoo:multiscale-sigma25', '--embedded', '--out', str(out), '--work-dir', str(tmp_path)]
    evaluate([*arguments, '--cfg-options', 'test_dataloader.dataset.indices=1', 'test_dataloader.dataset.view=64'])
    assert json.loads(out.read_text())['checkpoint']['sha256'] == zoo.published()['multiscale-sigma25']['sha256']


def test_a_folder_does_not_hide_published_weights_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'multiscale-blind').mkdir()
    assert zoo.resolve('multiscale-blind') == zoo.resolve('zoo:multiscale-blind')
    (tmp_path / 'own.safetensors').touch()
    monkeypatch.setenv('HOME', str(tmp_path))
    assert zoo.resolve('~/own.safetensors') == str(tmp_path / 'own.safetensors')


def test_a_name_that_is_not_there_and_a_damaged_file_are_named(monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r'multiscale-sigma52.*multiscale-sigma25'):
        semrestore.load_denoiser('multiscale-sigma52')
    monkeypatch.setattr(zoo, 'WEIGHTS', tmp_path)
    with pytest.raises(UserError, match=r'\.safetensors'):
        semrestore.load_denoiser('multiscale-sigma25')
    with pytest.raises(UserError, match=r'work_dirs/a\.pth'):
        zoo.resolve('work_dirs/a.pth')
