"""Every published weight is what the results file says it is; the pages say what the results file says."""

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image

import semrestore
from projects.zoo.pages import pages
from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.cli.test import main as evaluate
from semrestore.datasets import EmbeddedPhotos
from semrestore.degradations import GaussianNoise, image_generator
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.files import sha256
from semrestore.images import read_photo
from semrestore.registry import MODELS
from semrestore.weights import zoo

ROOT = Path(__file__).parents[2]
NAMES = list(zoo.published())


def measured():
    with open(ROOT / 'results/zoo.csv', encoding='utf-8') as file:
        return [row for row in csv.DictReader(file) if row['metric'] == 'PSNR']


def noise(level):
    if level == 'camera':
        return MODELS.build(dict(Config.fromfile('configs/_base_/degradations/camera.py').degradation))
    return GaussianNoise(float(level))


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_weights_reach_what_the_results_file_says(name):
    entry = zoo.published()[name]
    assert Path(zoo.resolve(f'zoo:{name}')).stat().st_size < 5e6
    assert entry['sha256'][:8] in entry['file']
    rows = [row for row in measured() if row['weights'] == name and row['test_set'] == 'embedded']
    row = rows[len(rows) // 2]
    denoiser = semrestore.load_denoiser(name)
    assert not denoiser.training
    assert not any(weight.requires_grad for weight in denoiser.parameters())
    assert {weight.dtype for weight in denoiser.parameters()} == {torch.float32}
    photos = EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')])
    values = []
    for photo in photos:
        clean = torch.from_numpy(photo['img']).permute(2, 0, 1)[None] / 255
        noisy, sigma = noise(row['sigma'])(clean, [image_generator(0, photo['name'])])
        with torch.inference_mode():
            values.append(psnr(to_8_bit(denoiser(noisy, sigma)), to_8_bit(clean)))
    assert int(row['images']) == len(values)
    assert sum(values) / len(values) == pytest.approx(float(row['value']), abs=0.02)


def test_every_set_is_measured_at_every_level_and_beats_the_noisy_image():
    for name in NAMES:
        rows = [row for row in measured() if row['weights'] == name]
        photographs = set() if isinstance(zoo.published()[name]['sigma'], int | float) else {('cc15', '15')}
        assert {(row['test_set'], row['images']) for row in rows} == {
            ('kodak24', '24'),
            ('cbsd68', '68'),
            ('embedded', '3'),
        } | photographs
        for row in rows:
            # CC's photographs have 33.41 dB (Nam et al.), those with a camera's noise 27.3 (Kodak) to 27.8 (CBSD68,
            # measured), and white noise leaves 20 log10(255 / sigma).
            noisy = dict(photographs=33.41, camera=27.8).get(row['sigma'])
            if noisy is None:
                noisy = 20 * math.log10(255 / float(row['sigma'])) + 4
            assert float(row['value']) > noisy + 1, row


def test_the_pages_are_current():
    for path, text in pages().items():
        assert path.read_text(encoding='utf-8') == text, f'{path.name} is out of date: python -m projects.zoo page'


def test_the_files_are_those_of_the_list_and_small():
    files = {path.name for path in (ROOT / 'weights').glob('*.safetensors')}
    assert files == {entry['file'] for entry in zoo.published().values()}
    assert sum(path.stat().st_size for path in (ROOT / 'weights').iterdir()) < 20e6
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


def test_a_name_that_is_not_there_and_a_damaged_file_are_named(monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"'multiscale-sigma52' .* Did you mean multiscale-sigma25"):
        semrestore.load_denoiser('multiscale-sigma52')
    monkeypatch.setattr(zoo, 'WEIGHTS', tmp_path)
    with pytest.raises(UserError, match='missing or damaged; install semrestore again'):
        semrestore.load_denoiser('multiscale-sigma25')
    assert zoo.resolve('work_dirs/a.pth') == 'work_dirs/a.pth'
