"""FFDNet (Zhang, Zuo and Zhang, "FFDNet: Toward a Fast and Flexible Solution", IEEE TIP 2018), in colour."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.denoisers.base import Denoiser, crop
from semrestore.denoisers.dncnn import plain_convolutions
from semrestore.limits import DEEPEST
from semrestore.registry import MODELS


@MODELS.register_module()
class FFDNet(Denoiser):
    """3x3 convolutions at half resolution with the noise level as an input: one network for all levels.

    Args:
        depth: Convolutions; 12 in the colour network. All but the first and last have batch normalisation.
        channels: Of the features.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``: odd sizes are padded by their last row and column.

    >>> sum(parameter.numel() for parameter in FFDNet().parameters())
    853068
    """

    def __init__(self, depth: int = 12, channels: int = 96, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if not 2 <= depth <= DEEPEST:
            raise ValueError(f'depth is {depth}; expected 2 to {DEEPEST}')
        self.body = plain_convolutions(4 * 3 + 1, channels, 4 * 3, depth)
        self.reach, self.stride = 2 * depth + 1, 2  # two pixels a convolution, and one within the cell of 2 x 2

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known, each image may have its own."""
        if sigma is None:
            raise ValueError('FFDNet needs sigma, and this degradation has none')
        height, width = noisy.shape[-2:]
        x = F.pixel_unshuffle(F.pad(noisy, (0, width % 2, 0, height % 2), mode='replicate'), 2)
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).expand(noisy.shape[0]).view(-1, 1, 1, 1)
        x = self.body(torch.cat((x, level.expand(-1, 1, *x.shape[-2:])), dim=1))
        return crop(F.pixel_shuffle(x, 2), height, width)
