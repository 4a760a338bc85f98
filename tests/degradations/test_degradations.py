import numpy as np
import pytest
import torch

from semrestore.degradations import GaussianNoise, image_generator

NAMES = ['kodim01', 'kodim02', 'kodim03']


def generators(names=NAMES, seed=0):
    return [image_generator(seed, name) for name in names]


@pytest.mark.parametrize('sigma', [5, 25, 60])
def test_noise_is_white_gaussian_of_the_stated_sigma(sigma):
    clean = torch.full((1, 3, 256, 256), 0.5)
    noise = 255 * (GaussianNoise(sigma)(clean).images - clean)
    count = noise.numel()
    assert abs(noise.mean()) < 4 * sigma / count**0.5
    assert noise.std() == pytest.approx(sigma, rel=4 / (2 * count) ** 0.5)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean() / sigma**2
    assert abs(neighbours) < 4 / count**0.5
    assert (noise / sigma).pow(4).mean() == pytest.approx(3, abs=0.1)  # the kurtosis of a Gaussian


def test_noise_is_neither_clipped_nor_quantised():
    noisy = GaussianNoise(50)(torch.ones(1, 3, 32, 32)).images
    assert noisy.max() > 1
    assert (255 * noisy).frac().abs().max() > 0.1


def test_quantised_noise_is_what_a_file_of_8_bits_would_hold():
    clean = torch.rand(1, 3, 32, 32)
    noisy = GaussianNoise(50)(clean, generators(['a'])).images
    stored = GaussianNoise(50, quantise=True)(clean, generators(['a'])).images
    expected = np.clip(np.rint(255 * noisy.numpy()), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal((255 * stored).round().byte().numpy(), expected)
    torch.testing.assert_close(stored, torch.from_numpy(expected) / 255)


def test_an_image_gets_the_same_noise_in_any_batch_and_order(photos):
    clean = torch.stack([photos['chelsea'][:, :50, :60]] * 3)
    together = GaussianNoise(25)(clean, generators()).images
    for index in (2, 0, 1):
        alone = GaussianNoise(25)(clean[index : index + 1], generators(NAMES[index : index + 1])).images
        assert torch.equal(alone[0], together[index])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, GaussianNoise(25)(clean, generators(seed=1)).images)


def test_noise_levels_share_their_draw():
    clean = torch.zeros(3, 3, 16, 16)
    low, high = (GaussianNoise(sigma)(clean, generators()).images for sigma in (10, 40))
    torch.testing.assert_close(4 * low, high)


def test_a_range_draws_one_sigma_an_image():
    clean = torch.zeros(200, 3, 32, 32)
    noisy, sigma = GaussianNoise((0, 60))(clean)
    torch.testing.assert_close(noisy.flatten(1).std(dim=1), sigma, rtol=0.1, atol=1e-3)
    assert 0 <= 255 * sigma.min() < 5
    assert 55 < 255 * sigma.max() <= 60
    seeded = [GaussianNoise((0, 60))(clean[:3], generators()).sigma for _ in range(2)]
    assert torch.equal(*seeded)


@pytest.mark.parametrize('sigma', [-1, (5, 2), (-3, 2)])
def test_impossible_sigma_is_refused(sigma):
    with pytest.raises(ValueError, match='sigma'):
        GaussianNoise(sigma)


@pytest.mark.parametrize('share', [0.0, 0.5, 1.0])
def test_channels_correlate_as_asked_for(share):
    noise = GaussianNoise(25, correlation=share)(torch.zeros(1, 3, 128, 128)).images[0].flatten(1)
    count = noise.shape[1]
    off_diagonal = np.corrcoef(noise.numpy())[np.triu_indices(3, 1)]
    assert off_diagonal == pytest.approx(share, abs=4 / count**0.5)
    assert (255 * noise).std(dim=1).numpy() == pytest.approx(25, rel=4 / (2 * count) ** 0.5)


def test_a_grey_image_gets_grey_noise(photos):
    colour = photos['chelsea'][:, :64, :64]
    grey = colour[:1].expand(3, -1, -1)
    noisy = GaussianNoise(25, grey=True)(torch.stack([colour, grey]), generators(NAMES[:2])).images
    plain = GaussianNoise(25)(torch.stack([colour, grey]), generators(NAMES[:2])).images
    assert torch.equal(noisy[0], plain[0])
    assert torch.equal(noisy[1], plain[1, :1].expand(3, -1, -1))
