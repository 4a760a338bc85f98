"""Denoising files: structure and names kept, nothing of the user's lost, failures listed."""

import numpy as np
import pytest
import torch
from PIL import Image

from semrestore.cli import denoise
from semrestore.cli.run import run
from semrestore.denoisers import FFDNet, Wavelet
from semrestore.images import read_photo
from semrestore.inference import DenoiseInferencer
from semrestore.weights.read import save_weights
from semrestore.weights.zoo import PURPOSES

WAVELET = ['--model', 'none', '--config', 'semrestore::baselines/wavelet_sigma25.py']


@pytest.fixture
def folder(tmp_path, photos):
    noisy = photos['coffee'][:, 100:140, 200:248] + 0.1 * torch.randn(3, 40, 48)
    array = noisy.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    (tmp_path / 'in/below').mkdir(parents=True)
    Image.fromarray(array).save(tmp_path / 'in/one.png')
    Image.fromarray(array[:, ::-1].copy()).save(tmp_path / 'in/below/two.bmp')
    return tmp_path


def call(folder, *arguments):
    return run(denoise.main, [str(folder / 'in'), '--out', str(folder / 'out'), *map(str, arguments)])


def test_a_folder_keeps_its_structure_and_pixels_are_the_denoisers(folder, capsys):
    assert call(folder, *WAVELET, '--sigma', 25.5) == 0
    assert '2 of 2 ' in capsys.readouterr().out
    noisy = torch.from_numpy(read_photo(folder / 'in/below/two.bmp').copy()).permute(2, 0, 1)[None] / 255
    expected = Wavelet()(noisy, 0.1).clamp(0, 1).mul(255).round()[0].permute(1, 2, 0).numpy()
    assert np.abs(read_photo(folder / 'out/below/two.png') - expected).max() <= 1  # rounding
    assert (folder / 'out/one.png').is_file()


@pytest.mark.parametrize('purpose', ['people', 'recognition', 'camera'])
def test_weights_are_chosen_by_who_looks_at_the_result(folder, purpose, capsys):
    assert call(folder, '--for', purpose) == 0
    assert f'weights: {PURPOSES[purpose]}' in capsys.readouterr().out
    expected = DenoiseInferencer(PURPOSES[purpose])(read_photo(folder / 'in/one.png'))
    assert np.array_equal(read_photo(folder / 'out/one.png'), expected)


def test_weights_of_the_config_are_used(folder):
    torch.manual_seed(0)
    save_weights({f'denoiser.{key}': value for key, value in FFDNet().state_dict().items()}, folder / 'ffdnet.pth')
    arguments = ['--model', folder / 'ffdnet.pth', '--config', 'configs/baselines/ffdnet.py', '--sigma', 25]
    assert call(folder, *arguments) == 0
    assert read_photo(folder / 'out/one.png').shape == (40, 48, 3)


def test_a_bad_file_is_listed_and_the_rest_goes_on(folder, capsys):
    (folder / 'in/a_torn.png').write_bytes((folder / 'in/one.png').read_bytes()[:300])
    assert call(folder, *WAVELET, '--sigma', 25) == 2
    captured = capsys.readouterr()
    assert 'a_torn.png' in captured.err
    assert '1 of 3' in captured.err
    assert '2 of 3' in captured.out
    assert (folder / 'out/one.png').is_file()


def test_a_second_run_does_not_restore_results_that_lie_inside_the_input_folder(folder, capsys):
    for extra in ([], ['--overwrite']):
        arguments = [str(folder / 'in'), '--out', str(folder / 'in/restored'), *WAVELET, '--sigma', '25', *extra]
        assert run(denoise.main, arguments) == 0
        assert '2 of 2 ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([*WAVELET, '--sigma', -1], '--sigma: -1'),
        (['--model', 'none'], 'MultiScaleDenoiser'),
        (['--model', 'nowhere.pth'], "'nowhere.pth'"),
        ([*WAVELET, '--sigma', 25, '--device', 'gpu'], "'gpu'"),
        (
            ['--model', 'none', '--config', 'configs/segmentation/deeplab_largefov_voc12aug.py'],
            'deeplab_largefov_voc12aug.py',
        ),
        ([*WAVELET, '--sigma', 25, '--out', 'IN'], 'one.png'),
        ([*WAVELET, '--sigma', 25, '--out', 'OLD'], '--overwrite'),
        ([*WAVELET, '--sigma', 25, '--out', 'FILE/x'], 'file/x'),
    ],
)
def test_bad_input_is_named_and_nothing_is_lost(folder, arguments, message, capsys):
    (folder / 'old').mkdir()
    (folder / 'old/one.png').write_bytes(b'mine')
    (folder / 'file').touch()
    before = (folder / 'in/one.png').read_bytes()
    places = {'IN': folder / 'in', 'OLD': folder / 'old', 'FILE/x': folder / 'file/x'}
    assert call(folder, *(places.get(argument, argument) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert (folder / 'in/one.png').read_bytes() == before
    assert (folder / 'old/one.png').read_bytes() == b'mine'
