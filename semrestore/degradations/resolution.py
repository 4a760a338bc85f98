"""Remove detail, as in a small sensor or a resized copy."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level
from semrestore.registry import MODELS


@MODELS.register_module()
class LowResolution(Degradation):
    """Reduce an image and enlarge it again, both bicubic, the reduction with Pillow's antialiasing.

    ``x`` reduced to ``round(H / factor) x round(W / factor)`` and enlarged to ``H x W`` by the cubic kernel with
    ``a = -0.5``. The usual degradation of super-resolution (Keys, "Cubic Convolution Interpolation for Digital Image
    Processing", IEEE TASSP 1981), with the result at the image's own size, so that a denoiser can restore it.

    Args:
        factor: Reduction of each side, at least 1, or a pair from which each image draws its own uniformly.
    """

    def __init__(self, factor: float | Sequence[float]) -> None:
        super().__init__()
        self.factor = bounds('factor', factor, least=1, most=32)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Reduce and enlarge; see :class:`~semrestore.degradations.base.Degradation`."""
        size = clean.shape[-2:]
        small = [
            [max(1, round(side / factor)) for side in size]
            for factor in level(*self.factor, clean, generators).tolist()
        ]
        images = [
            F.interpolate(
                F.interpolate(image[None], reduced, mode='bicubic', antialias=True),
                size,
                mode='bicubic',
                antialias=True,
            )
            for image, reduced in zip(clean, small, strict=True)
        ]
        return Degraded(torch.cat(images), None)

    def extra_repr(self) -> str:
        return f'factor={self.factor}'
