"""One joint training step of ours beside a plain PyTorch loop of the same mathematics, with VGG-16.

    python tools/benchmark/train_step.py [--size 224] [--batch 10] [--steps 5] [--amp] [--threads N]

The plain loop is torchvision's VGG-16, the same denoiser, noise, losses and optimizer, written out below; both start from the same weights
and their first losses are compared, so that it is the same work. The two take turns in one process; medians are compared.
"""

import argparse
import copy
import statistics
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F
import torchvision
from mmengine.config import Config
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from semrestore.registry import MODELS, OPTIM_WRAPPERS

LAMBDA_P, LAMBDA_H, SIGMA = 0.5, 0.25, 30 / 255
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PlainLoop:
    """What one would write by hand."""

    def __init__(self, denoiser: nn.Module, vgg: nn.Module, device: str, amp: bool) -> None:
        self.denoiser, self.amp, self.device = denoiser, amp, device
        self.vgg = vgg.to(device).eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (MEAN, STD))
        self.optimizer = torch.optim.AdamW(denoiser.parameters(), lr=3e-4)

    def step(self, images: Tensor, labels: Tensor) -> float:
        """Train on one uint8 batch."""
        with torch.autocast(self.device, torch.bfloat16) if self.amp else nullcontext():
            clean = (images.to(self.device) / 255).contiguous(memory_format=torch.channels_last)
            noisy = clean + SIGMA * torch.randn_like(clean)
            restored = self.denoiser(noisy)
            with torch.no_grad():
                target = self.vgg.features[:16]((clean - self.mean) / self.std)
            features = self.vgg.features[:16]((restored - self.mean) / self.std)
            scores = self.vgg.classifier(self.vgg.features[16:](features).flatten(1))
            loss = F.mse_loss(restored, clean) + LAMBDA_P * F.mse_loss(features, target)
            loss = loss + LAMBDA_H * F.cross_entropy(scores, labels.to(self.device))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


class Ours:
    """The cascade under MMEngine's optimizer wrapper."""

    def __init__(self, cascade: nn.Module, amp: bool) -> None:
        self.cascade = cascade
        wrapper = dict(type='Bf16OptimWrapper' if amp else 'OptimWrapper', clip_grad=dict(max_norm=1.0))
        self.wrapper = OPTIM_WRAPPERS.build(wrapper | dict(optimizer=torch.optim.AdamW(cascade.parameters(), lr=3e-4)))

    def step(self, images: Tensor, labels: Tensor) -> float:
        """Train on one uint8 batch."""
        samples = [DataSample(metainfo=dict(img_path='')).set_gt_label(label) for label in labels]
        return self.cascade.train_step(dict(inputs=images, data_samples=samples), self.wrapper)['loss'].item()


def build(device: str) -> tuple[nn.Module, nn.Module]:
    """Return the cascade and a torchvision VGG-16 with its task network's weights."""
    task = Config.fromfile('configs/_base_/tasks/vgg16.py')
    losses = dict(
        reconstruction=dict(type='ReconstructionLoss'),
        perceptual=dict(type='PerceptualLoss', layers=task.relu3_3, weight=LAMBDA_P),
        task=dict(type='TaskLoss', weight=LAMBDA_H),
    )
    cascade = MODELS.build(
        dict(
            type='Cascade',
            denoiser=dict(type='MultiScaleDenoiser'),
            degradation=dict(type='GaussianNoise', sigma=30),
            losses=losses,
            task={**task.task, 'checkpoint': 'random'},
        )
    )
    vgg = torchvision.models.vgg16(weights=None)
    # Both list their layers in the order of the forward pass.
    vgg.load_state_dict(dict(zip(vgg.state_dict(), copy.deepcopy(cascade.task.network.state_dict()).values(), strict=True)))
    return cascade.to(device).train(), vgg


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--batch', type=int, default=10)
    parser.add_argument('--steps', type=int, default=5)
    parser.add_argument('--amp', action='store_true')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options = parser.parse_args()
    torch.manual_seed(0)
    cascade, vgg = build(options.device)
    loops = {'plain': PlainLoop(copy.deepcopy(cascade.denoiser), vgg, options.device, options.amp), 'ours': Ours(cascade, options.amp)}
    images = torch.randint(0, 256, (options.batch, 3, options.size, options.size), dtype=torch.uint8)
    labels = torch.randint(0, 1000, (options.batch,))
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for step in range(options.steps + 1):
        losses = {}
        # In turns, each first every other time: a machine's clock drifts.
        for name in list(loops)[:: 1 if step % 2 else -1]:
            torch.manual_seed(step)
            started = time.perf_counter()
            losses[name] = loops[name].step(images, labels)  # .item() waits for the device
            if step:  # the first one warms up
                seconds[name].append(time.perf_counter() - started)
        if step == 0:
            torch.testing.assert_close(losses['ours'], losses['plain'], rtol=2e-2 if options.amp else 1e-4, atol=0)
    print(
        f'batch {options.batch}, {options.size} x {options.size}, {options.device}, {"bf16" if options.amp else "float32"}, '
        f'PyTorch {torch.__version__}'
    )
    for name, values in seconds.items():
        print(f'{name}: median {statistics.median(values):.4f} s, fastest {min(values):.4f} s, of {len(values)}')
    ratios = [ours / plain for ours, plain in zip(seconds['ours'], seconds['plain'], strict=True)]
    print(
        f'ours / plain: {statistics.median(seconds["ours"]) / statistics.median(seconds["plain"]):.3f} by medians, '
        f'{statistics.median(ratios):.3f} median of the pairs ({min(ratios):.3f} to {max(ratios):.3f})'
    )


if __name__ == '__main__':
    main()
