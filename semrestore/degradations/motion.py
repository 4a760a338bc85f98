"""Blur like a camera that moved during the exposure."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level
from semrestore.degradations.blur import LARGEST, convolved
from semrestore.registry import MODELS

STEPS = 4
"""A pixel, in which the way is followed."""


@MODELS.register_module()
class MotionBlur(Degradation):
    """Blur by a uniform motion along a straight line: the mean of the image shifted along it.

    ``x * k`` with ``k`` constant on a line of the stated length (Lagendijk and Biemond, "Basic Methods for Image
    Restoration and Identification", Handbook of Image and Video Processing, 2000). The line's points between pixels
    are shared out bilinearly.

    Args:
        length: Of the line in pixels, or a pair from which each image draws its own uniformly.
        angle: Of the line in degrees, counterclockwise from the horizontal, or a pair; by default any.
    """

    def __init__(self, length: float | Sequence[float], angle: float | Sequence[float] = (0, 180)) -> None:
        super().__init__()
        self.length = bounds('length', length, most=2 * LARGEST)
        self.angle = bounds('angle', angle, most=180)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Blur; see :class:`~semrestore.degradations.base.Degradation`. The border is mirrored."""
        length = level(*self.length, clean, generators)
        angle = level(*self.angle, clean, generators) * math.pi / 180
        reach = max(1, math.ceil(length.max().item() / 2))
        # Each image has its own number of points on its line, independent of the rest of the batch.
        points = (STEPS * length).ceil().clamp(min=1)
        number = torch.arange(int(points.max()), device=clean.device, dtype=clean.dtype)
        way = ((number + 0.5) / points[:, None] - 0.5) * length[:, None]
        counted = (number < points[:, None]).to(clean)
        places = torch.arange(-reach, reach + 1, device=clean.device, dtype=clean.dtype)
        # The weight that a point gives to each row and to each column, by its distance.
        rows = (1 - (-way * angle.sin()[:, None] - places.view(-1, 1, 1)).abs()).clamp(min=0)
        columns = (1 - (way * angle.cos()[:, None] - places.view(-1, 1, 1)).abs()).clamp(min=0)
        kernels = torch.einsum('rnp,cnp,np->nrc', rows, columns, counted)
        return Degraded(convolved(clean, kernels / kernels.sum((1, 2), keepdim=True)), None)

    def extra_repr(self) -> str:
        return f'length={self.length} pixels, angle={self.angle} degrees'
