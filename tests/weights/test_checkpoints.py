"""Reading weights: what is no checkpoint of this network is refused with its reason, and no code in a file runs."""

import contextlib
import os
from pathlib import Path
from pickle import UnpicklingError

import mmengine.runner
import numpy as np
import pytest
import torch

from semrestore.cli import denoise
from semrestore.cli import test as testing
from semrestore.cli import train as training
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.weights.load import check_resumable, load_weights
from semrestore.weights.read import read_checkpoint, save_weights
from semrestore.weights.task_networks import load_network
from semrestore.weights.zoo import resolve


class Payload:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f'touch {self.target}',)


@pytest.mark.parametrize(
    'way', ['resume', 'load_from', 'task', 'init_cfg', 'test', 'denoise', 'load_checkpoint', 'url']
)
def test_pickled_code_does_not_run_on_any_way_in(tmp_path, way, capsys, monkeypatch, photo_paths):
    trap, path = tmp_path / 'trap', tmp_path / 'iter_1.pth'
    torch.save(dict(state_dict={'backbone.conv1.weight': torch.zeros(1)}, meta=Payload(trap)), path)
    train = ['configs/embedded/joint_efficientnet_lite0_sigma30.py', '--work-dir', str(tmp_path / 'run')]
    network = dict(
        type='mmpretrain.ResNet', depth=18, init_cfg=dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')
    )
    ways = {
        'resume': lambda: run(training.main, [*train, '--resume', str(path)]),
        'load_from': lambda: run(training.main, [*train, '--cfg-options', f'load_from={path}']),
        'task': lambda: run(training.main, [*train, '--cfg-options', f'model.task.checkpoint={path}']),
        'test': lambda: run(testing.main, [train[0], str(path), '--work-dir', str(tmp_path / 'run')]),
        'denoise': lambda: run(
            denoise.main, [photo_paths['coffee'], '--model', str(path), '--out', str(tmp_path / 'out')]
        ),
        'init_cfg': lambda: MODELS.build(network).init_weights(),
        'load_checkpoint': lambda: mmengine.runner.load_checkpoint(torch.nn.Linear(1, 1), str(path)),
        'url': lambda: mmengine.runner.load_checkpoint(torch.nn.Linear(1, 1), 'https://example.org/iter_1.pth'),
    }
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    (tmp_path / 'torch/hub/checkpoints').mkdir(parents=True)
    (tmp_path / 'torch/hub/checkpoints/iter_1.pth').write_bytes(path.read_bytes())  # as if it had been downloaded
    if way in ('init_cfg', 'load_checkpoint', 'url'):
        with pytest.raises((UnpicklingError, UserError), match=r'[Ww]eights'):
            ways[way]()
    else:
        assert ways[way]() == 2
        assert str(path) in capsys.readouterr().err
    assert not trap.exists()


def test_the_config_in_a_checkpoint_does_not_run(tmp_path, capsys):
    # Where a checkpoint has one under this key, as MMCV's had, MMEngine runs it as Python on resuming.
    trap, path, train = (
        tmp_path / 'trap',
        tmp_path / 'run/iter_1.pth',
        ['configs/embedded/denoise_sigma30.py', '--work-dir', tmp_path / 'run'],
    )
    options = [
        '--cfg-options',
        'train_cfg.max_iters=1',
        'train_cfg.val_begin=99',
        'train_dataloader.batch_size=1',
        'model.denoiser.encoder_channels=8',
        'model.denoiser.decoder_channels=8',
        'log_level=ERROR',
    ]
    assert run(training.main, [*map(str, train), *options]) == 0
    saved = read_checkpoint(path)
    saved['meta']['config'] = f"open({str(trap)!r}, 'w')\n"
    torch.save(saved, path)
    options[1] = 'train_cfg.max_iters=2'
    assert run(training.main, [*map(str, train), '--resume', *options]) == 0
    assert (tmp_path / 'run/iter_2.pth').is_file()
    assert not trap.exists()


def rename(saved):
    saved['state_dict']['denoiser.tial.bias'] = saved['state_dict'].pop('denoiser.tail.bias')


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (rename, r"'denoiser\.tail\.bias'"),
        (
            lambda saved: saved['state_dict'].update({'denoiser.tail.bias': torch.zeros(4)}),
            r"'denoiser\.tail\.bias'.*\(4,\)",
        ),
        (lambda saved: saved.pop('meta'), r'meta\.iter'),
        (lambda saved: saved.update(meta=None), r'meta\.iter'),
        (lambda saved: saved['meta'].pop('epoch'), r'meta\.epoch'),
        (lambda saved: saved.pop('optimizer'), 'optimizer'),
        (lambda saved: saved.pop('message_hub'), 'message_hub'),
    ],
)
def test_a_training_resumes_only_from_its_own_checkpoints(tmp_path, build_cascade, change, named):
    cascade = build_cascade()
    saved = dict(
        meta=dict(iter=1, epoch=0), state_dict=dict(cascade.state_dict()), optimizer=dict(), message_hub=dict()
    )
    torch.save(saved, tmp_path / 'iter_1.pth')
    check_resumable(cascade, tmp_path / 'iter_1.pth')
    change(saved)
    torch.save(saved, tmp_path / 'iter_1.pth')
    with pytest.raises(UserError, match=rf'iter_1\.pth.*{named}'):
        check_resumable(cascade, tmp_path / 'iter_1.pth')


def test_a_training_does_not_resume_from_bare_weights(tmp_path, capsys):
    train = ['configs/embedded/denoise_sigma30.py', '--work-dir', str(tmp_path), '--cfg-options', 'log_level=ERROR']
    assert run(training.main, [*train[:3], '--resume', resolve('zoo:multiscale-sigma30'), *train[3:]]) == 2
    assert 'load_from' in capsys.readouterr().err


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04', b'\x80\x02}'])
def test_a_download_that_was_cut_off_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', lambda url, file: Path(file).write_bytes(content))
    address = 'https://example.org/some/net.pth?download=1'
    with pytest.raises(UserError, match=r'net\.pth.*Try again'):
        load_network(torch.nn.Linear(1, 1), address)
    network = torch.nn.Linear(1, 1)
    monkeypatch.setattr(torch.hub, 'download_url_to_file', lambda url, file: torch.save(network.state_dict(), file))
    load_network(torch.nn.Linear(1, 1), address)  # which asks for it again


def test_two_addresses_that_end_alike_are_two_files(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    values = {'https://example.org/a/model.pth': 1.0, 'https://example.org/b/model.pth': 2.0}

    def download(url, file):
        torch.save({'weight': torch.full((1, 1), values[url])}, file)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    for url, value in values.items():
        network = torch.nn.Linear(1, 1, bias=False)
        load_network(network, url)
        assert network.weight.item() == value


def test_a_damaged_checkpoint_is_refused_or_loads(tmp_path, build_cascade):
    path, cascade = tmp_path / 'last.pth', build_cascade()
    torch.save(dict(state_dict=cascade.state_dict()), path)
    whole, random = path.read_bytes(), np.random.RandomState(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in random.randint(0, len(whole), 3):
            damaged[place] = random.randint(256)
        path.write_bytes(damaged)
        with contextlib.suppress(UserError):  # anything else would be a traceback for the user
            load_weights(cascade, path)


@pytest.mark.parametrize('keep', [0, 10, 2000, -100])
def test_a_truncated_checkpoint_is_refused(tmp_path, build_cascade, keep):
    path = tmp_path / 'last.pth'
    torch.save(dict(state_dict=build_cascade().state_dict()), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r'last\.pth'):
        read_checkpoint(path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match=r'\.pth'):
        read_checkpoint(tmp_path / 'none.pth')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda state: state.pop('denoiser.tail.bias'), r"'denoiser\.tail\.bias'"),
        (
            lambda state: state.update({'denoiser.tial.bias': torch.zeros(3)}),
            r"'denoiser\.tial\.bias'.*denoiser\.tail\.bias",
        ),
        (
            lambda state: state['denoiser.settings'].copy_(torch.tensor([1.0, 0, 0, 0])),
            r'settings.*\[1\.0, 0\.0, 0\.0, 0\.0\]',
        ),
        (
            lambda state: state.update({'denoiser.tail.bias': torch.zeros(4)}),
            r"'denoiser\.tail\.bias'.*\(4,\).*\(3,\)",
        ),
        (
            lambda state: state.update({'denoiser.tail.bias': torch.zeros(3, dtype=torch.int8)}),
            r"'denoiser\.tail\.bias'.*torch\.int8",
        ),
        (
            lambda state: state.update({'denoiser.tail.bias': torch.zeros(3, dtype=torch.cfloat)}),
            r"'denoiser\.tail\.bias'.*torch\.complex64",
        ),
        (
            lambda state: state.update({'denoiser.tail.bias': torch.zeros(3).to_sparse()}),
            r"'denoiser\.tail\.bias'",
        ),
        (
            lambda state: state.update({'denoiser.tail.bias': torch.zeros(3, device='meta')}),
            r"'denoiser\.tail\.bias'",
        ),
        (
            lambda state: state.update(
                {'denoiser.tail.bias': torch.quantize_per_tensor(torch.zeros(3), 1, 0, torch.qint8)}
            ),
            r"'denoiser\.tail\.bias'",
        ),
        (
            lambda state: state.update({7: torch.zeros(3)}) or state.pop('denoiser.tail.bias'),
            r"'denoiser\.tail\.bias'",
        ),
        (lambda state: state['denoiser.tail.bias'].fill_(torch.nan), r"'denoiser\.tail\.bias'"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, build_cascade, change, message):
    cascade = build_cascade()
    state = {key: value.clone() for key, value in cascade.state_dict().items()}
    change(state)
    torch.save(dict(state_dict=state), tmp_path / 'ckpt.pth')
    with pytest.raises(UserError, match=rf'(?s)ckpt\.pth.*{message}'):
        load_weights(cascade, tmp_path / 'ckpt.pth')


def test_half_precision_is_another_dtype_of_the_same_network(tmp_path, build_cascade):
    cascade = build_cascade()
    half = {key: value.half() if value.is_floating_point() else value for key, value in cascade.state_dict().items()}
    save_weights(half, tmp_path / 'half.pth')
    load_weights(cascade, tmp_path / 'half.pth')
    assert all(torch.equal(value, half[key].to(value.dtype)) for key, value in cascade.state_dict().items())


def test_weights_are_saved_under_any_name(tmp_path):
    for name in ('a', '.a', 'a b.pth', 'ä.x.y'):
        save_weights(dict(weight=torch.ones(2)), tmp_path / name)
        assert torch.equal(read_checkpoint(tmp_path / name)['state_dict']['weight'], torch.ones(2))
