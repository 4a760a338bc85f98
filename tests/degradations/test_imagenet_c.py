"""ImageNet-C's corruptions: the package's bytes, the same for every run, and refusals."""

from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch

from semrestore import corruptions
from semrestore.degradations import ImageNetC, image_generator
from semrestore.errors import UserError
from semrestore.testing import check_degradation

imagecorruptions = pytest.importorskip(
    'imagecorruptions', reason="the extra `corruptions` is not installed: pip install 'semrestore[corruptions]'"
)
EVERY = imagecorruptions.get_corruption_names('all')
DETERMINISTIC = {
    'defocus_blur',
    'zoom_blur',
    'brightness',
    'contrast',
    'pixelate',
    'jpeg_compression',
    'gaussian_blur',
    'saturate',
}


@pytest.fixture
def photo(photos):
    return (photos['chelsea'][None, :, 60:108, 100:164] * 255).round() / 255


def test_the_names_are_the_packages():
    assert list(corruptions.ALEXNET_ERRORS) == imagecorruptions.get_corruption_names('common')
    assert list(corruptions.EXTRA) == imagecorruptions.get_corruption_names('validation')


@pytest.mark.parametrize('severity', [1, 5])
@pytest.mark.parametrize('name', ['glass_blur', 'impulse_noise'])  # they draw from generators of their own
def test_the_least_and_the_most_severe_give_the_same_bytes_again(name, severity, photo):
    first, second = (ImageNetC(name, severity)(photo, [image_generator(0, 'cat')]).images for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize('name', EVERY)
def test_every_corruption_gives_the_same_bytes_again_and_leaves_numpys_generator_alone(name, photo):
    degradation = ImageNetC(name, 3)
    np.random.seed(5)
    expected = np.random.random(2)
    np.random.seed(5)
    first = degradation(photo, [image_generator(0, 'cat')]).images
    assert np.random.random(2).tolist() == expected.tolist()
    assert torch.equal(degradation(photo, [image_generator(0, 'cat')]).images, first)
    other = degradation(photo, [image_generator(0, 'dog')]).images
    assert torch.equal(other, first) == (name in DETERMINISTIC)
    levels = first * 255
    assert torch.equal(levels, levels.round())
    assert 0 <= levels.min() < levels.max() <= 255
    assert not torch.equal(first, photo)


@pytest.mark.parametrize('name', ['contrast', 'jpeg_compression', 'zoom_blur'])
def test_what_draws_nothing_is_the_packages_own_result(name, photo):
    image = (photo[0] * 255).byte().permute(1, 2, 0).numpy()
    theirs = imagecorruptions.corrupt(image, severity=2, corruption_name=name)
    ours = (ImageNetC(name, 2)(photo).images[0] * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(ours, theirs)


def test_gaussian_noise_has_the_articles_levels(photo):
    grey = torch.full((1, 3, 96, 96), 128 / 255)
    for severity, sigma in ((1, 0.08), (2, 0.12)):  # of the authors' code
        noisy = ImageNetC('gaussian_noise', severity)(grey, [image_generator(0, 'a')]).images
        assert noisy.std().item() == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize('name', ['gaussian_noise', 'glass_blur', 'impulse_noise'])
def test_the_contract_is_kept(name):
    check_degradation(ImageNetC(name, 1), size=(40, 33))


@pytest.mark.parametrize('severity', [0, 6, 2.5, None])
def test_an_unknown_severity_is_named(severity):
    with pytest.raises(ValueError, match=rf'severity.*\b{severity}\b'):
        ImageNetC('fog', severity)


def test_an_unknown_corruption_gets_near_names():
    with pytest.raises(UserError, match=r"'gausian_noise'.*\bgaussian_noise\b"):
        ImageNetC('gausian_noise', 1)


def test_an_image_that_is_too_small_is_named(photo):
    with pytest.raises(ValueError, match='31 x 64'):
        ImageNetC('fog', 1)(photo[:, :, :31])


def test_a_missing_extra_is_named(monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(corruptions, 'version', version)
    with pytest.raises(UserError, match=r'imagecorruptions-imaug.*semrestore\[corruptions\]'):
        ImageNetC('fog', 1)
