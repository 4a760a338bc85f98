"""Noise of known parameters is found again in photos that have no clean partner."""

import numpy as np
import pytest
import torch

from semrestore.degradations import GaussianNoise, MeasuredNoise, image_generator, measure_noise
from semrestore.errors import UserError


def noisy(photos, degradation):
    names = ['astronaut', 'coffee', 'chelsea', 'rocket']
    return [
        degradation(photos[name][None], [image_generator(0, name)])[0][0].mul(255).round().clamp(0, 255) / 255
        for name in names
    ]


@pytest.mark.parametrize(
    ('gain', 'read', 'correlation', 'blur'),
    [(0.0, 0.06, 0.0, 0.0), (0.01, 0.02, 0.0, 0.0), (0.004, 0.03, 0.6, 0.0), (0.004, 0.04, 0.3, 0.8)],
)
def test_known_noise_is_found_again(photos, gain, read, correlation, blur):
    found = measure_noise(noisy(photos, MeasuredNoise(gain, read, correlation, blur)))
    for brightness in (0.25, 0.5, 0.75):
        expected = 255 * (gain * brightness + read**2) ** 0.5
        assert found.sigma(brightness) == pytest.approx(expected, rel=0.12)
    assert found.correlation == pytest.approx(correlation, abs=0.1)
    assert found.blur == pytest.approx(blur, abs=0.2)


def test_it_is_the_noise_that_other_classes_make(photos):
    white = measure_noise(noisy(photos, GaussianNoise(20)))
    assert white.sigma(0.5) == pytest.approx(20, rel=0.1)
    assert (white.blur, white.gain) == pytest.approx((0, 0), abs=0.003)


def test_photos_of_two_levels_give_the_range_of_their_levels(photos):
    weak, strong = (noisy(photos, GaussianNoise(sigma)) for sigma in (10, 30))
    found = measure_noise(weak[:2] + strong[2:])
    low, high = (strength * found.sigma(0.5) for strength in found.strength)
    assert (low, high) == (pytest.approx(10, rel=0.2), pytest.approx(30, rel=0.1))
    assert found.config()['strength'] == pytest.approx(found.strength, abs=0.001)
    assert measure_noise(weak).strength == (1, 1)


def test_the_noise_has_the_stated_variance_and_correlations():
    clean = torch.full((1, 3, 256, 256), 0.5)
    clean[..., 128:] = 0.1
    noise = (MeasuredNoise(0.01, 0.02, 0.5, 0.7)(clean)[0] - clean)[0].double()
    for half, brightness in ((noise[..., :124], 0.5), (noise[..., 132:], 0.1)):
        assert half.std().item() == pytest.approx((0.01 * brightness + 0.02**2) ** 0.5, rel=0.05)
        channels = np.corrcoef(half.flatten(1).numpy())
        assert channels[np.triu_indices(3, 1)] == pytest.approx(0.5, abs=0.05)
        rows = half[..., :-1].flatten(), half[..., 1:].flatten()
        kernel = np.exp(-0.5 * (np.arange(-3, 4) / 0.7) ** 2)
        assert np.corrcoef(*rows)[0, 1] == pytest.approx(np.sum(kernel[1:] * kernel[:-1]) / np.sum(kernel**2), abs=0.04)


def test_the_strength_is_a_factor_that_each_image_draws_from_a_pair():
    clean = torch.full((8, 3, 32, 32), 0.5)

    def noise(strength):
        generators = [image_generator(0, name) for name in 'abcdefgh']
        return MeasuredNoise(0.01, 0.02, 0.5, 0.7, strength)(clean, generators).images - clean

    plain = noise(1.0)
    torch.testing.assert_close(noise(3.0), 3 * plain, rtol=0, atol=1e-6)
    factors = (noise((0.5, 2.0)) * plain).sum((1, 2, 3)) / plain.square().sum((1, 2, 3))
    torch.testing.assert_close(noise((0.5, 2.0)), factors.view(-1, 1, 1, 1) * plain, rtol=0, atol=1e-6)
    assert 0.5 <= factors.min() < 1 < 1.5 < factors.max() <= 2


def test_quantised_noise_has_values_of_8_bits():
    clean = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1).expand(-1, 3, 32, 32)
    plain, stored = (
        MeasuredNoise(0.01, 0.02, quantise=quantise)(clean, [image_generator(0, name) for name in 'abc']).images
        for quantise in (False, True)
    )
    assert plain.min() < 0
    assert plain.max() > 1
    torch.testing.assert_close(stored, (255 * plain).round().clamp(0, 255) / 255)


def test_images_without_noise_to_find_are_refused():
    with pytest.raises(UserError, match='noise'):
        measure_noise([torch.full((3, 64, 64), 0.5)])
    with pytest.raises(UserError, match='noise'):
        measure_noise([])
