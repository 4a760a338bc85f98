"""The contract of a degradation, and the seeding that makes evaluation noise reproducible."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

PIXEL_MAX = 255.0


class Degraded(NamedTuple):
    """Hold what a degradation returns."""

    images: Tensor
    """Degraded batch of the clean batch's shape. It may leave 0..1."""

    sigma: Tensor | None
    """Standard deviation of the noise on 0..1, shape ``(N,)``; ``None`` where no one number describes it."""


class Degradation(nn.Module):
    """Base class of degradations, which turn clean images into degraded ones on the images' device."""

    takes_pairs: bool = False
    """Whether the data bring the noisy images, so that :meth:`forward` is not called."""

    keeps_clean: bool = True
    """Whether the images that :meth:`forward` is given are clean ones, so that PSNR means something."""

    @abstractmethod
    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Degrade a batch.

        Args:
            clean: RGB batch of shape ``(N, 3, H, W)``, 0..1.
            generators: One generator an image: its noise then depends on nothing but its generator. In evaluation they
                are the CPU's, in training the device's; what is drawn on another device than the images' has to be
                moved. ``None`` draws from torch's global stream on the images' device.
        """


def image_generator(seed: int, name: str) -> torch.Generator:
    """Return the CPU generator of an evaluation image, which depends only on the seed and the image's name.

    >>> first, second = (torch.randn(3, generator=image_generator(0, 'cat')) for _ in range(2))
    >>> torch.equal(first, second)
    True
    """
    digest = hashlib.sha256(f'{seed}:{name}'.encode(errors='surrogateescape')).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], 'big') >> 1)  # manual_seed takes 63 bits


def bounds(
    name: str, value: float | Sequence[float], least: float = 0, most: float = float('inf')
) -> tuple[float, float]:
    """Return a parameter of a degradation as ``(low, high)``, from a number or a pair.

    Raises:
        ValueError: It is neither, or leaves ``least``..``most``.
    """
    pair = (value, value) if isinstance(value, int | float) else tuple(value)
    if len(pair) != 2 or not least <= pair[0] <= pair[1] <= most or pair[1] > 1e30:  # float32 ends
        limits = f'of at least {least:g}' if most == float('inf') else f'in {least:g}..{most:g}'
        raise ValueError(f'{name} is {value}; expected a number {limits}, or a pair (low, high) of such numbers')
    return float(pair[0]), float(pair[1])


def draw(
    shape: Sequence[int], like: Tensor, generators: Sequence[torch.Generator] | None, how: Callable = torch.randn
) -> Tensor:
    """Draw an array of ``shape`` for each image of a batch: shape ``(N, *shape)``, the batch's dtype and device.

    Args:
        shape: Of what one image needs.
        like: The batch.
        generators: As in :meth:`Degradation.forward`. In evaluation numbers are drawn on the CPU: a CUDA generator of
            the same seed gives others.
        how: ``torch.randn`` or ``torch.rand``.
    """
    if generators is None:
        return how(len(like), *shape, device=like.device, dtype=like.dtype)
    return torch.stack([how(*shape, generator=generator, device=generator.device) for generator in generators]).to(like)


def standard_normal(like: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Draw N(0, 1) of a batch's shape, dtype and device, image by image where generators are given."""
    if generators is None:
        return torch.randn_like(like)  # randn_like keeps the memory format
    return draw(like.shape[1:], like, generators)


def uniform(low: float, high: float, like: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Draw one number in ``low``..``high`` for each image of a batch: shape ``(N,)``, the batch's dtype and device."""
    return low + (high - low) * draw((1,), like, generators, torch.rand).squeeze(1)


def level(low: float, high: float, like: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Return a parameter for each image, shape ``(N,)``; nothing is drawn where ``low`` is ``high``."""
    return like.new_full((len(like),), low) if low == high else uniform(low, high, like, generators)


def to_eight_bits(images: Tensor) -> Tensor:
    """Clip to 0..1 and round to 8 bits, as a file would store it; the gradient is that of the clipping."""
    clipped = images.clamp(0, 1)
    return clipped + ((clipped * PIXEL_MAX).round() / PIXEL_MAX - clipped).detach()
