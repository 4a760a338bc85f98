"""The contract of a degradation, and the seeding that makes evaluation noise reproducible."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Degraded(NamedTuple):
    """What a degradation returns."""

    images: Tensor
    """Degraded batch of the clean batch's shape. It may leave 0..1."""

    sigma: Tensor | None
    """Standard deviation of the noise in the images' 0..1 range, shape ``(N,)``; ``None`` where no one number describes it."""


class Degradation(nn.Module):
    """Base class: clean images to degraded ones, on the images' own device."""

    @abstractmethod
    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Degrade a batch.

        Args:
            clean: RGB batch of shape ``(N, 3, H, W)``, 0..1.
            generators: One generator an image: its noise then depends on nothing but its generator. In evaluation they are the CPU's, in
                training the device's; what is drawn on another device than the images' has to be moved. ``None`` draws from torch's global
                stream on the images' device.
        """


def image_generator(seed: int, name: str) -> torch.Generator:
    """Return the CPU generator of one evaluation image: the same for the same seed and name, whatever the batch, order, device or method.

    >>> torch.equal(torch.randn(3, generator=image_generator(0, 'cat')), torch.randn(3, generator=image_generator(0, 'cat')))
    True
    """
    digest = hashlib.sha256(f'{seed}:{name}'.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], 'big') >> 1)  # manual_seed takes 63 bits


def standard_normal(like: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Draw N(0, 1) of a batch's shape, dtype and device, image by image where generators are given."""
    if generators is None:
        return torch.randn_like(like)
    # In evaluation drawn on the CPU: a CUDA generator of the same seed gives other numbers.
    return torch.stack([torch.randn(like.shape[1:], generator=generator, device=generator.device) for generator in generators]).to(like)


def uniform(low: float, high: float, like: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Draw one number in ``low``..``high`` for each image of a batch: shape ``(N,)``, the batch's dtype and device."""
    if generators is None:
        unit = torch.rand(len(like), device=like.device, dtype=like.dtype)
    else:
        unit = torch.cat([torch.rand(1, generator=generator, device=generator.device) for generator in generators]).to(like)
    return low + (high - low) * unit
