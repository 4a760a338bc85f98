"""Additive white Gaussian noise, as the paper and the denoising literature use it: ``noisy = clean + N(0, sigma^2)``."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, standard_normal, uniform
from semrestore.registry import MODELS

PIXEL_MAX = 255.0


@MODELS.register_module()
class GaussianNoise(Degradation):
    """I.i.d. Gaussian noise on every pixel and channel, by default neither clipped nor quantised, as in the paper's tables.

    Args:
        sigma: Standard deviation on the 0..255 scale, or a pair ``(low, high)`` from which each image draws its own uniformly (blind
            training).
        quantise: Clip the noisy image to 0..1 and round it to 8 bits, as if it had been stored in a file. Some articles evaluate so
            (``docs/evaluation.md`` has what it changes).

    >>> noisy, sigma = GaussianNoise(25)(torch.full((1, 3, 64, 64), 0.5), [torch.Generator().manual_seed(0)])
    >>> round(255 * noisy.std().item()), round(255 * sigma.item())
    (25, 25)
    """

    def __init__(self, sigma: float | Sequence[float], quantise: bool = False) -> None:
        super().__init__()
        low, high = (sigma, sigma) if isinstance(sigma, int | float) else sigma
        if not 0 <= low <= high:
            raise ValueError(f'sigma is {sigma}; expected a number of at least 0, or a pair (low, high) of such numbers')
        self.low, self.high = float(low), float(high)
        self.quantise = quantise

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the noise; see :class:`~semrestore.degradations.base.Degradation`."""
        if self.low == self.high:
            sigma = clean.new_full((len(clean),), self.low / PIXEL_MAX)
        else:
            sigma = uniform(self.low / PIXEL_MAX, self.high / PIXEL_MAX, clean, generators)
        noisy = clean + sigma.view(-1, 1, 1, 1) * standard_normal(clean, generators)
        if self.quantise:
            noisy = (noisy.clamp(0, 1) * PIXEL_MAX).round() / PIXEL_MAX
        return Degraded(noisy, sigma)

    def extra_repr(self) -> str:
        return f'sigma={self.low}..{self.high} of 255, quantise={self.quantise}'
