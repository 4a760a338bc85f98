"""Weights as people save them: in containers, under other beginnings, with averages; and what is none of them."""

import pytest
import timm
import torch
from torch import nn

from semrestore.errors import UserError
from semrestore.weights.build import load_denoiser
from semrestore.weights.read import read_checkpoint
from semrestore.weights.task_networks import load_network


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return timm.create_model('resnet18')


def begun(state, beginning):
    return {beginning + key: value for key, value in state.items()}


def other(state):
    return {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}


WAYS = {
    'bare': lambda state: state,
    'MMEngine': lambda state: dict(meta={}, state_dict=state, ema_state_dict=other(state)),
    "torchvision's reference": lambda state: dict(model=state, optimizer={}, epoch=3),
    "torchvision's average": lambda state: dict(model=other(state), model_ema=begun(state, 'module.')),
    "timm's average": lambda state: dict(state_dict=other(state), state_dict_ema=state),
    'BasicSR': lambda state: dict(params=state),
    "BasicSR's average": lambda state: dict(params=other(state), params_ema=state),
    'net': lambda state: dict(net=state, acc=91.5),
    'model_state_dict': lambda state: dict(model_state_dict=state, loss=0.1),
    'DataParallel': lambda state: begun(state, 'module.'),
    'compiled': lambda state: begun(state, '_orig_mod.'),
    'both': lambda state: dict(model=begun(state, 'module._orig_mod.')),
    'Lightning': lambda state: {'state_dict': begun(state, 'model.'), 'pytorch-lightning_version': '2.4'},
    'Lightning, net': lambda state: {'state_dict': begun(state, 'net.'), 'hyper_parameters': dict(lr=1.0)},
    'backbone': lambda state: dict(state_dict=begun(state, 'backbone.')),
}


@pytest.mark.parametrize('way', WAYS)
def test_a_resnet_18_is_read_however_it_was_saved(network, tmp_path, way):
    torch.save(WAYS[way](network.state_dict()), tmp_path / 'net.pth')
    loaded = timm.create_model('resnet18')
    load_network(loaded, str(tmp_path / 'net.pth'))
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


@pytest.mark.parametrize('beginning', ['', 'denoiser.', 'module.denoiser.', '_orig_mod.', 'net_g.'])
def test_a_denoiser_is_read_under_any_beginning(tmp_path, beginning):
    denoiser = load_denoiser('multiscale-blind')
    torch.save(dict(params=begun(denoiser.state_dict(), beginning)), tmp_path / 'net.pth')
    images = torch.rand(1, 3, 24, 24)
    assert torch.equal(load_denoiser(tmp_path / 'net.pth')(images), denoiser(images))


def test_which_of_several_is_taken_is_said(network, tmp_path, capsys):
    torch.save(dict(params=network.state_dict(), params_ema=network.state_dict()), tmp_path / 'net.pth')
    load_network(timm.create_model('resnet18'), str(tmp_path / 'net.pth'))
    assert 'params_ema' in capsys.readouterr().err


def test_a_file_without_weights_says_what_it_holds(tmp_path):
    torch.save(dict(encoder=dict(first=torch.zeros(1)), epoch=3), tmp_path / 'odd.pth')
    with pytest.raises(UserError, match=r"odd\.pth.*'encoder', 'epoch'"):
        load_network(timm.create_model('resnet18'), str(tmp_path / 'odd.pth'))


def test_torchscript_is_called_so(tmp_path):
    torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / 'net.pt'))
    with pytest.raises(UserError, match='TorchScript'):
        read_checkpoint(tmp_path / 'net.pt')


def test_a_file_with_code_is_refused_without_advice_to_run_it(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / 'whole.pth')
    with pytest.raises(UserError, match=r'torch\.nn\.modules\.linear\.Linear') as info:
        read_checkpoint(tmp_path / 'whole.pth')
    assert 'weights_only' not in str(info.value)
