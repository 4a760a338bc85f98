"""Add haze between the camera and the scene."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, draw, level
from semrestore.registry import MODELS

GRID = 4
"""Sides of the grid of random depths from which the smooth depth is interpolated."""


@MODELS.register_module()
class Haze(Degradation):
    """Add haze by Koschmieder's law: ``x t + airlight (1 - t)`` with ``t = exp(-density * depth)``.

    (Narasimhan and Nayar, "Vision and the Atmosphere", IJCV 2002.) The depth is a smooth random field of 0 to 1: four
    by four uniform numbers, interpolated bicubically and stretched to that range.

    Args:
        density: Optical thickness at depth 1, or a pair from which each image draws its own uniformly.
        airlight: Brightness of the haze itself, 0..1, or a pair.
    """

    def __init__(self, density: float | Sequence[float], airlight: float | Sequence[float] = (0.7, 1.0)) -> None:
        super().__init__()
        self.density = bounds('density', density, most=20)
        self.airlight = bounds('airlight', airlight, most=1)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the haze; see :class:`~semrestore.degradations.base.Degradation`."""
        density, airlight = (
            level(*limits, clean, generators).view(-1, 1, 1, 1) for limits in (self.density, self.airlight)
        )
        coarse = draw((1, GRID, GRID), clean, generators, torch.rand)
        depth = F.interpolate(coarse, clean.shape[-2:], mode='bicubic', align_corners=True)
        least, most = depth.amin((2, 3), keepdim=True), depth.amax((2, 3), keepdim=True)
        transmission = torch.exp(-density * (depth - least) / (most - least).clamp(min=1e-6))
        return Degraded(clean * transmission + airlight * (1 - transmission), None)

    def extra_repr(self) -> str:
        return f'density={self.density}, airlight={self.airlight}'
