"""Mixed precision reaches the denoiser and leaves its weights and the restored image in float32."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MessageHub
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper

from semrestore.engine import BatchNormHook, HistoryHook, SafeCheckpointHook, checkpoints


def test_bf16_wrapper_computes_in_bfloat16_and_steps_in_float32(build_cascade, batch):
    cascade = build_cascade().train()
    wrapper = build_optim_wrapper(cascade, dict(type='semrestore.Bf16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    seen = {}
    cascade.denoiser.encoders[0].conv.register_forward_hook(lambda _, __, output: seen.update(features=output.dtype))
    cascade.denoiser.register_forward_hook(lambda _, __, output: seen.update(restored=output.dtype))
    before = cascade.denoiser.tail.weight.clone()
    cascade.train_step(batch, wrapper)
    assert seen == {'features': torch.bfloat16, 'restored': torch.float32}
    assert cascade.denoiser.tail.weight.dtype == torch.float32
    assert not torch.equal(before, cascade.denoiser.tail.weight)


@pytest.mark.parametrize(
    'paramwise', [None, dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={'tail': dict(lr_mult=0.1)})]
)
def test_merged_groups_take_the_same_steps(build_cascade, batch, paramwise):
    torch.manual_seed(0)
    first = build_cascade().train()
    weights, groups = {}, {}
    for constructor in ('DefaultOptimWrapperConstructor', 'semrestore.MergedGroupsConstructor'):
        cascade = copy.deepcopy(first)
        cfg = dict(
            type='OptimWrapper', constructor=constructor, optimizer=dict(type='AdamW', lr=1e-2, weight_decay=0.1)
        )
        wrapper = build_optim_wrapper(cascade, cfg | (dict(paramwise_cfg=paramwise) if paramwise else {}))
        for step in range(3):
            torch.manual_seed(step)
            cascade.train_step(batch, wrapper)
        weights[constructor], groups[constructor] = cascade.state_dict(), wrapper.optimizer.param_groups
    theirs, ours = weights.values()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value)
    # Weights; without decay biases and norms; the last convolution, at a tenth of the learning rate.
    assert [len(one) for one in groups.values()] == (
        [len(list(first.denoiser.parameters())), 3] if paramwise else [1, 1]
    )
    assert sum(len(group['params']) for group in groups['semrestore.MergedGroupsConstructor']) == len(
        list(first.denoiser.parameters())
    )


def test_logged_values_are_kept_up_to_a_limit():
    hub = MessageHub.get_instance('history')
    hook = HistoryHook(length=20)
    for step in range(100):
        hub.update_scalar('train/loss', float(step))
        hook.after_train_iter(SimpleNamespace(message_hub=hub), step)
    values, counts = hub.get_scalar('train/loss').data
    assert values.tolist() == list(range(80, 100))
    assert len(counts) == 20


def test_running_statistics_are_averaged_where_something_is_saved_or_validated(monkeypatch):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    average = ExponentialMovingAverage(network, 0.1, update_buffers=True)
    ema = EMAHook()
    ema.ema_model = average
    runner = SimpleNamespace(
        model=network,
        hooks=[SafeCheckpointHook(interval=3, by_epoch=False), ema],
        iter=0,
        max_iters=8,
        val_loop=object(),
        train_loop=SimpleNamespace(val_interval=4),
    )
    monkeypatch.setattr(checkpoints, 'get_world_size', lambda: 2)
    reduced = []
    monkeypatch.setattr(
        checkpoints, 'all_reduce_params', lambda tensors, op: reduced.append((runner.iter + 1, len(tensors), op))
    )
    for runner.iter in range(8):
        BatchNormHook().after_train_iter(runner, runner.iter)
    # The network's mean and variance, and those of its moving average; never the integer that counts batches.
    assert reduced == [(step, 2, 'mean') for step in (3, 4, 6, 8) for _ in range(2)]


def test_a_checkpoint_is_due_when_its_minutes_have_passed(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(checkpoints.time, 'monotonic', lambda: now[0])
    hook = SafeCheckpointHook(by_epoch=False, interval=-1, minutes=10)
    runner = SimpleNamespace(iter=6)
    for passed, due in ((599, False), (1, True)):
        now[0] += passed
        assert hook.every_n_train_iters(runner, hook.interval) is due
    assert SafeCheckpointHook(by_epoch=False, interval=7).every_n_train_iters(runner, 7)
    with pytest.raises(ValueError, match='minutes'):
        SafeCheckpointHook(minutes=0)
