"""PSNR and SSIM against scikit-image on real photos."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from semrestore.errors import UserError
from semrestore.evaluation import ImageQuality, psnr, ssim, to_8_bit


@pytest.mark.parametrize('name', ['chelsea', 'coffee', 'flower', 'astronaut'])
@pytest.mark.parametrize('sigma', [5, 40])
def test_measures_are_scikit_images(photos, name, sigma):
    clean = photos[name]
    noisy = clean + sigma / 255 * torch.randn(clean.shape)
    image, reference = to_8_bit(noisy), to_8_bit(clean)
    as_uint8 = [
        np.clip(np.round(x.permute(1, 2, 0).double().numpy() * 255), 0, 255).astype(np.uint8) for x in (noisy, clean)
    ]
    assert psnr(image, reference) == pytest.approx(peak_signal_noise_ratio(as_uint8[1], as_uint8[0]), abs=1e-9)
    settings = dict(channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    assert ssim(image, reference) == pytest.approx(structural_similarity(*as_uint8, **settings), abs=1e-9)


def test_equal_images_are_perfect(photos):
    image = to_8_bit(photos['coffee'])
    assert psnr(image, image) == math.inf
    assert ssim(image, image) == pytest.approx(1)


def test_ssim_of_an_image_smaller_than_its_window_is_not_a_number():
    image = torch.zeros(3, 10, 40, dtype=torch.double)
    assert math.isnan(ssim(image, image))


def test_means_are_over_each_data_set_and_rows_over_images():
    metric = ImageQuality(measures=['PSNR'])
    clean = torch.zeros(3, 4, 4)
    # One, two and four grey levels off: PSNR 48.13 less 0, 6.02 and 12.04 dB.
    for dataset, name, off in (('kodak24', 'a', 1), ('kodak24', 'b', 2), ('cbsd68', 'c', 4)):
        metric.process({}, [dict(clean=clean, restored=clean + off / 255, name=name, dataset_name=dataset)])
    measured = metric.evaluate(3)
    assert measured == {'kodak24/PSNR': pytest.approx(45.12, abs=0.01), 'cbsd68/PSNR': pytest.approx(36.09, abs=0.01)}
    assert [(row['dataset'], row['image']) for row in metric.rows] == [
        ('kodak24', 'a'),
        ('kodak24', 'b'),
        ('cbsd68', 'c'),
    ]


def test_an_unknown_measure_is_refused():
    with pytest.raises(ValueError, match='LPIPS'):
        ImageQuality(measures=['LPIPS'])


def test_with_crop_size_only_the_middle_is_measured():
    metric = ImageQuality(measures=['PSNR'], crop_size=4)
    clean = torch.zeros(3, 8, 10)
    restored = clean + 1 / 255
    restored[:, :2] = restored[:, :, :3] = 1  # the border, which does not count
    metric.process({}, [dict(clean=clean, restored=restored, name='a')])
    assert metric.evaluate(1) == {'PSNR': pytest.approx(48.13, abs=0.01)}
    with pytest.raises(UserError, match=r'8 x 3.*crop_size'):
        metric.process({}, [dict(clean=clean[..., :3], restored=clean[..., :3], name='b')])
    with pytest.raises(ValueError, match=r'crop_size.*\b0\b'):
        ImageQuality(crop_size=0)


def test_luma_and_borders_are_measured_as_basicsr_does():
    """Its rule: crop the border, luma of 16..235 by 65.481 R + 128.553 G + 24.966 B + 16 on 0..1, not rounded."""
    rng = np.random.default_rng(0)
    clean, restored = (rng.integers(0, 256, (3, 20, 24)) / 255 for _ in range(2))
    metric = ImageQuality(measures=['PSNR'], channel='y', border=4)
    images = {name: torch.from_numpy(image) for name, image in (('clean', clean), ('restored', restored))}
    metric.process({}, [dict(**images, name='a')])
    lumas = [np.tensordot([65.481, 128.553, 24.966], image[:, 4:-4, 4:-4], 1) + 16 for image in (clean, restored)]
    expected = 10 * np.log10(255**2 / np.mean((lumas[0] - lumas[1]) ** 2))
    assert metric.evaluate(1)['PSNR'] == pytest.approx(expected, abs=1e-3)
    for wrong in (dict(border=-1), dict(channel='luma')):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ImageQuality(**wrong)


def test_an_image_without_anything_within_the_border_is_named():
    image = torch.rand(3, 8, 20)
    with pytest.raises(UserError, match='border'):
        ImageQuality(border=4).process({}, [dict(clean=image, restored=image)])


def test_one_evaluator_may_be_a_dict_with_measures():
    """MMEngine takes a dict with a key ``metrics`` for a whole evaluator, so the argument has another name."""
    from mmengine.evaluator import Evaluator

    evaluator = Evaluator(dict(type='semrestore.ImageQuality', measures=['PSNR']))
    assert evaluator.metrics[0].measures == ('PSNR',)
