"""What is no noise: blur, low resolution, low light, haze, low contrast, against formulas and other libraries."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from semrestore.config.libraries import read_config
from semrestore.degradations import (
    DefocusBlur,
    GaussianBlur,
    Haze,
    LowContrast,
    LowLight,
    LowResolution,
    MotionBlur,
    image_generator,
)
from semrestore.registry import MODELS
from semrestore.testing import check_degradation


@pytest.fixture
def photo(photos):
    return photos['chelsea'][None, :, :96, :120]


def point(side=41):
    image = torch.zeros(1, 3, side, side, dtype=torch.float64)
    image[..., side // 2, side // 2] = 1
    return image


def second_moments(kernel):
    """Return the covariance of a kernel's rows and columns in square pixels."""
    side = len(kernel)
    rows, columns = np.mgrid[:side, :side] - side // 2
    return [(kernel * one * other).sum() for one, other in ((rows, rows), (columns, columns), (rows, columns))]


@pytest.mark.parametrize(
    'degradation',
    [
        DefocusBlur((0, 4)),
        GaussianBlur((0, 3)),
        MotionBlur((0, 12)),
        LowResolution((1, 4)),
        LowLight((0.05, 0.6)),
        Haze((0.2, 1.6)),
        LowContrast((0.2, 0.9)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_corruption_keeps_the_contract(degradation):
    check_degradation(degradation, random=True)


@pytest.mark.parametrize('sigma', [0.5, 1.0, 2.7])
def test_gaussian_blur_is_scipys(photo, sigma):
    theirs = ndimage.gaussian_filter(photo[0].double().numpy(), (0, sigma, sigma), mode='mirror', truncate=4.0)
    torch.testing.assert_close(
        GaussianBlur(sigma)(photo.double()).images[0], torch.from_numpy(theirs), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize('radius', [1.5, 3.0, 6.2])
def test_defocus_is_a_flat_disc(radius):
    kernel = DefocusBlur(radius)(point()).images[0, 0].numpy()
    assert kernel.sum() == pytest.approx(1)
    # A disc: variance of each coordinate radius^2 / 4, height 1 / area.
    rows, columns, mixed = second_moments(kernel)
    assert [rows, columns] == pytest.approx([radius**2 / 4] * 2, rel=0.08)
    assert mixed == pytest.approx(0, abs=1e-9)
    assert kernel.max() == pytest.approx(1 / (np.pi * radius**2), rel=0.08)


@pytest.mark.parametrize('angle', [0, 30, 90, 135])
def test_motion_is_a_line(angle):
    length = 15.0
    kernel = MotionBlur(length, angle)(point()).images[0, 0].numpy()
    assert kernel.sum() == pytest.approx(1)
    # A line: variance length^2 / 12 along it; bilinear sharing adds at most a quarter of a pixel's square to each axis.
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    expected = [length**2 / 12 * part for part in (sine**2, cosine**2, -sine * cosine)]
    assert second_moments(kernel) == pytest.approx(expected, abs=0.26)


def test_low_resolution_is_pillows_reduction_and_enlargement(photo):
    image = (255 * photo[0]).round().byte().permute(1, 2, 0).numpy()
    small = Image.fromarray(image).resize((40, 32), Image.Resampling.BICUBIC)
    theirs = np.asarray(small.resize((120, 96), Image.Resampling.BICUBIC))
    ours = 255 * LowResolution(3)(photo).images[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert np.abs(ours - theirs).max() < 4  # Pillow rounds and clips in between
    assert np.abs(ours - theirs).mean() < 0.5


def test_low_light_is_a_share_of_the_light_with_more_noise():
    clean = torch.full((1, 3, 128, 128), 0.5)
    light = ((0.5 + 0.055) / 1.055) ** 2.4  # IEC 61966-2-1
    dark = LowLight(0.1, gain=1e-4, read=0)(clean).images
    back = ((dark + 0.055) / 1.055) ** 2.4
    assert back.mean() == pytest.approx(0.1 * light, rel=0.01)
    assert back.var() == pytest.approx(1e-4 * 0.1 * light, rel=0.05)
    assert dark.min() >= 0


def test_haze_follows_koschmieders_law():
    black, white = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    seed = image_generator(0, 'hazy'), image_generator(0, 'hazy')
    on_black, on_white = (Haze(1.2, 0.8)(clean, [one]).images for clean, one in zip((black, white), seed, strict=True))
    transmission = on_white - on_black
    torch.testing.assert_close(on_black, 0.8 * (1 - transmission))
    assert transmission.max().item() == pytest.approx(1)
    assert transmission.min().item() == pytest.approx(np.exp(-1.2))
    assert transmission.diff(dim=-1).abs().max() < 0.1  # smooth


def test_low_contrast_keeps_the_mean(photo):
    flat = LowContrast(0.3)(photo).images
    torch.testing.assert_close(flat.mean((2, 3)), photo.mean((2, 3)))
    torch.testing.assert_close(flat.std((2, 3)), 0.3 * photo.std((2, 3)))


def test_images_smaller_than_a_blur_are_blurred():
    for degradation in (DefocusBlur(6), GaussianBlur(5), MotionBlur(20)):
        blurred = degradation(torch.full((1, 3, 4, 1), 0.3)).images
        torch.testing.assert_close(blurred, torch.full((1, 3, 4, 1), 0.3))


@pytest.mark.parametrize(
    ('build', 'names'),
    [
        (lambda: DefocusBlur(-1), 'radius'),
        (lambda: MotionBlur(5, 200), 'angle'),
        (lambda: LowResolution(0.5), 'factor'),
        (lambda: LowLight(0), 'exposure'),
        (lambda: Haze(1, 1.5), 'airlight'),
        (lambda: LowContrast(2), 'factor'),
    ],
)
def test_impossible_strengths_are_refused(build, names):
    with pytest.raises(ValueError, match=names):
        build()


def test_the_universal_mixture_leaves_some_images_as_they_are(photo):
    cfg = read_config('configs/_base_/degradations/universal.py').degradation.to_dict()
    degradation = MODELS.build(cfg)
    clean = photo.repeat(24, 1, 1, 1)
    images = degradation(clean, [image_generator(0, str(number)) for number in range(24)]).images
    assert images.isfinite().all()
    alike = [image.equal(photo[0]) for image in images]
    assert 0 < sum(alike) < 8
