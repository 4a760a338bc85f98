"""A VGG-16 with batch normalisation that starts from one without computes the same up to a scale."""

import pytest
import torch
import torchvision
from mmpretrain.models.backbones import VGG

from projects.paper.start_vgg16 import start
from semrestore.errors import UserError


@pytest.fixture
def images(photos):
    return torch.stack([photos['astronaut'][:, y : y + 64, :64] for y in (0, 100, 200, 300)]) * 255 - 110


@pytest.fixture(scope='module')
def reference():
    torch.manual_seed(0)
    return torchvision.models.vgg16(weights=None).features.eval()


def network(**options):
    return VGG(depth=16, norm_cfg=dict(type='BN'), out_indices=(2,), **options).features.eval()


# Up to relu3_3: seven convolutions, which torchvision counts 0 to 14.
def weights_of(reference):
    return {f'features.{key}': value for key, value in reference.state_dict().items() if int(key.split('.')[0]) <= 14}


@torch.no_grad()
def test_the_features_are_those_of_the_network_without_batch_normalisation(images, reference):
    features = network()
    assert start(features, weights_of(reference), images) == 7
    others = images.flip(0, 3) * 0.7 + 5  # not what the layers were measured on
    expected, found = reference[:16](others), features[:9](others)
    assert found.shape == expected.shape == (4, 256, 16, 16)
    scale = (expected * found).sum() / found.square().sum()
    assert torch.allclose(found * scale, expected, atol=1e-4 * expected.abs().max())
    # On the photos it was measured on, each layer has a root mean square of 1 ...
    for end in (1, 2, 4, 5, 7, 8, 9):
        assert features[:end](images).square().mean().sqrt().item() == pytest.approx(1, abs=1e-3)
    # ... and training, which normalises by the batch, starts with the same features.
    before = features[:9](images)
    assert torch.allclose(features.train()[:9](images), before, atol=2e-3 * before.abs().max())


def test_layers_behind_the_weights_stay_at_random(images, reference):
    features = network()
    before = {key: value.clone() for key, value in features[9:].state_dict().items()}
    start(features, weights_of(reference), images)
    assert all(torch.equal(value, before[key]) for key, value in features[9:].state_dict().items())
    assert all(parameter.requires_grad for parameter in features.parameters())


def test_weights_of_another_network_are_refused(images, reference):
    with pytest.raises(UserError, match=r"'features\.0\.weight'"):
        start(network(), {'conv1.weight': torch.zeros(64, 3, 3, 3)}, images, 'other.pth')
    wrong = weights_of(reference) | {'features.5.weight': torch.zeros(64, 64, 3, 3)}
    with pytest.raises(
        UserError,
        match=r"'features\.5\.weight'.*other\.pth.*\(64, 64, 3, 3\).*\(128, 64, 3, 3\)",
    ):
        start(network(), wrong, images, 'other.pth')
