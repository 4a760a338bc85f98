"""Run the paper's denoiser faster, by merging its linear layers at full resolution.

The first convolution (``head``), the last upsampling and the last convolution (``tail``) have no activation. So three
chains are linear and each is one convolution, the product of its parts:

- ``head``, then the strided convolution of the first encoding module: 7x7 with stride 2 on the image itself;
- ``head``, then its half of ``tail``: 7x7 from 3 to 3 channels;
- the last upsampling, then its half of ``tail``: 3x3 at half resolution, to the four pixels of each 2x2 cell.

This removes every feature map at full resolution and a third of the multiply-adds. The result is the same but for
rounding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.acceleration.fusion import fused
from semrestore.denoisers import Denoiser, MultiScaleDenoiser
from semrestore.denoisers.multiscale import ResidualModule
from semrestore.padding import crop, reflect_pad

HEAD_BORDER = 3


class FusedMultiScale(Denoiser):
    """Compute what the paper's denoiser computes, with merged linear layers. It shares the denoiser's modules.

    Args:
        denoiser: A denoiser with ``downsample='conv'`` whose batch normalisation is folded.
    """

    def __init__(self, denoiser: MultiScaleDenoiser) -> None:
        super().__init__()
        self.pixel_range = denoiser.pixel_range
        self.global_skip = denoiser.global_skip
        self.multiple = self.stride = denoiser.stride
        self.reach = denoiser.reach
        self.body = denoiser
        head, tail = denoiser.head, denoiser.tail
        upsample, first = denoiser.upsamples[-1], _first_encoder(denoiser).conv
        assert isinstance(upsample, nn.ConvTranspose2d)
        with torch.no_grad():
            fine = coarse = tail.weight.double()
            if denoiser.fusion == 'concat':
                fine, coarse = fine.split([head.out_channels, upsample.out_channels], dim=1)
            entry = _product(first.weight.double(), head.weight.double())
            entry_bias = _bias(first) + _through(first.weight.double(), _bias(head))
            skip = _product(fine, head.weight.double())
            skip_bias = _bias(tail) + _through(fine, _bias(head)) + _through(coarse, _bias(upsample))
            self.entry = _convolution(entry, entry_bias, stride=2)
            self.skip = _convolution(skip, skip_bias)
            self.exit = _convolution(_upsampled(coarse, upsample.weight.double()), None, padding=1)
        self.to(head.weight)

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.MultiScaleDenoiser`."""
        height, width = noisy.shape[-2:]
        bottom, right = (HEAD_BORDER + (-(size + 2)) % self.multiple for size in (height, width))
        x = reflect_pad(
            noisy * self.pixel_range if self.pixel_range != 1 else noisy, HEAD_BORDER, right, HEAD_BORDER, bottom
        )
        features = [self._encode_first(x)]
        for encoder in self.body.encoders[1:]:
            features.append(encoder(features[-1]))
        y = self.body.bottom(features.pop())
        for upsample, decoder in zip(self.body.upsamples[:-1], self.body.decoders, strict=True):
            y = decoder(self.body.fuse(features.pop(), upsample(y)))
        # In float32, because an image rounded to bfloat16 costs 0.03 dB.
        with torch.autocast(x.device.type, enabled=False):
            skip = self.skip(x)
        residual = skip + F.pixel_shuffle(self.exit(y), 2)[..., 1:-1, 1:-1]
        residual = crop(residual, height, width)
        if self.pixel_range != 1:
            residual = residual / self.pixel_range
        return noisy + residual if self.global_skip else residual

    def _encode_first(self, x: Tensor) -> Tensor:
        first = _first_encoder(self.body)
        y = self.entry(F.pad(x, (1, 0, 1, 0)))
        # The first row and column of this convolution see zeros beyond the border instead of features.
        y[..., :1, :] = first.conv(self.body.head(x[..., :6, :]))
        # Two columns, of which one is used: on CPUs with AMX, oneDNN 3.12's strided convolutions in bfloat16 return
        # garbage where the output is one pixel wide (docs/reliability.md).
        y[..., :, :1] = first.conv(self.body.head(x[..., :, :8]))[..., :1]
        return first.after_convolution(y)


@fused.register
def _(denoiser: MultiScaleDenoiser) -> Denoiser:
    if type(denoiser) is not MultiScaleDenoiser:
        return denoiser  # a subclass may compute something else
    first = _first_encoder(denoiser)
    folded = isinstance(first.norm, nn.Identity) and isinstance(first.pool, nn.Identity)
    return FusedMultiScale(denoiser) if folded and first.conv.stride == (2, 2) else denoiser


def _first_encoder(denoiser: MultiScaleDenoiser) -> ResidualModule:
    first = denoiser.encoders[0]
    assert isinstance(first, ResidualModule)
    return first


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias.double()


def _convolution(weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    out_channels, in_channels, height, width = weight.shape
    convolution = nn.Conv2d(in_channels, out_channels, (height, width), stride, padding, bias=bias is not None)
    convolution.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        convolution.bias = nn.Parameter(bias, requires_grad=False)
    return convolution


def _product(second: Tensor, first: Tensor) -> Tensor:
    """Return the kernel ``(out, in, a + b - 1, ...)`` that equals one convolution followed by another."""
    return F.conv_transpose2d(second, first)


def _through(weight: Tensor, bias: Tensor) -> Tensor:
    """Return what a constant in each input channel adds to the output channels."""
    return weight.sum((2, 3)) @ bias


def _upsampled(tail: Tensor, upsample: Tensor) -> Tensor:
    """Return the 3x3 kernel that equals a 4x4 deconvolution of stride 2 followed by a 3x3 convolution.

    Args:
        tail: Kernel ``(out, middle, 3, 3)``.
        upsample: Kernel ``(in, middle, 4, 4)`` of the deconvolution, which has padding 1.

    Returns:
        Kernel ``(4 out, in, 3, 3)`` in the order of ``pixel_shuffle``, for the cells around which ``tail`` is centred.
    """
    # What an input pixel adds to the output at distance t = -2 .. 3: sum over s of tail[s] upsample[t + s].
    spread = F.conv2d(F.pad(upsample, (2, 2, 2, 2)), tail)  # (in, out, 6, 6)
    # Row a of cell q is at distance 2 (q - i) + a from input row i: three rows i around q.
    rows = spread.unflatten(3, (3, 2)).unflatten(2, (3, 2)).flip(2, 4)  # (in, out, i, a, j, b)
    return rows.permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
