"""DRUNet (Zhang et al., "Plug-and-Play Image Restoration With Deep Denoiser Prior", IEEE TPAMI 2021), in colour."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.limits import DEEPEST
from semrestore.padding import crop, reflect_pad
from semrestore.registry import MODELS

SCALES = 4


@MODELS.register_module()
class DRUNet(Denoiser):
    """Restore by a U-Net of residual blocks at four scales, which takes the noise level as an input.

    It has neither biases nor normalisation, so it is homogeneous: the image and ``sigma`` times ``a`` give the result
    times ``a``.

    Args:
        channels: Of the features at each of the four scales, finest first.
        blocks: Residual blocks at each scale, on the way down and on the way up.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``: the input is padded by reflection to multiples of 8.

    >>> sum(parameter.numel() for parameter in DRUNet().parameters())
    32640960
    """

    needs_sigma = True

    def __init__(self, channels: Sequence[int] = (64, 128, 256, 512), blocks: int = 4) -> None:
        super().__init__()
        channels = tuple(channels)
        if len(channels) != SCALES or min(channels) < 1:
            raise ValueError(f'channels is {channels}; expected a positive number for each of the {SCALES} scales')
        if not 1 <= blocks <= DEEPEST:
            raise ValueError(f'blocks is {blocks}; expected 1 to {DEEPEST}')
        steps = list(pairwise(channels))
        self.head = _convolution(3 + 1, channels[0])
        self.downs = nn.ModuleList(
            nn.Sequential(_blocks(fine, blocks), nn.Conv2d(fine, coarse, 2, stride=2, bias=False))
            for fine, coarse in steps
        )
        self.body = _blocks(channels[-1], blocks)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(coarse, fine, 2, stride=2, bias=False), _blocks(fine, blocks))
            for fine, coarse in steps[::-1]
        )
        self.tail = _convolution(channels[0], 3)
        self.stride = 2 ** (SCALES - 1)
        # Head and tail; two convolutions a block, down and up (once at the coarsest scale); 2 x 2 pixels a change of
        # scale.
        self.reach = 2 + 2 * blocks * (2 * (1 + 2 + 4) + 8) + 2 * (1 + 2 + 4)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.orthogonal_(module.weight, gain=0.2)  # as the authors start it

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known, each image may have its own."""
        if sigma is None:
            raise ValueError('DRUNet needs sigma, but this degradation gives none')
        height, width = noisy.shape[-2:]
        multiple = 2 ** (SCALES - 1)
        x = reflect_pad(noisy, 0, -width % multiple, 0, -height % multiple)
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).expand(noisy.shape[0]).view(-1, 1, 1, 1)
        x = self.head(torch.cat((x, level.expand(-1, 1, *x.shape[-2:])), dim=1))
        features = [x]
        for down in self.downs:
            features.append(down(features[-1]))
        x = self.body(features[-1])
        for up in self.ups:
            x = up(x + features.pop())
        return crop(self.tail(x + features.pop()), height, width)


class _Block(nn.Module):
    """Add two 3x3 convolutions with a ReLU between them to the input, without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x), inplace=True))


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(channels) for _ in range(count)))


def _convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
