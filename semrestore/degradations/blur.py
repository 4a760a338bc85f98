"""Blur as optics do: out of focus, or softened."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level
from semrestore.padding import reflect_pad
from semrestore.registry import MODELS

LARGEST = 64
"""Of a radius or a standard deviation in pixels."""
SUBPIXELS = 5
"""Along each axis, over which a kernel's edge is averaged."""


@MODELS.register_module()
class GaussianBlur(Degradation):
    """Blur by a Gaussian: ``x * k`` with ``k(d)`` in proportion to ``exp(-d^2 / (2 sigma^2))``, cut off at four sigmas.

    One of ImageNet-C's corruptions (Hendrycks and Dietterich, ICLR 2019); the cut is that of
    :func:`scipy.ndimage.gaussian_filter`.

    Args:
        sigma: Standard deviation in pixels, or a pair from which each image draws its own uniformly.
    """

    def __init__(self, sigma: float | Sequence[float]) -> None:
        super().__init__()
        self.sigma = bounds('sigma', sigma, most=LARGEST)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Blur; see :class:`~semrestore.degradations.base.Degradation`. The border is mirrored."""
        sigma = level(*self.sigma, clean, generators)
        places = _places(max(1, round(4 * sigma.max().item())), clean)
        lines = torch.exp(-0.5 * (places / sigma.clamp(min=1e-3)[:, None]) ** 2)
        # Independent of the other images' reach.
        lines = lines * (places.abs() <= (4 * sigma).round().clamp(min=1)[:, None])
        lines = lines / lines.sum(1, keepdim=True)
        return Degraded(convolved(convolved(clean, lines[:, None]), lines[:, :, None]), None)

    def extra_repr(self) -> str:
        return f'sigma={self.sigma} pixels'


@MODELS.register_module()
class DefocusBlur(Degradation):
    """Blur like a lens out of focus: ``x * k`` with ``k`` constant on a disc, as of a round aperture.

    As ImageNet-C's (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
    Perturbations", ICLR 2019), whose disc is smoothed by a Gaussian; here its edge is averaged over parts of pixels.

    Args:
        radius: Of the disc in pixels, or a pair from which each image draws its own uniformly.
    """

    def __init__(self, radius: float | Sequence[float]) -> None:
        super().__init__()
        self.radius = bounds('radius', radius, most=LARGEST)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Blur; see :class:`~semrestore.degradations.base.Degradation`. The border is mirrored."""
        radius = level(*self.radius, clean, generators)
        reach = max(1, round(radius.max().item() + 0.5))
        fine = _places(reach * SUBPIXELS + SUBPIXELS // 2, clean) / SUBPIXELS
        # A disc smaller than a pixel is one pixel.
        discs = (fine[:, None] ** 2 + fine**2 <= radius.clamp(min=0.25).view(-1, 1, 1) ** 2).to(clean)
        kernels = F.avg_pool2d(discs[:, None], SUBPIXELS).squeeze(1)
        return Degraded(convolved(clean, kernels / kernels.sum((1, 2), keepdim=True)), None)

    def extra_repr(self) -> str:
        return f'radius={self.radius} pixels'


def convolved(images: Tensor, kernels: Tensor, replicate: bool = False) -> Tensor:
    """Convolve each image of a batch with its own kernel.

    Args:
        images: Shape ``(N, C, H, W)``.
        kernels: Shape ``(N, h, w)``, of odd sides.
        replicate: Repeat the pixels at the border instead of mirroring the image there.
    """
    count, channels, height, width = images.shape
    rows, columns = (side // 2 for side in kernels.shape[1:])
    if replicate:
        padded = F.pad(images, (columns, columns, rows, rows), mode='replicate')
    else:
        padded = reflect_pad(images, columns, columns, rows, rows)
    padded = padded.reshape(1, count * channels, height + 2 * rows, width + 2 * columns)
    weights = kernels.flip(1, 2).repeat_interleave(channels, 0)[:, None]
    return F.conv2d(padded, weights, groups=count * channels).view(images.shape)


def _places(reach: int, like: Tensor) -> Tensor:
    return torch.arange(-reach, reach + 1, device=like.device, dtype=like.dtype)
