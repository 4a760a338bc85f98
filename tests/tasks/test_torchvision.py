"""Every classifier of torchvision gives torchvision's own logits, on weights for torchvision's own builder."""

import re

import pytest
import torch
from torch import nn
from torchvision import models

from semrestore.errors import UserError
from semrestore.registry import MODELS

FAST = 10e6
"""Parameters up to which a network is tested in the fast suite."""


def preset(name):
    return models.get_model_weights(name).DEFAULT.transforms()


def published(name, monkeypatch, **options):
    """Build a network as torchvision builds it for its published weights, and draw weights for it."""
    torch.manual_seed(0)
    with monkeypatch.context() as patched:
        patched.setattr(models.WeightsEnum, 'get_state_dict', lambda *_, **__: {})
        patched.setattr(nn.Module, 'load_state_dict', lambda *_, **__: None)
        network = models.get_model(name, weights='DEFAULT', **options).eval()
    for value in network.state_dict().values():
        if value.is_floating_point() and value.numel() > 1 and (value == value.flatten()[0]).all():
            value.add_(0.1 * torch.rand_like(value))  # biases, statistics and heads that start as zeros or ones
    return network


def ours(name, path, **options):
    mean, std = ([255 * value for value in values] for values in (preset(name).mean, preset(name).std))
    model = dict(type='semrestore.TorchvisionClassifier', model_name=name, **options)
    model['data_preprocessor'] = dict(mean=mean, std=std, to_rgb=True)
    return MODELS.build(dict(type='OpenMMLabTask', model=model, checkpoint=str(path))).eval()


def as_published(state):
    """Return weights under the names of torchvision's files, older than its code; they lack counts of batches."""
    renamed = {}
    for key, value in state.items():
        key = re.sub(r'(denselayer\d+\.(?:norm|conv))([12]\.)', r'\1.\2', key)
        key = re.sub(
            r'(encoder_layer_\d+\.mlp)\.([03])\.', lambda match: f'{match[1]}.linear_{1 + int(match[2]) // 3}.', key
        )
        if not key.endswith('num_batches_tracked'):
            renamed[key] = value
    return renamed


def check(name, path, network, state, **options):
    torch.save(state, path)
    side = getattr(network, 'image_size', preset(name).crop_size[0])
    images = torch.rand(2, 3, side, side)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preset(name).mean, preset(name).std))
    with torch.no_grad():
        expected = network((images - mean) / std)
        expected = getattr(expected, 'logits', expected)
        del network
        found = ours(name, path, **options).run(images)
    assert expected.std() > 1e-4
    assert (found - expected).abs().max() < 1e-3 * expected.std()


def classifiers():
    for name in models.list_models(module=models):
        large = models.get_model_weights(name).DEFAULT.meta['num_params'] > FAST
        yield pytest.param(name, marks=[pytest.mark.slow] if large else [])


@pytest.mark.parametrize('name', classifiers())
def test_logits_are_torchvisions_own(name, tmp_path, monkeypatch):
    network = published(name, monkeypatch)
    check(name, tmp_path / 'net.pth', network, as_published(network.state_dict()))


def test_heads_for_training_are_left_out(tmp_path, monkeypatch):
    network = published('googlenet', monkeypatch, aux_logits=True)
    check('googlenet', tmp_path / 'net.pth', network, network.state_dict())


@pytest.mark.slow
def test_heads_for_training_may_be_missing(tmp_path, monkeypatch):
    network = published('inception_v3', monkeypatch)
    state = {key: value for key, value in network.state_dict().items() if not key.startswith('AuxLogits')}
    check('inception_v3', tmp_path / 'net.pth', network, state)


@pytest.mark.parametrize('name', ['googlenet', pytest.param('inception_v3', marks=pytest.mark.slow)])
def test_networks_of_ones_own_training_see_no_second_normalisation(name, tmp_path):
    torch.manual_seed(0)
    network = models.get_model(name, weights=None, init_weights=False).eval()
    check(name, tmp_path / 'net.pth', network, network.state_dict(), transform_input=False)


@pytest.mark.parametrize('beginning', ['', pytest.param('model.', marks=pytest.mark.slow)])
def test_a_transformer_takes_images_of_the_size_of_its_weights(beginning, tmp_path):
    torch.manual_seed(0)
    network = models.vit_b_32(weights=None, image_size=64).eval()
    nn.init.normal_(network.heads.head.weight)
    state = {beginning + key: value for key, value in network.state_dict().items()}
    check('vit_b_32', tmp_path / 'net.pth', network, state)


@pytest.mark.slow
def test_another_size_than_the_config_asks_for_is_refused(tmp_path):
    torch.save(models.vit_b_32(weights=None, image_size=64).state_dict(), tmp_path / 'net.pth')
    with pytest.raises(UserError, match='pos_embedding'):
        ours('vit_b_32', tmp_path / 'net.pth', image_size=96)
