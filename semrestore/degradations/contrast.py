"""Reduce the contrast."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level
from semrestore.registry import MODELS


@MODELS.register_module()
class LowContrast(Degradation):
    """Pull each channel towards its mean over the image: ``mean + factor * (x - mean)``.

    As ImageNet-C's contrast (Hendrycks and Dietterich, ICLR 2019).

    Args:
        factor: 1 for no change, 0 for none of the contrast left, or a pair from which each image draws its own
            uniformly.
    """

    def __init__(self, factor: float | Sequence[float]) -> None:
        super().__init__()
        self.factor = bounds('factor', factor, most=1)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Reduce the contrast; see :class:`~semrestore.degradations.base.Degradation`."""
        factor = level(*self.factor, clean, generators).view(-1, 1, 1, 1)
        mean = clean.mean((2, 3), keepdim=True)
        return Degraded(mean + factor * (clean - mean), None)

    def extra_repr(self) -> str:
        return f'factor={self.factor}'
