"""A file of weights says which network it holds, and saying so runs no code."""

import json

import pytest
import torch
from mmengine.registry import DefaultScope

import semrestore
from semrestore.cli import cross_task, denoise, train
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.denoisers import DnCNN, FFDNet, MultiScaleDenoiser
from semrestore.errors import UserError
from semrestore.evaluation.methods import Method
from semrestore.limits import LARGEST_RECORD
from semrestore.registry import MODELS
from semrestore.weights.build import denoiser_config
from semrestore.weights.read import RECORD, read_checkpoint, save_weights
from semrestore.weights.record import denoiser_record

DNCNN = dict(type='DnCNN', depth=3, channels=4)


def write(path, record, denoiser=None):
    """Save a denoiser's weights with whatever record, as PyTorch and as safetensors."""
    weights = (denoiser or DnCNN(depth=3, channels=4)).state_dict()
    state = {f'denoiser.{name}': value for name, value in weights.items()}
    text = record if isinstance(record, str) else json.dumps(dict(denoiser=record))
    if path.suffix == '.pth':
        torch.save(dict(state_dict=state, meta={RECORD: text}), path)
    else:
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in state.items()}, path, {RECORD: text})
    return path


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_the_record_builds_the_network(tmp_path, suffix):
    denoiser = semrestore.load_denoiser(write(tmp_path / f'small{suffix}', DNCNN))
    assert isinstance(denoiser, DnCNN)
    assert denoiser.reach == 3


HOSTILE = {
    'dotted': dict(type='os.system', command='touch {trap}'),
    'a library of ours': dict(type='semrestore.denoisers.dncnn.DnCNN', depth=3, channels=4),
    'a task': dict(type='OpenMMLabTask', model='mmpretrain::resnet/resnet18_8xb32_in1k.py', checkpoint='random'),
    'nested': DNCNN | dict(depth=dict(type='subprocess.run', args='touch {trap}', shell=True)),
    'nested in a list': DNCNN | dict(depth=[dict(type='builtins.exec', source='import os')]),
    'init_cfg': DNCNN | dict(init_cfg=dict(type='Pretrained', checkpoint='http://localhost:1/evil.pth')),
    'nested init_cfg': DNCNN | dict(depth=dict(init_cfg=dict(type='Pretrained', checkpoint='{trap}'))),
    '_scope_': dict(type='DnCNN', _scope_='mmpretrain'),
    'no type': dict(depth=3),
    'type is a list': dict(type=['DnCNN']),
    'huge': dict(type='DnCNN', depth=3, channels=10**7),
    'huger': dict(type='DnCNN', depth=3, channels=10**15),
    'negative': dict(type='DnCNN', depth=3, channels=-4),
    'deep': dict(type='DnCNN', depth=10**9, channels=4),
    'many scales': dict(type='MultiScaleDenoiser', num_scales=10**6),
    'many channels': dict(type='MultiScaleDenoiser', encoder_channels=4 * 10**12),
    'no number': dict(type='DnCNN', depth='3', channels=4),
    'unknown argument': DNCNN | dict(hook='print'),
    'another network': dict(type='FFDNet'),
}
TEXTS = {
    'python': '__import__("os").system("touch {trap}")',
    'no JSON': "{'denoiser': {'type': 'DnCNN'}}",
    'a list': '[1]',
    'no denoiser': '{{"degradation": {{}}}}',
    'text for a dict': '{{"denoiser": "DnCNN"}}',
    'long': ' ' * (LARGEST_RECORD + 1),
    'nested without end': '[' * 10_000,
}


@pytest.mark.parametrize('name', [*HOSTILE, *TEXTS])
def test_a_hostile_record_is_refused_and_runs_nothing(tmp_path, name):
    """By the builder, and by what only asks a file for its denoiser's config: the matrix and ``semrestore test``."""
    trap = tmp_path / 'trap'
    if name in HOSTILE:
        record = json.loads(json.dumps(HOSTILE[name]).replace('{trap}', str(trap)))
    else:
        record = TEXTS[name].replace('{trap}', str(trap)).replace('{{', '{').replace('}}', '}')
    path = write(tmp_path / 'evil.safetensors', record)
    method = Method('evil', checkpoint=str(path))
    for way in (
        lambda: semrestore.load_denoiser(path),
        lambda: denoiser_config(path, DNCNN),
        lambda: method.denoiser(DNCNN, 30),
        lambda: method.build(DNCNN, 30),
        lambda: semrestore.evaluate(load_config('configs/evaluation/zoo.py', embedded=True), path),
    ):
        with pytest.raises(UserError, match=r'evil\.safetensors'):
            way()
    assert not trap.exists()


def test_a_tensor_that_stores_less_than_it_declares_is_refused(tmp_path):
    """Else a file of kilobytes asks for as much memory as it likes."""
    state = {f'denoiser.{name}': value for name, value in DnCNN(depth=3, channels=4).state_dict().items()}
    state = {name: torch.zeros(1).expand(value.shape) if value.dim() else value for name, value in state.items()}
    path = tmp_path / 'thin.pth'
    torch.save(dict(state_dict=state, meta={RECORD: json.dumps(dict(denoiser=DNCNN))}), path)
    with pytest.raises(UserError, match=r'thin\.pth'):
        semrestore.load_denoiser(path)


@pytest.mark.parametrize('settings', [torch.zeros(4, dtype=torch.complex64), torch.zeros(4, device='meta')])
def test_settings_that_are_no_numbers_are_refused(tmp_path, settings):
    state = {f'denoiser.{name}': value for name, value in MultiScaleDenoiser().state_dict().items()}
    path = tmp_path / 'odd.pth'
    torch.save(dict(state_dict=state | {'denoiser.settings': settings}), path)
    with pytest.raises(UserError, match=r'denoiser\.settings'):
        semrestore.load_denoiser(path)


def test_a_record_has_the_registered_name():
    assert denoiser_record(dict(type='semrestore.DnCNN', depth=3)) == dict(denoiser=dict(type='DnCNN', depth=3))
    assert denoiser_record(dict(type=DnCNN, depth=3)) == dict(denoiser=dict(type='DnCNN', depth=3))


def test_a_trainings_checkpoint_needs_no_config(tmp_path, photo_paths, capsys):
    """The denoiser of a training, which is not the paper's, before a network, in the commands and in the matrix."""
    options = ['model.denoiser.channels=4', 'model.denoiser.depth=3', 'train_cfg.max_iters=1']
    options += [
        'train_dataloader.batch_size=1',
        'val_dataloader.dataset.indices=1',
        'test_dataloader.dataset.indices=1',
    ]
    config = tmp_path / 'own.py'
    config.write_text(
        "_base_ = 'semrestore::embedded/joint_efficientnet_lite0_sigma30.py'\n"
        "model = dict(denoiser=dict(_delete_=True, type='DnCNN'))\nload_from = None\n"
    )
    assert run(train.main, [str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]) == 0
    checkpoint = tmp_path / 'run' / 'iter_1.pth'
    robust = semrestore.DenoiseBefore(torch.nn.Flatten(), checkpoint, mean=(0, 0, 0), std=(1, 1, 1))
    assert robust(torch.rand(1, 3, 8, 8)).shape == (1, 192)
    # Copied, as weights are handed on.
    weights = tmp_path / 'own.safetensors'
    restored = semrestore.load_denoiser(checkpoint)
    read = read_checkpoint(checkpoint)
    save_weights(read['state_dict'], weights, json.loads(read['meta'][RECORD]))
    for file in (checkpoint, weights):
        out = tmp_path / file.suffix[1:]
        assert run(denoise.main, [photo_paths['coffee'], '--model', str(file), '--out', str(out)]) == 0
        assert len(list(out.glob('[!.]*'))) == 1
        assert isinstance(semrestore.load_denoiser(file), DnCNN)
    arguments = ['--tasks', 'configs/embedded/joint_efficientnet_lite0_sigma30.py', '--denoisers', f'own={weights}']
    arguments += ['--sigma', '30', '--limit', 'own=2', '--out', str(tmp_path / 'matrix')]
    assert run(cross_task.main, arguments) == 0, capsys.readouterr().err
    assert sum(parameter.numel() for parameter in restored.parameters()) < 1000


@pytest.mark.parametrize('trained_on', [1.0, 255.0])
def test_weights_of_another_pixel_range_compute_the_same(tmp_path, trained_on):
    """The printed schedules run the layers on 0..255; the weights of either serve the other, to float rounding."""
    torch.manual_seed(0)
    own = 256.0 - trained_on
    sizes = dict(encoder_channels=8, decoder_channels=8, zero_tail=False)
    trained = MultiScaleDenoiser(pixel_range=trained_on, **sizes).eval()
    with torch.no_grad():
        trained.tail.bias.fill_(0.3 * trained_on)  # a bias that matters
    path = tmp_path / 'weights.safetensors'
    save_weights({f'denoiser.{k}': v for k, v in trained.state_dict().items()}, path, None)
    config = dict(type='MultiScaleDenoiser', pixel_range=own, **sizes)
    converted = semrestore.load_denoiser(path, config).double()
    image = torch.rand(2, 3, 37, 50, dtype=torch.float64)
    expected, found = trained.double()(image), converted(image)
    assert converted.pixel_range == own
    # Three layers' weights were rounded to float32 once more, 2^-24 of their size each.
    scale = expected.abs().max()
    assert (found - expected).abs().max() < 64 * 2**-24 * scale
    assert (trained(image) - image).abs().max() > 0.1


def test_the_configs_of_the_printed_schedule_start_from_published_weights():
    from mmengine.config import Config

    with DefaultScope.overwrite_default_scope('semrestore'):
        denoiser = MODELS.build(Config.fromfile('configs/joint/denoise_vgg16_sigma30.py').model.denoiser)
    published = semrestore.load_denoiser('multiscale-sigma30')
    converted = semrestore.load_denoiser('multiscale-sigma30', dict(type='MultiScaleDenoiser', pixel_range=255.0))
    assert denoiser.pixel_range == 255
    image = torch.rand(1, 3, 40, 56)
    torch.testing.assert_close(converted(image), published(image), rtol=0, atol=1e-5)


def test_a_network_that_needs_sigma_is_recorded_too(tmp_path):
    path = write(tmp_path / 'ffdnet.pth', dict(type='FFDNet'), FFDNet())
    assert semrestore.load_denoiser(path)(torch.rand(1, 3, 16, 16), 0.1).shape == (1, 3, 16, 16)
