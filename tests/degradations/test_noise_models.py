"""Noise that is not white Gaussian: mean, variance and autocorrelation against formulas and libraries."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.util import random_noise

from semrestore.degradations import (
    JPEG,
    CameraNoise,
    DegradationChain,
    GaussianNoise,
    MeasuredNoise,
    PoissonGaussianNoise,
    RandomDegradation,
    SaltAndPepper,
    Speckle,
    image_generator,
)
from semrestore.degradations.camera import (
    demosaic,
    expected,
    gamma,
    linear,
    mosaic,
    rendered,
    toned,
    untoned,
)
from semrestore.registry import MODELS
from semrestore.testing import check_degradation

SIGNALS = (0.1, 0.3, 0.5, 0.9)


def flat(*values, side=256):
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, side, side)


def error(count):
    """Return four relative standard errors of a spread of ``count`` numbers; tails add a little."""
    return 4 / count**0.5 * 1.2


@pytest.mark.parametrize(
    ('degradation', 'random'),
    [
        (GaussianNoise((10, 40)), True),
        (GaussianNoise((10, 20, 30)), True),
        (GaussianNoise(((0, 10), (5, 5), (20, 60)), quantise=True), True),
        (MeasuredNoise(0.01, 0.02, 0.5, 0.7, strength=(0.5, 2), quantise=True), True),
        (PoissonGaussianNoise((0.001, 0.02), (0, 0.05)), True),
        (Speckle((0.1, 0.3)), True),
        (SaltAndPepper((0.01, 0.2)), True),
        (JPEG((20, 80)), True),
        (JPEG(50), False),
        (CameraNoise(), True),
        (CameraNoise(0.01, read=(0, 1e-3), smooth=(0, 1), tone=(0, 1), quantise=True), True),
        (DegradationChain([dict(type='PoissonGaussianNoise', gain=0.01), dict(type='JPEG', quality=60)]), True),
        (RandomDegradation([dict(type='GaussianNoise', sigma=20), dict(type='Speckle', sigma=0.2)], [1, 3]), True),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bool) else '',
)
def test_every_degradation_keeps_the_contract(degradation, random):
    check_degradation(degradation, random=random)


def test_each_channel_has_its_own_sigma():
    noisy, sigma = GaussianNoise((5, 25, 50))(flat(0.5))
    assert sigma is None
    stds = 255 * (noisy - 0.5).std(dim=(0, 2, 3))
    assert stds.tolist() == pytest.approx([5, 25, 50], rel=error(256**2))
    drawn = (
        GaussianNoise(((0, 10), (20, 20), (30, 60)))(flat(0.5).expand(50, -1, -1, -1)[..., :64, :64])
        .images.sub(0.5)
        .std(dim=(2, 3))
    )
    low, high = 255 * drawn.amin(0), 255 * drawn.amax(0)
    assert (low > torch.tensor([-1, 18.0, 28])).all()
    assert (high < torch.tensor([11, 22.0, 63])).all()
    assert high[0] - low[0] > 5


@pytest.mark.parametrize('blur', [0.6, 1.0, 2.0])
def test_correlated_noise_has_the_stated_variance_everywhere_and_a_gaussian_autocorrelation(blur):
    clean = torch.full((8, 3, 192, 192), 0.5)
    noise = 255 * (MeasuredNoise(0, 30 / 255, blur=blur)(clean).images - clean)
    free = noise.numel() / (4 * math.pi * blur**2)  # independent numbers in it
    assert noise.std() == pytest.approx(30, rel=error(free))
    edge = torch.cat([noise[..., 0], noise[..., -1]], dim=-1)
    assert edge.std() == pytest.approx(30, rel=4 * error(edge.numel() / (3 * blur)))
    kernel = torch.exp(-0.5 * (torch.arange(-8, 9) / blur) ** 2)  # sampled, where the formula is of the continuous one
    for lag in (1, 2, 3):
        expected = (kernel[lag:] * kernel[:-lag]).sum() / kernel.square().sum()
        if blur >= 1:
            assert expected.item() == pytest.approx(math.exp(-(lag**2) / (4 * blur**2)), abs=1e-3)
        for one, other in ((noise[..., lag:], noise[..., :-lag]), (noise[..., lag:, :], noise[..., :-lag, :])):
            assert (one * other).mean() / 30**2 == pytest.approx(expected.item(), abs=3 * error(free))


@pytest.mark.parametrize(('gain', 'read'), [(0.01, 0.02), (0.1, 0.0), (0.001, 0.1)])
def test_poisson_gaussian_variance_rises_with_the_signal(gain, read):
    noisy = PoissonGaussianNoise(gain, read)(flat(*SIGNALS)).images
    count = 3 * 256**2
    for image, signal in zip(noisy, SIGNALS, strict=True):
        variance = gain * signal + read**2
        assert image.mean() == pytest.approx(signal, abs=4 * (variance / count) ** 0.5)
        assert image.var() == pytest.approx(variance, rel=1.5 * error(count))
        neighbours = ((image[..., 1:] - signal) * (image[..., :-1] - signal)).mean() / variance
        assert abs(neighbours) < error(count)
    counts = PoissonGaussianNoise(0.25)(flat(0.5, side=64)).images / 0.25
    assert torch.allclose(counts, counts.round(), atol=1e-4)  # photons are whole
    assert counts.unique().numel() > 5


def test_speckle_and_salt_and_pepper_are_scikit_images():
    for signal in SIGNALS:
        noise = Speckle(0.2)(flat(signal)).images - signal
        theirs = random_noise(np.full((256, 256, 3), signal), 'speckle', clip=False, var=0.04, rng=0) - signal
        assert noise.std() == pytest.approx(0.2 * signal, rel=error(noise.numel()))
        assert noise.std() == pytest.approx(theirs.std(), rel=2 * error(noise.numel()))
    noisy = SaltAndPepper(0.1, salt=0.3)(flat(0.5)).images
    theirs = random_noise(np.full((256, 256, 3), 0.5), 's&p', amount=0.1, salt_vs_pepper=0.3, rng=0)
    for value, share in ((0, 0.07), (1, 0.03), (0.5, 0.9)):
        assert (noisy == value).float().mean() == pytest.approx(share, abs=0.002)
        assert (theirs == value).mean() == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize('quality', [10, 50, 95])
def test_jpeg_is_pillows_and_lets_gradients_through(photos, quality):
    clean = (255 * photos['chelsea'][None, :, :101, :150]).round() / 255
    clean.requires_grad_()
    stored = JPEG(quality)(clean).images
    buffer = io.BytesIO()
    Image.fromarray((255 * clean.detach()[0]).round().byte().permute(1, 2, 0).numpy()).save(
        buffer, 'JPEG', quality=quality
    )
    theirs = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1) / 255
    assert torch.allclose(stored.detach()[0], theirs, rtol=0, atol=1e-6)
    (stored * 3).sum().backward()
    assert torch.equal(clean.grad, torch.full_like(clean, 3))


def test_jpeg_stores_colour_at_half_resolution():
    colours = 128 + 50 * torch.tensor([[1.0, -0.587 / 0.299], [-0.299 / 0.587, 1], [0, 0]])  # of one luma (BT.601)
    stripes = (colours / 255).repeat(1, 16)[None, :, None].expand(-1, -1, 32, -1)
    stored = 255 * JPEG(100)(stripes).images
    assert (stored - 255 * stripes.mean(3, keepdim=True)).abs().max() < 3, 'neighbours share the mean of their colours'


def test_the_srgb_curve_and_the_mosaic_are_undone():
    ramp = torch.linspace(0, 1, 512).view(1, 1, 16, 32).expand(-1, 3, -1, -1)
    assert torch.allclose(gamma(linear(ramp)), ramp, atol=1e-5)
    assert linear(torch.tensor([0.5])).item() == pytest.approx(0.2140, abs=1e-4)  # IEC 61966-2-1
    colours = torch.tensor([0.2, 0.5, 0.7]).view(1, 3, 1, 1).expand(-1, -1, 6, 8)
    raw = mosaic(colours)
    expected = torch.tensor([[0.2, 0.5], [0.5, 0.7]]).repeat(3, 4)
    assert torch.equal(raw[0, 0], expected)
    assert torch.allclose(demosaic(raw), colours, atol=1e-6)
    steps = (
        torch.arange(48.0).view(1, 1, 6, 8).expand(-1, 3, -1, -1) / 48
    )  # bilinear: exact on a plane, away from the border
    assert torch.allclose(demosaic(mosaic(steps))[..., 1:-1, 1:-1], steps[..., 1:-1, 1:-1], atol=1e-6)


def test_a_tone_curve_is_undone():
    ramp = torch.linspace(0, 1, 256)
    for tone in torch.tensor([1e-3, 0.1, 0.5, 1]):
        assert torch.allclose(toned(untoned(ramp, tone), tone), ramp, atol=1e-6)
    assert toned(torch.tensor(0.25), torch.tensor(1.0)) == 0.15625  # 3 / 16 - 2 / 64
    assert toned(torch.tensor(0.25), torch.tensor(0.0)) == 0.25


@pytest.mark.parametrize('tone', [0, 0.4, 1])
def test_camera_noise_has_the_variance_of_its_raw_data_where_a_channel_is_measured(tone):
    shot, read, signal = 2e-3, 1e-4, 0.6
    clean = flat(signal, side=512)
    noise = CameraNoise(shot, read, tone=tone)(clean, [image_generator(0, 'x')]).images - clean
    # Green is measured at the odd ones of the first row; its white balance is 1 over an exposure of about 0.8.
    generator = image_generator(0, 'x')
    red = 1.9 + (2.4 - 1.9) * torch.rand(1, generator=generator).item()  # Brooks et al., CVPR 2019
    blue = 1.5 + (1.9 - 1.5) * torch.rand(1, generator=generator).item()
    exposure = 0.8 + 0.1 * torch.randn(1, generator=generator).item()
    # Before the tone curve, by a solver for cubics; the slopes of that curve and of the sRGB curve.
    before = next(root.real for root in np.roots([-2 * tone, 3 * tone, 1 - tone, -signal]) if 0 < root.real < 1)
    light = linear(torch.tensor(before)).item()
    slope = (1 + tone * (6 * before * (1 - before) - 1)) * 1.055 / 2.4 * light ** (1 / 2.4 - 1)
    for channel, rows, columns, balance in ((0, 0, 0, red), (1, 0, 1, 1), (2, 1, 1, blue)):
        gain = balance / exposure
        expected = gain * slope * math.sqrt(shot * light / gain + read)
        measured = noise[0, channel, rows::2, columns::2].std().item()
        assert measured == pytest.approx(expected, rel=0.03), channel
    # What is filled in is the mean of two or four neighbours: quieter, and alike.
    assert noise[0, 0, 1::2, 1::2].std() == pytest.approx(noise[0, 0, ::2, ::2].std().item() / 2, rel=0.05)
    red_noise = noise[0, 0]
    assert (red_noise[:, 1:] * red_noise[:, :-1]).mean() / red_noise.var() > 0.4
    assert noise.mean().abs() < 2e-3


def test_camera_noise_is_stronger_in_the_dark_and_vanishes_without_light_and_reading(photos):
    dark, bright = (255 * CameraNoise(5e-3, 1e-4)(flat(value)).images.sub(value).std() for value in (0.2, 0.8))
    assert dark > 1.3 * bright
    clean = photos['coffee'][None, :, :51, :77]
    assert torch.allclose(CameraNoise(1e-9, 0)(clean).images, clean, atol=2e-3)
    stored = CameraNoise(quantise=True)(clean).images
    assert torch.allclose(255 * stored, (255 * stored).round(), atol=1e-4)
    assert 0 <= stored.min() <= stored.max() <= 1
    smooth, plain = (CameraNoise(5e-3, 1e-4, smooth=blur)(flat(0.5)).images.std() for blur in (1.0, 0))
    assert smooth < 0.8 * plain
    grey = CameraNoise(5e-3, 1e-4, chroma=0)(flat(0.5)).images
    assert torch.allclose(grey[:, :1].expand_as(grey), grey, atol=1e-6)  # all channels share what is left


@pytest.mark.parametrize('blur', [0.4, 1.0, 2.3])
def test_camera_noise_is_smoothed_by_a_gaussian_up_to_three_deviations(blur):
    plain, smooth = (
        CameraNoise(5e-3, 1e-4, smooth=each)(flat(0.5, side=64), [image_generator(0, 'x')]).images - 0.5
        for each in (0, blur)
    )
    options = dict(sigma=blur, radius=math.ceil(3 * blur), axes=(2, 3), mode='nearest')
    np.testing.assert_allclose(smooth, gaussian_filter(plain.numpy(), **options), atol=1e-6)


def test_smoothed_camera_noise_of_an_image_is_the_same_in_any_batch():
    degradation = CameraNoise(5e-3, 1e-4, smooth=(0.1, 4), chroma_smooth=(0.1, 4))
    clean = flat(0.3, 0.5, 0.7, 0.4, side=48)
    together = degradation(clean, [image_generator(0, name) for name in 'abcd']).images
    for number, name in enumerate('abcd'):
        alone = degradation(clean[number : number + 1], [image_generator(0, name)]).images[0]
        assert torch.allclose(together[number], alone, atol=1e-6, rtol=0)


def test_camera_noise_changes_its_colour_and_keeps_its_luma():
    variants = (dict(), dict(chroma=2), dict(chroma_smooth=2.0))
    plain, doubled, blurred = (
        CameraNoise(5e-3, 1e-4, **each)(flat(0.5), [image_generator(0, 'x')]).images - 0.5 for each in variants
    )
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    colour = [(noise[:, 0] - noise[:, 2])[0] for noise in (plain, doubled, blurred)]
    for noise in (doubled, blurred):
        assert torch.allclose((noise * luma).sum(1), (plain * luma).sum(1), atol=1e-6)
    assert torch.allclose(colour[1], 2 * colour[0], atol=1e-5)
    # Bilinear demosaicing shares noise up to two pixels off, the blur as exp(-d^2 / 16) beyond.
    shared = [(each[:, 4:] * each[:, :-4]).mean() / each.var() for each in colour]
    assert shared[0] == pytest.approx(0, abs=0.03)
    assert 0.37 < shared[2] < 0.6


def test_noise_is_made_in_full_precision_in_mixed_precision_training(build_cascade, photos):
    cascade = build_cascade(
        losses=dict(reconstruction=dict(type='ReconstructionLoss')),
        classifier=None,
        degradation=dict(type='CameraNoise'),
    )
    clean, names = photos['coffee'][None, :, :32, :32], [image_generator(0, 'x')]
    with torch.autocast('cpu', torch.bfloat16):
        _, noisy, _ = cascade.restore(clean, names)
    expected = CameraNoise()(clean, [image_generator(0, 'x')]).images
    assert torch.equal(noisy, expected)


def test_demosaicing_blurs_no_photo(photos):
    """The difference that noise makes is added, not the development's own loss."""
    clean = photos['coffee'][None, :, 100:164, 200:264]
    gains = torch.ones(1, 3, 1, 1)
    assert (rendered(demosaic(mosaic(linear(clean))) * gains) - clean).abs().max() > 0.02
    average = sum(CameraNoise(1e-3, 1e-5)(clean).images for _ in range(60)) / 60
    assert (average - clean).abs().mean() < 5e-3


@pytest.mark.parametrize('tone', [0.0, 0.7])
def test_centred_camera_noise_has_no_mean_where_the_curves_and_clipping_give_it_one(tone):
    tones = [0.005, 0.02, 0.1, 0.4, 0.95]
    clean = flat(*tones, side=512)

    def shift(centred):
        names = [image_generator(0, str(index)) for index in range(len(tones))]
        noise = CameraNoise(2e-3, 3e-5, tone=tone, centred=centred)(clean, names).images - clean
        return 255 * noise.mean((1, 2, 3))

    plain, centred = shift(False), shift(True)
    assert plain[0] > 1.5  # clipped at black
    assert plain[3] < -0.25  # darkened by the curves
    assert (centred.abs()[:2] < plain.abs()[:2] / 3).all()
    assert centred[2:].abs().max() < 0.06  # away from the kink


def test_the_mean_of_developed_noise_is_that_of_many_draws():
    light = torch.tensor([0.02, 0.01, 0.2, 0.9]).view(1, 1, 1, 4)
    deviation = torch.tensor([0.01, 0.01, 0.05, 0.1]).view(1, 1, 1, 4)
    draws = light + deviation * torch.randn(400_000, 1, 1, 4, generator=torch.Generator().manual_seed(0))
    tone = torch.tensor(0.5).view(1, 1, 1, 1)
    assert torch.allclose(expected(light, deviation, tone), rendered(draws, tone).mean(0, keepdim=True), atol=1e-3)


def test_demosaicing_hands_on_the_variance_of_independent_noise():
    variance = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(1)).expand(20_000, -1, -1, -1)
    noise = variance.sqrt() * torch.randn(variance.shape, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(demosaic(variance[:1], variance=True)[0], demosaic(noise).var(0), rtol=0.08)


def test_a_chain_is_its_steps_and_a_mixture_one_of_its_choices():
    clean = flat(*[0.5] * 400, side=8)
    steps = [dict(type='GaussianNoise', sigma=30), dict(type='SaltAndPepper', amount=0.5)]
    names = [image_generator(1, str(index)) for index in range(400)]
    chained = DegradationChain(steps)(clean, names).images
    names = [image_generator(1, str(index)) for index in range(400)]
    by_hand = clean
    for step in steps:
        by_hand = MODELS.build(dict(step))(by_hand, names).images
    assert torch.equal(chained, by_hand)
    assert DegradationChain(steps)(clean).sigma is None
    assert torch.equal(DegradationChain(steps[:1])(clean).sigma, torch.full((400,), 30 / 255))
    mixture = RandomDegradation([dict(type='GaussianNoise', sigma=0), dict(type='GaussianNoise', sigma=50)], [1, 3])
    noisy, sigma = mixture(clean)
    changed = (noisy != clean).flatten(1).any(1)
    assert torch.equal(changed, sigma > 0)
    assert changed.float().mean() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 400) ** 0.5)
    assert (
        RandomDegradation([dict(type='GaussianNoise', sigma=10), dict(type='Speckle', sigma=0.1)])(clean).sigma is None
    )


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='GaussianNoise', sigma=(1, 2, 3, 4)), r'sigma.*\(1, 2, 3, 4\)'),
        (dict(type='GaussianNoise', sigma=(1, -2, 3)), 'sigma.*-2'),
        (dict(type='MeasuredNoise', gain=(0.01, 0.05), read=0), r'gain.*\(0\.01, 0\.05\)'),
        (dict(type='MeasuredNoise', gain=0.01, read=[0, 0.1]), r'read.*\[0, 0\.1\]'),
        (dict(type='MeasuredNoise', gain=0.01, read=0, blur=4), 'blur.*4'),
        (dict(type='PoissonGaussianNoise', gain=0), 'gain.*0'),
        (dict(type='PoissonGaussianNoise', gain=0.1, read=(0.2, 0.1)), 'read'),
        (dict(type='Speckle', sigma=-0.1), r'sigma.*-0\.1'),
        (dict(type='SaltAndPepper', amount=1.5), r'amount.*1\.5'),
        (dict(type='SaltAndPepper', amount=0.1, salt=2), 'salt.*2'),
        (dict(type='JPEG', quality=0), 'quality.*0'),
        (dict(type='CameraNoise', shot=0), 'shot.*0'),
        (dict(type='CameraNoise', smooth=-1), 'smooth.*-1'),
        (dict(type='CameraNoise', tone=(0, 2)), 'tone'),
        (dict(type='CameraNoise', chroma=9), 'chroma.*9'),
        (dict(type='DegradationChain', steps=[]), 'steps'),
        (dict(type='RandomDegradation', choices=[dict(type='JPEG', quality=5)], weights=[0]), 'weights'),
    ],
)
def test_impossible_parameters_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)
