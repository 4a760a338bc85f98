"""A denoiser prepared for use computes the same: folded, multiplied out, in other precisions, as an ensemble."""

import copy
import math

import pytest
import torch
from torch import nn

from semrestore.acceleration import InferenceDenoiser
from semrestore.acceleration.multiscale_fused import FusedMultiScale
from semrestore.denoisers import FFDNet, MultiScaleDenoiser
from semrestore.registry import MODELS


@pytest.fixture
def trained():
    """A denoiser whose batch normalisation has something to fold."""
    denoiser = MultiScaleDenoiser(encoder_channels=32, decoder_channels=32, zero_tail=False).eval()
    for module in denoiser.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    return denoiser


def test_the_fast_path_restores_the_same_without_batch_normalisation(trained, photos):
    noisy = photos['coffee'][None, :, 100:161, 200:277]
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    fast = InferenceDenoiser(trained)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    exact, noisy = copy.deepcopy(trained).double(), noisy.double()
    with torch.no_grad():
        torch.testing.assert_close(InferenceDenoiser(exact, torch.float64)(noisy), exact(noisy), rtol=0, atol=1e-12)
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())


def test_the_fast_path_in_bfloat16_is_off_by_its_rounding_alone(trained, photos):
    noisy = photos['coffee'][None, :, 100:161, 200:277]
    with torch.no_grad():
        exact = trained(noisy)
    rounded = InferenceDenoiser(trained, dtype=torch.bfloat16)(noisy)
    assert rounded.dtype == torch.float32
    error, residual = (rounded - exact).abs().max(), (exact - noisy).abs().max()
    assert 0 < error < 0.05 * residual


def test_the_fast_path_keeps_the_denoisers_precision(trained):
    noisy = torch.rand(1, 3, 20, 25, dtype=torch.float64)
    with torch.no_grad():
        exact = trained.double()(noisy)
    torch.testing.assert_close(InferenceDenoiser(trained, torch.float64)(noisy), exact, rtol=1e-10, atol=1e-10)


def test_the_fast_path_takes_and_returns_other_precisions(trained):
    noisy = torch.rand(1, 3, 20, 25)
    exact = InferenceDenoiser(trained)(noisy)
    half = InferenceDenoiser(copy.deepcopy(trained).bfloat16())(noisy.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, rtol=0.05, atol=0.05)
    # A classical method is run as it is, whatever the precision of networks.
    wavelet = MODELS.build(dict(type='Wavelet'))
    assert torch.equal(InferenceDenoiser(wavelet, torch.bfloat16)(noisy, 0.1), wavelet(noisy, 0.1))


def test_the_fast_path_leaves_a_classical_method_as_it_is():
    noisy = torch.rand(1, 3, 20, 20)
    wavelet = MODELS.build(dict(type='Wavelet'))
    assert torch.equal(InferenceDenoiser(wavelet)(noisy, 0.1), wavelet(noisy, 0.1))
    assert math.isfinite(InferenceDenoiser(FFDNet())(noisy, torch.tensor([0.1])).sum())


def test_the_ensemble_is_the_mean_over_the_eight_orientations():
    torch.manual_seed(0)
    noisy = torch.rand(2, 3, 20, 33, dtype=torch.float64)
    denoiser = FFDNet().eval().double()
    sigma = torch.tensor([0.1, 0.2], dtype=torch.float64)
    expected = []
    with torch.no_grad():
        for axes in ((), (2,), (3,), (2, 3)):
            for transposed in (False, True):
                turned = noisy.flip(axes)
                result = (
                    denoiser(turned.transpose(2, 3), sigma).transpose(2, 3) if transposed else denoiser(turned, sigma)
                )
                expected.append(result.flip(axes))
    restored = InferenceDenoiser(denoiser, torch.float64, ensemble=True)(noisy, sigma)
    torch.testing.assert_close(restored, torch.stack(expected).mean(0), rtol=0, atol=1e-12)
    assert (restored - InferenceDenoiser(denoiser, torch.float64)(noisy, sigma)).abs().max() > 1e-4


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        dict(num_scales=2),
        dict(num_scales=4),
        dict(fusion='sum', global_skip=False),
        dict(downsample='maxpool'),
        dict(pixel_range=255.0),
        dict(norm=False),
    ],
)
def test_linear_chains_multiplied_out_change_nothing(arguments):
    denoiser = MultiScaleDenoiser(
        **(dict(encoder_channels=16, decoder_channels=32, zero_tail=False) | arguments)
    ).eval()
    for module in denoiser.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    for parameter in denoiser.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, mean=0.2, std=0.2)  # biases matter most at the border
    assert any(isinstance(module, nn.BatchNorm2d) for module in denoiser.modules()) == arguments.get('norm', True)
    denoiser.double()
    fast = InferenceDenoiser(denoiser, torch.float64)
    assert isinstance(fast.denoiser, FusedMultiScale) == (arguments.get('downsample') != 'maxpool')
    for size in ((1, 1), (5, 9), (32, 31), (17, 66)):
        noisy = torch.rand(2, 3, *size, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(fast(noisy), denoiser(noisy), rtol=1e-12, atol=1e-12)


def test_a_subclass_keeps_what_it_computes():
    class Half(MultiScaleDenoiser):
        def forward(self, noisy, sigma=None):
            return super().forward(noisy, sigma) / 2

    half, noisy = Half(encoder_channels=8, decoder_channels=8).eval(), torch.rand(1, 3, 20, 24)
    with torch.no_grad():
        torch.testing.assert_close(InferenceDenoiser(half)(noisy), half(noisy), rtol=1e-4, atol=1e-5)
