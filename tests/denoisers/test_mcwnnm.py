"""MCWNNM against its own optimality conditions, and against the published figures."""

import pytest
import torch

from semrestore.config import load_config
from semrestore.degradations import GaussianNoise, image_generator
from semrestore.denoisers import MCWNNM, estimate_sigma
from semrestore.denoisers.mcwnnm import shrink_singular_values
from semrestore.evaluation import psnr, to_8_bit
from semrestore.images import read_photo
from semrestore.registry import MODELS
from tests.common import DATA, needs_data


def crop(photos, side=64):
    return photos['coffee'][None, :, 100 : 100 + side, 200 : 200 + side]


def low_rank_groups(count=6):
    return 3 * torch.randn(count, 108, 3) @ torch.randn(count, 3, 54) + torch.randn(count, 108, 54)


def test_singular_values_are_where_the_reweighted_objective_is_stationary():
    matrices, constant = low_rank_groups(), 40.0
    before, after = torch.linalg.svdvals(matrices), torch.linalg.svdvals(shrink_singular_values(matrices, constant))
    kept = after > 1e-2 * before
    # d/dx of 1/2 (s - x)^2 + w x with w = constant / x.
    torch.testing.assert_close(
        (before - after)[kept] * after[kept], torch.full_like(after[kept], constant), rtol=0.01, atol=0.0
    )
    assert (kept == (before**2 >= 4 * constant)).all()
    assert 0 < kept.float().mean() < 1


def test_singular_vectors_are_kept():
    matrices = low_rank_groups(2)
    shrunk = shrink_singular_values(matrices, 40.0)
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    wanted = torch.where(s**2 >= 160, (s + (s**2 - 160).clamp_min(0).sqrt()) / 2, 0)
    torch.testing.assert_close(shrunk, u @ torch.diag_embed(wanted) @ v, rtol=1e-3, atol=1e-3)


def test_admm_finds_the_closed_form_where_there_is_one():
    denoiser, groups = MCWNNM(), low_rank_groups()
    levels = torch.ones(len(groups), 1, 1)
    closed = denoiser.low_rank(groups, torch.ones(3), levels)
    iterated = denoiser.low_rank(
        groups, torch.tensor([1.002, 1.0, 0.998]), levels
    )  # unequal, so no closed form is tried
    assert (closed - iterated).norm() < 0.01 * closed.norm()


def test_admm_is_stationary_for_unequal_channels():
    denoiser, groups = MCWNNM(admm_steps=100), low_rank_groups(2)
    ratio = torch.tensor([1.4, 0.7, 0.9])
    solution = denoiser.low_rank(groups, ratio, torch.ones(2, 1, 1)).double()
    weights = ratio.double().square().reciprocal().repeat_interleave(36).view(-1, 1)
    u, s, v = torch.linalg.svd(solution, full_matrices=False)
    constant = denoiser.strength * 54**0.5
    for index in range(2):
        rank = int((s[index] > 1e-3 * s[index, 0]).sum())
        assert 0 < rank < 54
        # W^T W (Y - X) has to be the gradient of the penalty, U diag(C / s) V^T, within the space of X's singular
        # vectors.
        gradient = u[index, :, :rank].T @ (weights * (groups[index] - solution[index])) @ v[index, :rank].T
        expected = torch.diag(constant / s[index, :rank])
        assert (gradient - expected).norm() < 0.02 * expected.norm()


def test_noise_is_removed_and_channel_weights_improve_the_result(photos):
    clean = crop(photos)
    sigma = torch.tensor([[60.0, 10.0, 30.0]]) / 255
    noisy = clean + sigma.view(1, 3, 1, 1) * torch.randn_like(clean)
    denoiser = MCWNNM(num_similar=40, iterations=2)
    weighted, equal = denoiser(noisy, sigma), denoiser(noisy, sigma.square().mean().sqrt())
    before, without, after = (psnr(to_8_bit(image), to_8_bit(clean)) for image in (noisy, equal, weighted))
    assert after > before + 5
    assert after > without + 1


def test_a_batch_is_restored_image_by_image_and_no_noise_is_left_alone(photos):
    clean = crop(photos, 40)
    batch = torch.cat((clean, clean.flip(3)))
    denoiser = MCWNNM(num_similar=20, iterations=2)
    torch.testing.assert_close(denoiser(batch, 0.1)[1:], denoiser(batch[1:], 0.1), rtol=1e-4, atol=1e-4)
    assert torch.equal(denoiser(clean, 0.0), clean)


def test_without_sigma_it_is_estimated(photos):
    clean = crop(photos)
    noisy = clean + 0.1 * torch.randn_like(clean)
    denoiser = MCWNNM(num_similar=20, iterations=2)
    assert torch.equal(denoiser(noisy), denoiser(noisy, estimate_sigma(noisy)))


@pytest.mark.parametrize('name', ['patch_size', 'num_similar', 'iterations', 'strength'])
def test_impossible_settings_are_refused(name):
    with pytest.raises(ValueError, match=rf'{name}.*\b0\b'):
        MCWNNM(**{name: 0})


@pytest.mark.parametrize('sigma', [25, 50])
def test_white_noise_is_estimated_channel_by_channel(photos, sigma):
    levels = torch.tensor([1.0, 0.7, 0.8]) * sigma / 255
    clean = photos['coffee'][None]
    estimated = estimate_sigma(clean + levels.view(1, 3, 1, 1) * torch.randn_like(clean))
    torch.testing.assert_close(estimated[0], levels, rtol=0.15, atol=0.0)


def test_correlated_noise_is_seen_whole_at_half_resolution(photos):
    clean = photos['coffee'][None]
    noise = torch.nn.functional.avg_pool2d(torch.randn(1, 3, clean.shape[2] + 2, clean.shape[3] + 2), 3, stride=1)
    noise = 0.06 * noise / noise.std()
    fine, coarse = (estimate_sigma(clean + noise, scale).mean().item() for scale in (1, 2))
    assert fine < 0.04
    assert coarse == pytest.approx(0.06, rel=0.5)


def test_an_image_too_small_to_estimate_from_is_refused():
    with pytest.raises(ValueError, match=r'20 x 31.*32 x 32'):
        estimate_sigma(torch.rand(1, 3, 20, 31), scale=2)


@pytest.mark.parametrize('side', [16, 20, 32])
def test_noise_of_small_images_is_estimated_in_smaller_patches(side):
    noisy = 0.5 + 0.1 * torch.randn(8, 3, side, side)
    assert estimate_sigma(noisy).mean().item() == pytest.approx(0.1, rel=0.2)


def test_flat_and_saturated_parts_are_restored():
    flat = torch.full((1, 3, 40, 60), 0.25)
    flat[..., 20:] = 1
    restored = MCWNNM(iterations=2)(flat, 0.05)
    assert restored.isfinite().all()
    assert (restored - flat)[..., 30:].abs().max() < 1e-3


def photo(path):
    return torch.from_numpy(read_photo(path).copy()).permute(2, 0, 1)[None] / 255


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(('image', 'sigma', 'expected'), [('kodim03', 25, 34.05), ('kodim13', 50, 23.70)])
def test_published_figures_are_met(image, sigma, expected):
    clean = photo(DATA / 'kodak24' / f'{image}.png')  # figures: paper, Table II
    noisy, level = GaussianNoise(sigma)(clean, [image_generator(0, image)])
    assert psnr(to_8_bit(MCWNNM()(noisy, level)), to_8_bit(clean)) == pytest.approx(expected, abs=0.3)


@needs_data
@pytest.mark.slow
def test_real_noise_of_unknown_level_is_removed_as_by_the_authors():
    denoiser = MODELS.build(load_config('configs/baselines/mcwnnm_photographs.py').model.denoiser)
    noisy, clean = (photo(DATA / f'cc15/5dmark3_iso3200_1_{kind}.png') for kind in ('real', 'mean'))
    before, after = (psnr(to_8_bit(image), to_8_bit(clean)) for image in (noisy, denoiser(noisy)))
    assert (
        after > before + 36.88 - 33.41 - 0.3
    )  # mean over the 15 pairs: their own published outputs, and the noisy images
