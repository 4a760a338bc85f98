"""DnCNN (Zhang et al., "Beyond a Gaussian Denoiser", IEEE TIP 2017), in colour."""

import re
from typing import cast

import torch
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.limits import DEEPEST
from semrestore.registry import MODELS


@MODELS.register_module()
class DnCNN(Denoiser):
    """Predict the noise by 3x3 convolutions at full resolution. Weights are for one level, or blind.

    Args:
        depth: Convolutions; 20 in the colour network. All but the first and last have batch normalisation.
        channels: Of the features.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``.

    >>> sum(parameter.numel() for parameter in DnCNN().parameters())
    669379
    """

    takes_sigma = False

    def __init__(self, depth: int = 20, channels: int = 64) -> None:
        super().__init__()
        if not 2 <= depth <= DEEPEST:
            raise ValueError(f'depth is {depth}; expected 2 to {DEEPEST}')
        self.body = plain_convolutions(3, channels, 3, depth)
        self.reach = depth  # one pixel for each convolution

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Restore a batch; ``sigma`` is ignored (see :class:`~semrestore.denoisers.base.Denoiser`)."""
        return noisy - self.body(noisy)


def plain_convolutions(in_channels: int, channels: int, out_channels: int, depth: int) -> nn.Sequential:
    """Return ``depth`` 3x3 convolutions with ReLU between, and normalisation except at the first and last."""
    layers: list[nn.Module] = [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
    for _ in range(depth - 2):
        convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    layers.append(nn.Conv2d(channels, out_channels, 3, padding=1))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


@torch.no_grad()
def load_plain_convolutions(body: nn.Sequential, layers: list[tuple[Tensor, Tensor]]) -> None:
    """Fill :func:`plain_convolutions` with convolutions whose batch normalisation is folded.

    Args:
        body: What to fill, in place; each of its normalisations becomes the addition of a bias.
        layers: Weight and bias of each convolution.
    """
    convolutions = [layer for layer in body if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in body if isinstance(layer, nn.BatchNorm2d)]
    biased: list[nn.Conv2d | nn.BatchNorm2d] = [convolutions[0], *norms, convolutions[-1]]
    for convolution, holder, (weight, bias) in zip(convolutions, biased, layers, strict=True):
        convolution.weight.copy_(weight)
        cast(Tensor, holder.bias).copy_(bias)
    for norm in norms:
        norm.weight.fill_(1)
        cast(Tensor, norm.running_mean).zero_()
        cast(Tensor, norm.running_var).fill_(1 - norm.eps)


def kair_convolutions(state: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Return the convolutions of DnCNN or FFDNet in the format of KAIR, the authors' PyTorch code.

    Returns:
        Weight and bias of each convolution; nothing if the weights are not in that format.
    """
    places = sorted({int(match[1]) for key in state if (match := re.fullmatch(r'model\.(\d+)\.weight', key))})
    if set(state) != {f'model.{place}.{name}' for place in places for name in ('weight', 'bias')}:
        return []
    layers = [(state[f'model.{place}.weight'], state[f'model.{place}.bias']) for place in places]
    return layers if all(weight.ndim == 4 for weight, _ in layers) else []
