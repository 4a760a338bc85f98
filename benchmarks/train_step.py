"""Time our training steps beside a plain PyTorch loop of the same mathematics.

Without a task, the denoiser trains alone on patches. With VGG-16, it trains by the joint loss at 224 x 224; with two
tasks, by that of ResNet-18 and MobileNetV2 at once. Both loops start from the same weights and must give the same loss
on one batch without noise, which shows that they do the same work. Then they take turns, step by step, in one process.
In both, patches come from the device's memory. Peak memory is measured for each in a process of its own.

Example:
  python -m benchmarks.train_step --task vgg16 --steps 20 --out results/benchmark/train_step_vgg16.json
"""

import argparse
import copy
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import Peak, machine, matmul_rate, ratio, summary, write
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.config.check import check_config
from semrestore.config.named import named_task
from semrestore.datasets import EmbeddedPhotos
from semrestore.degradations import GaussianNoise
from semrestore.engine.runner import bare_model, build_loop, build_runner
from semrestore.registry import HOOKS

LAMBDA_P, LAMBDA_H, LAMBDA_TWO, SIGMA = 0.5, 0.25, 0.03, 30
TWO = ('resnet18', 'mobilenet_v2')
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LR, MOMENTUM = 3e-4, 1e-3
WARM_UP = 3


class PlainLoop:
    """Train by hand: noise, denoiser, losses, clipping, AdamW and a moving average."""

    def __init__(self, denoiser: nn.Module, networks: list[nn.Module], options: argparse.Namespace) -> None:
        self.options, self.device = options, options.device
        self.denoiser = denoiser.to(self.device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.denoiser)
        self.forward = torch.compile(self.denoiser) if options.compile else self.denoiser
        self.optimizer = torch.optim.AdamW(self.denoiser.parameters(), lr=LR, fused=True)
        frozen = [
            network.to(self.device, memory_format=torch.channels_last).eval().requires_grad_(False)
            for network in networks
        ]
        self.vgg = frozen[0] if options.task == 'vgg16' else None
        self.judges = [] if self.vgg is not None else frozen
        self.mean, self.std = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in (MEAN, STD))
        loaded = EmbeddedPhotos(pipeline=[dict(type='semrestore.LoadPhoto')])
        self.photos = [torch.from_numpy(photo['img']).permute(2, 0, 1).to(self.device) for photo in loaded]

    def batch(self) -> Tensor:
        """Return random patches, turned and mirrored."""
        patches, side = [], self.options.size
        for number in torch.randint(len(self.photos), (self.options.batch,)).tolist():
            photo = self.photos[number]
            top, left = (torch.randint(length - side + 1, ()).item() for length in photo.shape[1:])
            turns, mirrored = torch.randint(4, ()).item(), torch.randint(2, ()).item()
            patch = photo[:, top : top + side, left : left + side].rot90(turns, (1, 2))
            patches.append(patch.flip(2) if mirrored else patch)
        return torch.stack(patches)

    def loss(self, images: Tensor, sigma: float = SIGMA) -> Tensor:
        """Return the loss on one uint8 batch."""
        with torch.autocast(self.device, torch.bfloat16) if self.options.amp else nullcontext():
            clean = (images / 255).contiguous(memory_format=torch.channels_last)
            restored = self.forward(clean + sigma / 255 * torch.randn_like(clean))
            if self.vgg is None:
                return F.l1_loss(restored, clean) + sum(self._judged(judge, restored, clean) for judge in self.judges)
            with torch.no_grad():
                # The labels are the network's own, so the clean image runs through the whole of it.
                target = self.vgg.features[:16]((clean - self.mean) / self.std)
                labels = self.vgg.classifier(self.vgg.features[16:](target).flatten(1)).argmax(1)
            features = self.vgg.features[:16]((restored - self.mean) / self.std)
            scores = self.vgg.classifier(self.vgg.features[16:](features).flatten(1))
            loss = F.mse_loss(restored, clean) + LAMBDA_P * F.mse_loss(features, target)
            return loss + LAMBDA_H * F.cross_entropy(scores, labels)

    def _judged(self, judge: nn.Module, restored: Tensor, clean: Tensor) -> Tensor:
        with torch.no_grad():
            labels = judge((clean - self.mean) / self.std).argmax(1)
        return LAMBDA_TWO * F.cross_entropy(judge((restored - self.mean) / self.std), labels)

    def step(self) -> float:
        """Train on one batch."""
        loss = self.loss(self.batch())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.denoiser.parameters()), MOMENTUM)
            torch._foreach_lerp_(_statistics(self.average), _statistics(self.denoiser), MOMENTUM)
        return loss.item()


def _statistics(denoiser: nn.Module) -> list[Tensor]:
    return [buffer for buffer in denoiser.buffers() if buffer.is_floating_point()]


@HOOKS.register_module()
class TakeTurns(Hook):
    """Run one step of the plain loop after each of ours, and time both with all hooks."""

    priority = 'LOWEST'

    def __init__(self, plain: PlainLoop | None) -> None:
        self.plain = plain
        self.seconds: dict[str, list[float]] = dict(ours=[], plain=[])
        self.peak = None

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Begin counting memory after the first step, when the optimizer's state is there."""
        if runner.iter == 1 and self.plain is None:
            self.peak = Peak(_device(runner))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Take the plain loop's turn."""
        if outputs is not None:
            outputs['loss'].item()  # waits for the device
        begun = time.perf_counter()
        if runner.iter >= WARM_UP:
            self.seconds['ours'].append(begun - self.ended)
        if self.plain is not None:
            self.plain.step()
        self.ended = time.perf_counter()
        if runner.iter >= WARM_UP:
            self.seconds['plain'].append(self.ended - begun)


def _device(runner) -> str:
    return next(runner.model.parameters()).device.type


def build(options: argparse.Namespace, steps: int, folder: str):
    """Return a runner as ``tools/train.py`` builds it, with every default hook and a moving average."""
    base = Config.fromfile('configs/_base_/default_runtime.py')
    modern = Config.fromfile('configs/_base_/schedules/denoise_modern.py')
    losses, task, tasks = dict(reconstruction=dict(type='ReconstructionLoss', distance='l1')), None, None
    if options.task == 'vgg16':
        vgg = Config.fromfile('configs/_base_/tasks/vgg16.py')
        losses = dict(
            reconstruction=dict(type='ReconstructionLoss'),
            perceptual=dict(type='PerceptualLoss', layers=vgg.relu3_3, weight=LAMBDA_P),
            task=dict(type='TaskLoss', weight=LAMBDA_H),
        )
        task = {**vgg.task, 'checkpoint': 'random'}
    elif options.task == 'two':
        tasks = {name: named_task(f'torchvision:{name}', 'random').task for name in TWO}
        losses |= {name: dict(type='TaskLoss', weight=LAMBDA_TWO, task=name) for name in TWO}
    photos = dict(type='EmbeddedPhotos', pipeline=[dict(type='LoadPhoto')])
    cfg = base
    cfg.merge_from_dict(modern._cfg_dict)
    cfg.merge_from_dict(
        dict(
            model=dict(
                type='Cascade',
                denoiser=dict(type='MultiScaleDenoiser'),
                degradation=dict(type='GaussianNoise', sigma=SIGMA),
                losses=losses,
                task=task,
                tasks=tasks,
                supervision='self',
                compile=options.compile,
            ),
            train_dataloader=dict(
                batch_size=options.batch,
                num_workers=0,
                sampler=dict(type='StreamSampler', shuffle=True),
                collate_fn=dict(type='default_collate'),
                dataset=dict(
                    type='DeviceResidentPatches',
                    patch_size=options.size,
                    seeded_noise=not options.batch_noise,
                    dataset=photos,
                ),
            ),
            work_dir=folder,
            experiment_name=Path(folder).name,  # MMEngine's visualiser is one for a name and a second
            log_level='WARNING',
        )
    )
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=steps, val_begin=steps + 1)
    cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=LR, weight_decay=0.01, fused=True)
    cfg.param_scheduler = dict(type='ConstantLR', factor=1.0, by_epoch=False)
    cfg.custom_hooks[0].momentum = MOMENTUM
    if options.amp:
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
    cfg.default_hooks.checkpoint.update(interval=-1, save_last=False)
    check_config(cfg)
    runner = build_runner(cfg)
    build_loop(runner, 'train_loop')
    return runner


def plain_networks(cascade, options: argparse.Namespace) -> list[nn.Module]:
    """Return torchvision's networks with the weights of our task networks."""
    if options.task == 'none':
        return []
    if options.task == 'two':
        # As they are after their batch norms were folded, which a plain loop could do as well.
        return [copy.deepcopy(cascade.tasks[name].network) for name in TWO]
    vgg = torchvision.models.vgg16(weights=None)
    # Both list their layers in the order of the forward pass.
    state = copy.deepcopy(cascade.task.network.state_dict())
    vgg.load_state_dict(dict(zip(vgg.state_dict(), state.values(), strict=True)))
    return [vgg]


def check_equal(runner, plain: PlainLoop) -> None:
    """Check that both compute the same loss on a batch without noise."""
    cascade, images = bare_model(runner), plain.batch()
    ours = copy.deepcopy(cascade)
    ours.degradation = GaussianNoise(0)
    from mmpretrain.structures import DataSample

    with torch.no_grad(), torch.autocast(plain.device, torch.bfloat16) if plain.options.amp else nullcontext():
        terms = ours(images / 255, [DataSample(metainfo=dict(img_path='')) for _ in images], mode='loss')
        statistics = copy.deepcopy(plain.denoiser.state_dict())
        torch.testing.assert_close(
            sum(terms.values()), plain.loss(images, 0.0), rtol=2e-2 if plain.options.amp else 1e-4, atol=0
        )
        plain.denoiser.load_state_dict(statistics)


def measure_memory(which: str, options: argparse.Namespace) -> float | None:
    """Return the peak MiB of a step after the first, in this process."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        if which == 'ours':
            runner = build(options, 4, folder)
            hook = TakeTurns(None)
            runner.register_hook(hook)
            runner.train()
            return hook.peak.mib()
        runner = build(options, 1, folder)
        cascade = bare_model(runner)
        plain = PlainLoop(copy.deepcopy(cascade.denoiser), plain_networks(cascade, options), options)
        del runner, cascade
        plain.step()
        peak = Peak(options.device)
        for _ in range(3):
            plain.step()
        return peak.mib()


def main(arguments=None) -> None:
    """Measure, print and write."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--task',
        choices=['none', 'vgg16', 'two'],
        default='vgg16',
        help='task networks: none, VGG-16, or ResNet-18 and MobileNetV2 (default: vgg16)',
    )
    parser.add_argument('--size', type=int, help='side of a patch in pixels (default: 224; 48 without a task)')
    parser.add_argument('--batch', type=int, help='patches in a batch (default: 10; 32 without a task)')
    parser.add_argument('--steps', type=int, default=20, help='steps to time of each loop (default: 20)')
    parser.add_argument('--amp', action='store_true', help='compute in bfloat16, in both loops')
    parser.add_argument('--compile', action='store_true', help='compile the denoiser, in both loops')
    parser.add_argument(
        '--batch-noise',
        action='store_true',
        help='draw the noise of a batch at once instead of image by image (seeded_noise=False)',
    )
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    options.device = 'cuda' if torch.cuda.is_available() else 'cpu'
    options.size = options.size or (48 if options.task == 'none' else 224)
    options.batch = options.batch or (32 if options.task == 'none' else 10)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        runner = build(options, WARM_UP + options.steps, folder)
        cascade = bare_model(runner)
        plain = PlainLoop(copy.deepcopy(cascade.denoiser), plain_networks(cascade, options), options)
        check_equal(runner, plain)
        with FlopCounterMode(display=False) as counter:
            plain.loss(plain.batch()).backward()
        plain.optimizer.zero_grad()
        turns = TakeTurns(plain)
        runner.register_hook(turns)
        runner.train()
    peaks = {}
    for which in turns.seconds:
        with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
            peaks[which] = pool.submit(measure_memory, which, options).result()
    rate = matmul_rate(options.device, torch.bfloat16 if options.amp else torch.float32)
    rows = {}
    for which, seconds in turns.seconds.items():
        rows[which] = summary(seconds) | dict(peak_mib=peaks[which])
        rows[which]['images_per_s'] = options.batch / rows[which]['median']
        rows[which]['mfu'] = counter.get_total_flops() / rows[which]['median'] / rate
    compared = ratio(turns.seconds['ours'], turns.seconds['plain'])
    if None not in peaks.values():
        compared['memory'] = peaks['ours'] / peaks['plain']
    document = dict(
        machine=machine(options.device),
        options={name: value for name, value in vars(options).items() if name != 'out'},
        flops_a_step=counter.get_total_flops(),
        matmul_flops_per_s=rate,
        rows=rows,
        ours_over_plain=compared,
    )
    precision = 'bf16' if options.amp else 'float32'
    print(
        f'{document["machine"]["processor"]}: task {options.task}, batch {options.batch} of {options.size} x'
        f' {options.size}, {precision}'
    )
    for which, row in rows.items():
        memory = 'unknown' if row['peak_mib'] is None else f'{row["peak_mib"]:.0f} MiB'
        print(
            f'{which}: median {row["median"]:.4f} s ({row["fastest"]:.4f} to {row["slowest"]:.4f}, {row["repeats"]}'
            f' steps), {memory},'
            f' {row["images_per_s"]:.1f} images/s, {100 * row["mfu"]:.0f} % of the rate of a large matrix product'
        )
    low, high = compared['quartiles']
    print(
        f'ours / plain: {compared["by_medians"]:.3f} by medians, {compared["of_pairs"]:.3f} of pairs (quartiles'
        f' {low:.3f} to {high:.3f})'
    )
    if 'memory' in compared:
        print(f'ours / plain: {compared["memory"]:.3f} in peak memory')
    write(options.out, document)


if __name__ == '__main__':
    sys.exit(run(main))
