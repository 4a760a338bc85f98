"""Add Gaussian noise, white as in the paper."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import (
    PIXEL_MAX,
    Degradation,
    Degraded,
    bounds,
    level,
    standard_normal,
    to_eight_bits,
)
from semrestore.registry import MODELS

CHANNELS = 3


@MODELS.register_module()
class GaussianNoise(Degradation):
    """Add Gaussian noise, independent for every pixel and channel: ``noisy = clean + N(0, sigma^2)``.

    By default it is neither clipped nor quantised, as in the paper's tables.

    Args:
        sigma: Standard deviation on the 0..255 scale, or a pair ``(low, high)`` from which each image draws its own
            uniformly (blind training), or three of either for the red, green and blue channel.
        quantise: Clip the noisy image to 0..1 and round it to 8 bits, as if it had been stored in a file. Some articles
            evaluate so (``docs/evaluation.md`` has what it changes).
        correlation: How much the noise of two channels has in common, 0..1 (Pearson's), or a pair from which each image
            draws its own. Each channel keeps its sigma.
        grey: An image whose three channels are equal, as of a grey photo, gets the same noise in each.

    With unequal channels no one number describes the noise, and the ``sigma`` that is returned is ``None``.

    >>> noisy, sigma = GaussianNoise(25)(torch.full((1, 3, 64, 64), 0.5), [torch.Generator().manual_seed(0)])
    >>> round(255 * noisy.std().item()), round(255 * sigma.item())
    (25, 25)
    """

    def __init__(
        self,
        sigma: float | Sequence,
        quantise: bool = False,
        correlation: float | Sequence[float] = 0.0,
        grey: bool = False,
    ) -> None:
        super().__init__()
        channels = [sigma] if isinstance(sigma, int | float) or len(sigma) != CHANNELS else sigma
        self.per_channel = len(channels) == CHANNELS
        self.ranges = [bounds('sigma', one) for one in channels]
        self.low, self.high = self.ranges[0]
        self.quantise = quantise
        self.correlation = bounds('correlation', correlation, most=1)
        self.grey = grey

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the noise; see :class:`~semrestore.degradations.base.Degradation`."""
        sigmas = torch.stack(
            [level(low / PIXEL_MAX, high / PIXEL_MAX, clean, generators) for low, high in self.ranges], dim=1
        )
        noise = standard_normal(clean, generators)
        if self.correlation[1] > 0:
            shared = level(*self.correlation, clean, generators).view(-1, 1, 1, 1)
            noise = (1 - shared).sqrt() * noise + shared.sqrt() * standard_normal(clean[:, :1], generators)
        if self.grey:
            alike = (clean == clean[:, :1]).flatten(1).all(1).view(-1, 1, 1, 1)
            noise = torch.where(alike, noise[:, :1], noise)
        noisy = clean + sigmas[..., None, None] * noise
        return Degraded(to_eight_bits(noisy) if self.quantise else noisy, None if self.per_channel else sigmas[:, 0])

    def extra_repr(self) -> str:
        return f'sigma={self.ranges if self.per_channel else self.ranges[0]} of 255, quantise={self.quantise}'
