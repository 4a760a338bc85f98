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


def test_grey_is_pillows_luma_in_all_channels(image):
    expected = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert('L'), dtype=int)
    actual = changed(image, grey=1.0)[0].numpy().astype(int)
    assert np.abs(actual - expected).max() <= 1
    assert (actual == actual[:1]).all()


def test_inverted_is_255_less_the_image(image):
    assert torch.equal(changed(image, invert=1.0)[0], reference.invert(image))


def test_channels_come_in_each_of_the_six_orders(image):
    found = {one.numpy().tobytes() for one in changed(image, SEEDS, permute=1.0)}
    assert found == {image[list(order)].numpy().tobytes() for order in itertools.permutations(range(3))}


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


@pytest.mark.parametrize('settings', [dict(permute=1.5), dict(grey=-0.1), dict(saturation=(3, 1))])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        RandomColour(**settings)
