"""Colours change by the maps that torchvision and Pillow have, drawn from each image's own seed."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as reference

from semrestore.datasets import DeviceResidentPatches, EmbeddedPhotos, RandomColour

SEEDS = list(range(60))
LOAD = [dict(type='semrestore.LoadPhoto')]


@pytest.fixture(scope='module')
def image():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 24, 32), dtype=np.uint8))


def changed(image, seeds=(0,), **settings):
    return RandomColour(**settings).apply(image.expand(len(seeds), -1, -1, -1), seeds)


def test_nothing_changes_by_default(image):
    assert torch.equal(changed(image)[0], image)


@pytest.mark.parametrize('factor', [0.5, 2.0, 3.0])
def test_saturation_is_torchvisions(image, factor):
    expected = reference.adjust_saturation(image.float() / 255, factor)
    actual = changed(image, saturate=1.0, saturation=factor)[0]
    # torchvision's weight of red is 0.2989.
    assert (actual - 255 * expected).abs().max() < 0.6


def luma(image):
    return np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert('L'), dtype=int)


def test_the_factor_of_saturation_is_drawn_evenly_from_its_range():
    draw = RandomColour(saturate=1.0, saturation=(1.0, 3.0)).draw
    # Grey stays, and the two other directions grow by the factor: the trace is 1 + 2 x factor.
    factors = np.array([(np.trace(draw(seed)[0]) - 1) / 2 for seed in range(400)])
    assert 1 <= factors.min() < 1.05
    assert 2.95 < factors.max() <= 3
    assert factors.mean() == pytest.approx(2, abs=4 * (2**2 / 12 / 400) ** 0.5)


def test_grey_is_pillows_luma_in_all_channels(image):
    expected = luma(image)
    actual = changed(image, grey=1.0)[0].numpy().astype(int)
    assert np.abs(actual - expected).max() <= 1
    assert (actual == actual[:1]).all()


def test_inverted_is_255_less_the_image(image):
    assert torch.equal(changed(image, invert=1.0)[0], reference.invert(image))


def test_channels_come_in_each_of_the_six_orders(image):
    found = {one.numpy().tobytes() for one in changed(image, SEEDS, permute=1.0)}
    assert found == {image[list(order)].numpy().tobytes() for order in itertools.permutations(range(3))}


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [
        (dict(invert=1.0), reference.invert),
        (
            dict(saturate=1.0, saturation=2.0),
            lambda image: 255 * reference.adjust_saturation(image.float() / 255, 2.0),
        ),
        (dict(grey=1.0), lambda image: torch.from_numpy(luma(image))),
    ],
)
def test_other_changes_follow_that_of_the_channels(image, settings, expected):
    found = changed(image, SEEDS, permute=1.0, **settings).float()
    orders = [image[list(order)] for order in itertools.permutations(range(3))]
    differences = torch.stack([(found - expected(order)).abs().amax((1, 2, 3)) for order in orders])
    assert differences.amin(0).max() <= 1
    assert set(differences.argmin(0).tolist()) == set(range(6))


def test_a_turn_follows_the_change_of_the_channels():
    # A turn keeps the handedness of the three channels, and half of their orders do not.
    maps = [RandomColour(permute=1.0, hue=1.0).draw(seed)[0] for seed in SEEDS]
    hands = [np.linalg.det(one) for one in maps]
    np.testing.assert_allclose(np.abs(hands), 1)
    assert min(hands) < 0 < max(hands)


def test_a_turned_hue_keeps_the_mean_of_the_channels_and_their_distance_from_grey():
    image = torch.from_numpy(np.random.default_rng(0).integers(100, 156, (3, 24, 32), dtype=np.uint8))
    turned = changed(image, SEEDS, hue=1.0).double()
    assert len({one.numpy().tobytes() for one in turned}) == len(SEEDS)
    mean, own = turned.mean(1), image.double().mean(0)
    assert (mean - own).abs().max() <= 0.5
    distance, before = (turned - mean[:, None]).norm(dim=1), (image - own).norm(dim=0)
    assert (distance - before).abs().max() < 1


def test_chances_are_what_is_asked_for(image):
    seeds = range(2000)
    inverted = (changed(image[:, :1, :1], seeds, invert=0.2) != image[:, :1, :1]).flatten(1).any(1).float().mean()
    assert inverted == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / 2000) ** 0.5)
    maps = map(RandomColour(invert=0.5, grey=0.5).draw, seeds)
    both = np.mean([np.linalg.matrix_rank(matrix) == 1 and offset.any() for matrix, offset in maps])
    assert both == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 2000) ** 0.5)


def test_patches_cut_on_the_device_have_their_colours_from_their_place():
    photos = EmbeddedPhotos(split='val', pipeline=LOAD)
    settings = dict(permute=0.5, invert=0.5, saturate=0.5, grey=0.2)
    plain = DeviceResidentPatches(photos, 32)
    coloured = DeviceResidentPatches(photos, 32, colour=dict(type='semrestore.RandomColour', **settings))

    def batch(patches):
        return torch.stack([item['inputs'] for item in patches.__getitems__([0, 1, 2])])

    assert torch.equal(batch(coloured), batch(coloured))
    assert torch.equal(coloured[2]['inputs'], batch(coloured)[2])
    assert not torch.equal(batch(coloured), batch(plain))


def test_the_transform_changes_an_array(image):
    array = image.permute(1, 2, 0).numpy()
    for view in (array, array[:, ::-1]):
        result = RandomColour(invert=1.0).transform(dict(img=view))['img']
        np.testing.assert_array_equal(result, 255 - view)


def test_the_transform_draws_colours_for_each_image(image):
    def drawn():
        np.random.seed(0)
        array = image.permute(1, 2, 0).numpy()
        return [RandomColour(hue=1.0).transform(dict(img=array))['img'].tobytes() for _ in range(5)]

    first = drawn()
    assert len(set(first)) == 5
    assert drawn() == first


@pytest.mark.parametrize('settings', [dict(permute=1.5), dict(grey=-0.1), dict(saturation=(3, 1))])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        RandomColour(**settings)
