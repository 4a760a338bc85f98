"""Weights as people save them: in containers, under other beginnings, with averages; and what is none of them."""

from pathlib import Path

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
    return timm.create_model('test_resnet')


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
    'Lightning, with a loss': lambda state: dict(state_dict=begun(state, 'net.') | {'loss.weight': torch.ones(1000)}),
    "PyTorch's average": lambda state: begun(state, 'module.') | {'n_averaged': torch.tensor(5)},
    'DINO': lambda state: dict(student=other(begun(state, 'module.backbone.')), teacher=begun(state, 'backbone.')),
    'an adversary beside it': lambda state: begun(state, 'generator.') | {'discriminator.conv1.weight': torch.ones(3)},
    'FSDP': lambda state: begun(state, '_fsdp_wrapped_module.'),
    'DeepSpeed': lambda state: dict(module=state, ds_version='0.1'),
    'fastai': lambda state: dict(model=begun(state, '0.'), opt={}),
    'a name of their own': lambda state: dict(resnet_weights=state, epoch=3),
    'before PyTorch 0.4.1': lambda state: {k: v for k, v in state.items() if not k.endswith('num_batches_tracked')},
}


@pytest.mark.parametrize('way', WAYS)
def test_a_resnet_is_read_however_it_was_saved(network, tmp_path, way):
    torch.save(WAYS[way](network.state_dict()), tmp_path / 'net.pth')
    loaded = timm.create_model('test_resnet')
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
    load_network(timm.create_model('test_resnet'), str(tmp_path / 'net.pth'))
    assert 'params_ema' in capsys.readouterr().err


def test_a_file_without_weights_says_what_it_holds(tmp_path):
    torch.save(dict(encoder=dict(first=dict(weight=torch.zeros(1))), epoch=3), tmp_path / 'odd.pth')
    with pytest.raises(UserError, match=r"odd\.pth.*'encoder', 'epoch'"):
        load_network(timm.create_model('test_resnet'), str(tmp_path / 'odd.pth'))


def test_weights_under_other_names_are_refused_with_the_option_that_renames_them(network, tmp_path):
    torch.save(begun(network.state_dict(), 'vision.') | begun(network.state_dict(), 'text.'), tmp_path / 'two.pth')
    with pytest.raises(UserError, match=r"two\.pth.*'vision\.conv1\.0\.weight'.*'conv1\.0\.weight'.*revise_keys"):
        load_network(timm.create_model('test_resnet'), str(tmp_path / 'two.pth'))
    torch.save(network.state_dict(), tmp_path / 'classifier.pth')
    with pytest.raises(UserError, match=r"classifier\.pth.*'conv1\.0\.weight'"):
        load_denoiser(tmp_path / 'classifier.pth')


@pytest.mark.parametrize('made', [torch.jit.script, lambda module: torch.jit.trace(module, torch.zeros(1, 2))])
def test_a_torchscript_file_is_refused_as_such(tmp_path, made):
    made(nn.Linear(2, 2)).save(str(tmp_path / 'net.pt'))
    with pytest.raises(UserError, match='TorchScript') as info:
        read_checkpoint(tmp_path / 'net.pt')
    assert 'weights_only' not in str(info.value)


@pytest.mark.parametrize('legacy', [True, False])
@pytest.mark.parametrize('held', [nn.Linear(2, 2), dict(model=nn.Linear(2, 2)), print, dict(args=Path, net={})])
def test_a_file_with_code_is_refused_without_advice_to_run_it(tmp_path, held, legacy):
    torch.save(held, tmp_path / 'whole.pth', _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match=r'whole\.pth') as info:
        read_checkpoint(tmp_path / 'whole.pth')
    assert 'weights_only' not in str(info.value)
