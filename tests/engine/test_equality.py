"""A config means what it says: MMEngine's runner takes the steps of ``semrestore train``, bit by bit."""

import pytest
import torch
from mmengine.runner import Runner

from semrestore.config import load_config
from semrestore.engine.runner import launch
from semrestore.weights.read import read_checkpoint
from tests.processes import command, commands, start, start_together

STEPS = 3
CONFIGS = {
    'denoise_only': """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
model = dict(task=None, denoiser=dict(encoder_channels=8, decoder_channels=8), degradation=dict(sigma=(0, 50)))
train_dataloader = dict(batch_size=2, num_workers=1)
""",
    'joint_from_the_zoo': """
_base_ = 'semrestore::embedded/joint_efficientnet_lite0_sigma30.py'
pipeline = [
    dict(type='LoadPhoto', cache=True),
    dict(type='RandomCrop', crop_size=40),
    dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name')),
]
train_dataloader = dict(batch_size=2, dataset=dict(dataset=dict(pipeline=pipeline)))
load_from = 'zoo:multiscale-sigma30'
""",
    'inherits_mmseg': """
_base_ = ['mmseg::_base_/models/fast_scnn.py', 'semrestore::_base_/default_runtime.py']
packing = dict(type='mmseg.PackSegInputs', meta_keys=('img_path', 'name'))
pipeline = [dict(type='LoadPhoto', cache=True), dict(type='RandomCrop', crop_size=64), packing]
photos = dict(type='EmbeddedPhotos', pipeline=pipeline)
model = dict(
    _delete_=True,
    type='Cascade',
    denoiser=dict(type='MultiScaleDenoiser', encoder_channels=8, decoder_channels=8),
    degradation=dict(type='GaussianNoise', sigma=30),
    task=dict(type='OpenMMLabTask', model={{_base_.model}}, checkpoint='random'),
    supervision='self',
    losses=dict(reconstruction=dict(type='ReconstructionLoss'), task=dict(type='TaskLoss', weight=0.1)),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='StreamSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(type='StreamDataset', dataset=photos),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
""",
    'device_resident': """
_base_ = 'semrestore::embedded/denoise_sigma30.py'
model = dict(task=None, denoiser=dict(encoder_channels=8, decoder_channels=8))
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        _delete_=True,
        type='DeviceResidentPatches',
        patch_size=24,
        dataset=dict(type='EmbeddedPhotos', indices=3, pipeline=[dict(type='LoadPhoto')]),
    ),
)
""",
}
SHORT = f"""
train_cfg = dict(type='IterBasedTrainLoop', max_iters={STEPS}, val_begin=99)
custom_hooks = [dict(type='EMAHook', momentum=0.1, update_buffers=True)]
"""


def run_by_mmengine(path, work_dir, launcher):
    """Train a config as a user does who knows only MMEngine."""
    cfg = load_config(path)
    cfg.work_dir = work_dir
    launch(launcher, cfg)
    Runner.from_cfg(cfg).train()


FAST = {('joint_from_the_zoo', 1), ('device_resident', 1)}


@pytest.mark.parametrize(
    ('name', 'processes'),
    [
        pytest.param(name, processes, marks=[] if (name, processes) in FAST else [pytest.mark.slow])
        for name in CONFIGS
        for processes in (1, 2)
    ],
)
def test_mmengines_runner_takes_the_steps_of_the_command(tmp_path, name, processes):
    path = tmp_path / 'config.py'
    path.write_text(CONFIGS[name] + SHORT)
    arguments = 'train', path, '--work-dir', tmp_path / 'command'
    mmengine = run_by_mmengine, str(path), str(tmp_path / 'mmengine')
    if processes == 1:
        ended = [command(*arguments), start(*mmengine, 'none').done()]
    else:
        ended = commands(2, *arguments)
        ended += [one.done() for one in start_together(2, *mmengine, 'pytorch')]
    for one in ended:
        assert one.returncode == 0, one.stderr[-3000:]
    theirs, ours = (read_checkpoint(tmp_path / run / f'iter_{STEPS}.pth') for run in ('mmengine', 'command'))
    assert ours['meta']['iter'] == theirs['meta']['iter'] == STEPS
    for part in ('state_dict', 'ema_state_dict'):
        assert ours[part].keys() == theirs[part].keys()
        for key, value in ours[part].items():
            assert torch.equal(value, theirs[part][key]), (part, key)
