"""DnCNN, FFDNet and wavelets; the authors' weights against the published figures."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from projects.paper import convert_matconvnet
from semrestore.acceleration import InferenceDenoiser
from semrestore.degradations import GaussianNoise, image_generator
from semrestore.denoisers import DnCNN, DRUNet, FFDNet, MultiScaleDenoiser
from semrestore.denoisers.cost import multiply_adds, parameters
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.images import read_photo
from semrestore.registry import MODELS
from semrestore.weights.load import load_weights
from tests.common import DATA, needs_data

KINDS = ['BM3D', 'Identity', 'Wavelet', 'MCWNNM', 'DnCNN', 'DRUNet', 'FFDNet', 'MultiScaleDenoiser']
SMALLER = {'DRUNet': dict(channels=(8, 8, 8, 8))}  # the others as they are


@pytest.mark.parametrize(
    'kind', [pytest.param(kind, marks=[pytest.mark.slow] if kind == 'BM3D' else []) for kind in KINDS]
)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.filterwarnings('ignore:Level value:UserWarning')  # of pywt, on tiny images
def test_every_denoiser_takes_any_size_and_float_dtype(kind, dtype):
    if kind == 'BM3D':
        pytest.importorskip('bm3d', reason='the extra `baselines` is not installed')
    denoiser = MODELS.build(dict(type=kind, **SMALLER.get(kind, {}))).eval().to(dtype)
    for size in ((1, 1), (8, 8), (7, 34)):
        noisy = torch.rand(2, 3, *size, dtype=torch.float32).to(dtype)
        with torch.no_grad():
            restored = denoiser(noisy, torch.tensor([0.1, 0.05]))
        assert (restored.shape, restored.dtype) == (noisy.shape, dtype)
        assert restored.isfinite().all()


@pytest.mark.parametrize('kind', ['Wavelet', 'MCWNNM', 'FFDNet'])
def test_each_image_of_a_batch_is_restored_by_its_own_sigma(kind, photos):
    noisy = (photos['coffee'][None, :, 100:148, 200:248] + 0.1 * torch.randn(1, 3, 48, 48)).repeat(2, 1, 1, 1)
    denoiser = MODELS.build(dict(type=kind)).eval()
    with torch.no_grad():
        together = denoiser(noisy, torch.tensor([0.1, 0.3]))
        alone = [denoiser(noisy[:1], level)[0] for level in (0.1, 0.3)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-4, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.01


@pytest.mark.parametrize('kind', ['FFDNet', 'DRUNet'])
def test_a_network_with_a_noise_map_says_that_it_needs_sigma(kind):
    network = MODELS.build(dict(type=kind, **SMALLER.get(kind, {})))
    with pytest.raises(ValueError, match=f'{kind}.*sigma'):
        network(torch.rand(1, 3, 8, 8))


def test_drunet_is_homogeneous_since_it_has_no_biases():
    denoiser = DRUNet(channels=(8, 8, 8, 8), blocks=1)
    noisy = torch.rand(2, 3, 21, 34)
    restored = denoiser(noisy, torch.tensor([0.2, 0.3]))
    torch.testing.assert_close(denoiser(2 * noisy, torch.tensor([0.4, 0.6])), 2 * restored)
    torch.testing.assert_close(denoiser(noisy[1:], 0.3), restored[1:])
    assert not torch.equal(denoiser(noisy[1:], 0.2), restored[1:])
    with pytest.raises(ValueError, match='channels'):
        DRUNet(channels=(8, 8))


def test_wavelets_remove_noise_also_of_unknown_level(photos):
    clean = photos['coffee'][None, :, 100:228, 200:328]
    noisy = clean + 25 / 255 * torch.randn_like(clean)
    wavelet = MODELS.build(dict(type='Wavelet'))
    before = psnr(to_8_bit(noisy), to_8_bit(clean))
    for sigma in (25 / 255, None):
        assert psnr(to_8_bit(wavelet(noisy, sigma)), to_8_bit(clean)) > before + 4
    torch.testing.assert_close(wavelet(clean, 0.0), clean)
    flat = clean.clone()
    flat[:, 1] = 0.5  # a channel without noise
    assert torch.equal(wavelet(flat)[:, 1], flat[:, 1])


@pytest.mark.parametrize(
    ('kind', 'count', 'per_pixel'),
    [
        # First, middle and last convolutions with their biases; two numbers a channel of batch normalisation.
        (DnCNN, (27 * 64 + 64) + 18 * (576 * 64 + 128) + (576 * 3 + 3), 27 * 64 + 18 * 576 * 64 + 576 * 3),
        # Published: 32.64 M. Eight residual blocks of two convolutions at each scale, four at the coarsest; 2x2 between
        # the scales.
        (
            DRUNet,
            (36 + 27) * 64 + 18 * (8 * (64**2 + 128**2 + 256**2) + 4 * 512**2) + 8 * (64 * 128 + 128 * 256 + 256 * 512),
            (36 + 27) * 64
            + 18 * 8 * (64**2 + 128**2 / 4 + 256**2 / 16)
            + 18 * 4 * 512**2 / 64
            + 2 * (64 * 128 + 128 * 256 / 4 + 256 * 512 / 16),
        ),
        (
            FFDNet,
            (117 * 96 + 96) + 10 * (864 * 96 + 192) + (864 * 12 + 12),
            (117 * 96 + 10 * 864 * 96 + 864 * 12) / 4,
        ),
    ],
)
def test_parameters_and_multiply_adds_are_those_counted_by_hand(kind, count, per_pixel, monkeypatch):
    monkeypatch.setattr(torch.nn.init, 'orthogonal_', lambda weight, gain: weight)  # seconds, and no value counts here
    denoiser = kind()
    assert parameters(denoiser) == count
    assert multiply_adds(denoiser) == per_pixel * 512 * 768


def test_multiply_adds_of_the_papers_network_are_those_counted_by_hand():
    # The head's output: one pixel more on each side, padded to multiples of 4.
    full, half, quarter = 516 * 772, 258 * 386, 129 * 193
    count = (
        full * 75 * 64
        + half * (576 * 128 + 128 * 32 + 288 * 32 + 32 * 128)
        + quarter * (1152 * 128 + 128 * 32 + 288 * 32 + 32 * 128)
    )
    count += quarter * 128 * 32 * 16 + half * (1440 * 256 + 256 * 64 + 576 * 64 + 64 * 256) + half * 256 * 64 * 16
    count += (516 - 2) * (772 - 2) * 1152 * 3
    assert multiply_adds(MultiScaleDenoiser()) == count


def test_a_classical_method_has_no_multiply_adds_to_count():
    assert multiply_adds(MODELS.build(dict(type='MCWNNM'))) is None


# --- the authors' weights


def random_layers(*channels):
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randn(after, before, 3, 3, generator=generator) / (3 * before**0.5),
            0.1 * torch.randn(after, generator=generator),
        )
        for before, after in channels
    ]


def write_matlab(path, layers):
    """Write convolutions as MATLAB 7.3 does: reversed axes, structures as groups, cells as references."""
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        references = []
        for index, (weight, bias) in enumerate(layers):
            for kind in ('conv', 'relu'):
                layer = file.create_group(f'#refs#/{kind}{index}')
                layer['type'] = np.array([[ord(letter)] for letter in kind], np.uint16)
                references.append(layer.ref)
            parts = []
            for name, value in (('filters', weight.numpy().transpose(0, 1, 3, 2)), ('biases', bias.numpy()[None])):
                file[f'#refs#/{name}{index}'] = value
                parts.append(file[f'#refs#/{name}{index}'].ref)
            file[f'#refs#/conv{index}'].create_dataset('weights', data=parts, dtype=h5py.ref_dtype)
        file.create_group('net').create_dataset(
            'layers', data=np.array(references, h5py.ref_dtype)[:, None], dtype=h5py.ref_dtype
        )


def run_layers(x, layers):
    for index, (weight, bias) in enumerate(layers):
        x = F.conv2d(x.relu() if index else x, weight, bias, padding=1)
    return x


def convert(tmp_path, layers, denoiser):
    write_matlab(tmp_path / 'net.mat', layers)
    convert_matconvnet.main([str(tmp_path / 'net.mat'), str(tmp_path / 'net.pth')])
    cascade = MODELS.build(
        dict(type='Cascade', denoiser=dict(type=denoiser), degradation=dict(type='GaussianNoise', sigma=25))
    )
    load_weights(cascade, tmp_path / 'net.pth')
    return cascade.denoiser.eval()


def test_a_converted_dncnn_computes_what_its_layers_say(tmp_path):
    layers = random_layers((3, 64), *[(64, 64)] * 18, (64, 3))
    noisy = torch.rand(1, 3, 11, 14)
    with torch.no_grad():
        torch.testing.assert_close(
            convert(tmp_path, layers, 'DnCNN')(noisy), noisy - run_layers(noisy, layers), rtol=1e-4, atol=1e-5
        )


def test_a_converted_ffdnet_computes_what_its_layers_say(tmp_path):
    layers = random_layers((13, 96), *[(96, 96)] * 10, (96, 12))
    noisy = torch.rand(1, 3, 10, 14)
    offsets = [(0, 0), (1, 0), (0, 1), (1, 1)]  # rows and columns of the four parts, in MatConvNet's order
    parts = [noisy[:, channel : channel + 1, row::2, column::2] for channel in range(3) for row, column in offsets]
    output = run_layers(torch.cat([*parts, torch.full((1, 1, 5, 7), 0.2)], 1), layers)
    expected = torch.empty_like(noisy)
    for index, (channel, (row, column)) in enumerate((channel, offset) for channel in range(3) for offset in offsets):
        expected[:, channel, row::2, column::2] = output[:, index]
    with torch.no_grad():
        torch.testing.assert_close(convert(tmp_path, layers, 'FFDNet')(noisy, 0.2), expected, rtol=1e-4, atol=1e-5)


def test_files_that_hold_another_network_are_named(tmp_path):
    h5py = pytest.importorskip('h5py')
    target = tmp_path / 'out.pth'
    with pytest.raises(UserError, match=r'none\.mat'):
        convert_matconvnet.main([str(tmp_path / 'none.mat'), str(target)])
    (tmp_path / 'text.mat').write_text('MATLAB')
    with pytest.raises(UserError, match=r'\.mat'):
        convert_matconvnet.main([str(tmp_path / 'text.mat'), str(target)])
    with h5py.File(tmp_path / 'other.mat', 'w') as file:
        file['x'] = 1
    with pytest.raises(UserError, match=r'\.mat'):
        convert_matconvnet.main([str(tmp_path / 'other.mat'), str(target)])
    write_matlab(tmp_path / 'grey.mat', random_layers((1, 64), (64, 1)))
    with pytest.raises(UserError, match=r'2 .*20'):
        convert_matconvnet.main([str(tmp_path / 'grey.mat'), str(target)])
    assert not list(tmp_path.glob('out*'))


def published(tmp_path, network, denoiser, files, sigma):
    convert_matconvnet.main([str(DATA / 'peers' / network), str(tmp_path / 'net.pth')])
    cascade = MODELS.build(
        dict(type='Cascade', denoiser=dict(type=denoiser), degradation=dict(type='GaussianNoise', sigma=sigma))
    )
    load_weights(cascade, tmp_path / 'net.pth')
    fast = InferenceDenoiser(cascade.denoiser)
    reached = []
    for file in files:
        clean = torch.from_numpy(read_photo(DATA / file).copy()).permute(2, 0, 1)[None] / 255
        noisy, level = GaussianNoise(sigma)(clean, [image_generator(0, Path(file).stem)])
        reached.append(psnr(to_8_bit(fast(noisy, level)), to_8_bit(clean)))
    return sum(reached) / len(reached)


@needs_data
@pytest.mark.parametrize(
    ('network', 'denoiser', 'image', 'sigma', 'expected'),
    [
        # Paper, Table II.
        ('color_sigma=25.mat', 'DnCNN', 'kodim01', 25, 29.75),
        ('FFDNet_color.mat', 'FFDNet', 'kodim01', 25, 29.65),
        ('FFDNet_color.mat', 'FFDNet', 'kodim13', 25, 28.17),
    ],
)
def test_the_authors_weights_reach_the_published_figures(tmp_path, network, denoiser, image, sigma, expected):
    pytest.importorskip('h5py')
    assert published(tmp_path, network, denoiser, [f'kodak24/{image}.png'], sigma) == pytest.approx(expected, abs=0.04)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ('network', 'denoiser', 'expected'), [('color_sigma=25.mat', 'DnCNN', 31.30), ('FFDNet_color.mat', 'FFDNet', 31.20)]
)
def test_the_authors_weights_reach_their_mean_on_cbsd68(tmp_path, network, denoiser, expected):
    images = sorted(path.stem for path in (DATA / 'cbsd68').glob('*.*'))
    reached = published(tmp_path, network, denoiser, [f'cbsd68/{image}.jpg' for image in images], 25)
    assert len(images) == 68
    assert reached == pytest.approx(expected, abs=0.02)
