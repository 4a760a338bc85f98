"""Add a camera's noise, as it looks after development."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, draw, level, to_eight_bits
from semrestore.degradations.blur import convolved
from semrestore.degradations.signal_dependent import poisson
from semrestore.registry import MODELS

# Brooks et al., section 3.1 and their released code: white balance, digital gain, and read noise over shot noise as of
# the DND cameras.
RED, BLUE = (1.9, 2.4), (1.5, 1.9)
EXPOSURE_MEAN, EXPOSURE_STD = 0.8, 0.1
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Points of the quadrature. It leaves a hundredth of the shift, and a tenth at black, where the curves have a kink.
NODES = 7
READ_SLOPE, READ_OFFSET, READ_STD = 2.18, 1.20, 0.26


@MODELS.register_module()
class CameraNoise(Degradation):
    """Take an image back to raw data, add a sensor's noise there, and develop it again.

    After Brooks et al., "Unprocessing Images for Learned Raw Denoising" (CVPR 2019), without their colour matrix: back
    through the tone curve, the sRGB curve and the white balance to a mosaic of red, green, green and blue; ``shot *
    Poisson(raw / shot) + N(0, read)`` there; then bilinear demosaicing, white balance, clipping, the sRGB curve and the
    tone curve. So red and blue are noisier than green, neighbours share their noise, and dark parts are noisier than
    bright ones, unless a tone curve makes it most in the middle.

    What is returned is the clean image plus the difference that the noise makes, so that the blur of demosaicing, which
    a photograph's own reference has as well, is no part of the task.

    Args:
        shot: Variance of the shot noise over the signal of 0..1, or a pair from whose logarithms each image draws its
            own uniformly; Brooks et al. have (1e-4, 1.2e-2).
        read: Variance of the read noise; by default drawn around their ``log(read) = 2.18 log(shot) + 1.20`` with a
            deviation of 0.26.
        smooth: Standard deviation in pixels, or a pair of them, of a blur of the developed noise, as cameras resize and
            smooth; 0 for none.
        chroma: Factor on the developed noise's colour (its difference to the luma of ITU-R BT.601), or a pair from
            which each image draws its own: above 1 as colour matrices and saturation do, below where a camera takes it
            away.
        chroma_smooth: As ``smooth``, for the colour alone and on top of that: cameras blur its noise more, as the eye
            does not mind.
        tone: How much of a camera's contrast curve, 0..1: ``x + tone * (3 x^2 - 2 x^3 - x)``, of which Brooks et al.
            have 1; or a pair from which each image draws its own.
        centred: Take off what the noise adds in the mean: the curves darken it, clipping at black brightens it. For
            references that are the mean of many developed shots, as in CC and PolyU, which have that shift as well.
        quantise: Clip the result to 0..1 and round it to 8 bits.
    """

    def __init__(
        self,
        shot: float | Sequence[float] = (1e-4, 1.2e-2),
        read: float | Sequence[float] | None = None,
        smooth: float | Sequence[float] = 0.0,
        chroma: float | Sequence[float] = 1.0,
        chroma_smooth: float | Sequence[float] = 0.0,
        tone: float | Sequence[float] = 0.0,
        centred: bool = False,
        quantise: bool = False,
    ) -> None:
        super().__init__()
        self.shot = bounds('shot', shot)
        if not self.shot[0] > 0:
            raise ValueError(f'shot is {shot}; expected a number above 0, or a pair of such numbers')
        self.read = None if read is None else bounds('read', read)
        self.smooth = bounds('smooth', smooth, most=8)
        self.chroma = bounds('chroma', chroma, most=8)
        self.chroma_smooth = bounds('chroma_smooth', chroma_smooth, most=8)
        self.tone = bounds('tone', tone, most=1)
        self.centred = centred
        self.quantise = quantise

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the developed noise; see :class:`~semrestore.degradations.base.Degradation`."""
        least, most = map(math.log, self.shot)
        shot = level(least, most, clean, generators).exp()
        if self.read is None:
            spread = READ_STD * draw((1,), clean, generators).squeeze(1)
            read = (READ_SLOPE * shot.log() + READ_OFFSET + spread).exp()
        else:
            read = level(*self.read, clean, generators)
        red, blue = level(*RED, clean, generators), level(*BLUE, clean, generators)
        exposure = (EXPOSURE_MEAN + EXPOSURE_STD * draw((1,), clean, generators).squeeze(1)).clamp(min=0.5, max=1.1)
        gains = torch.stack([red, torch.ones_like(red), blue], dim=1)[..., None, None] / exposure.view(-1, 1, 1, 1)
        height, width = clean.shape[-2:]
        padded = F.pad(
            clean.detach().clamp(0, 1), (0, width % 2, 0, height % 2), mode='replicate'
        )  # whole cells of the mosaic
        tone = None
        if self.tone[1] > 0:
            tone = level(*self.tone, clean, generators).view(-1, 1, 1, 1)
            padded = untoned(padded, tone)
        raw = mosaic(linear(padded) / gains)
        shot, read = shot.view(-1, 1, 1, 1), read.view(-1, 1, 1, 1)
        noisy = shot * poisson(raw / shot, generators) + read.sqrt() * draw(raw.shape[1:], raw, generators)
        noisy, light = demosaic(noisy) * gains, demosaic(raw) * gains
        still = rendered(light, tone)
        if self.centred:
            still = expected(light, demosaic(shot * raw + read, variance=True).sqrt() * gains, tone)
        difference = (rendered(noisy, tone) - still)[..., :height, :width]
        if self.smooth[1] > 0:
            difference = _smoothed(difference, level(*self.smooth, clean, generators))
        if self.chroma != (1, 1) or self.chroma_smooth[1] > 0:
            luma = (difference * difference.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
            colour = (difference - luma) * level(*self.chroma, clean, generators).view(-1, 1, 1, 1)
            if self.chroma_smooth[1] > 0:
                colour = _smoothed(colour, level(*self.chroma_smooth, clean, generators))
            difference = luma + colour
        images = clean + difference
        return Degraded(to_eight_bits(images) if self.quantise else images, None)

    def extra_repr(self) -> str:
        names = ('shot', 'read', 'smooth', 'chroma', 'chroma_smooth', 'tone', 'centred', 'quantise')
        return ', '.join(f'{name}={getattr(self, name)}' for name in names)


def linear(images: Tensor) -> Tensor:
    """Remove the sRGB curve (IEC 61966-2-1): from values in 0..1 to light in 0..1."""
    return torch.where(images <= 0.04045, images / 12.92, ((images.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def gamma(light: Tensor) -> Tensor:
    """Apply the sRGB curve: from light in 0..1 to values in 0..1."""
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def toned(images: Tensor, tone: Tensor) -> Tensor:
    """Apply a contrast curve: ``x + tone * (3 x^2 - 2 x^3 - x)``, both in 0..1."""
    return images + tone * images * (1 - images) * (2 * images - 1)


def untoned(images: Tensor, tone: Tensor) -> Tensor:
    """Undo :func:`toned`: return the middle root of a cubic equation, by Viète's formula."""
    tone = tone.clamp(min=1e-3)
    scale = ((2 + tone) / (3 * tone)).sqrt()
    sine = (2 * images - 1) / (tone * scale**3)
    return (0.5 + scale * (sine.clamp(-1, 1).asin() / 3).sin()).clamp(0, 1)  # rounding leaves -1e-7


def mosaic(images: Tensor) -> Tensor:
    """Keep one value of each pixel by a Bayer pattern RG/GB: ``(N, 3, H, W)`` to ``(N, 1, H, W)``, even sides."""
    raw = images[:, 1:2].clone()
    raw[..., ::2, ::2] = images[:, :1, ::2, ::2]
    raw[..., 1::2, 1::2] = images[:, 2:, 1::2, 1::2]
    return raw


def demosaic(raw: Tensor, variance: bool = False) -> Tensor:
    """Fill in each channel by the mean of its nearest known neighbours: ``(N, 1, H, W)`` to ``(N, 3, H, W)``.

    With ``variance`` it is the variance of independent noise that is given and returned.
    """
    known = torch.zeros(1, 3, *raw.shape[-2:], device=raw.device, dtype=raw.dtype)
    known[:, 0, ::2, ::2] = known[:, 2, 1::2, 1::2] = 1
    known[:, 1] = 1 - known[:, 0] - known[:, 2]
    cross = raw.new_tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]])
    square = raw.new_tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    kernels = torch.stack([square, cross, square])[:, None]
    # Divided by the weights of the known neighbours, of which the border has fewer.
    weights = F.conv2d(known, kernels, padding=1, groups=3)
    if variance:
        kernels, weights = kernels.square(), weights.square()
    return F.conv2d(raw * known, kernels, padding=1, groups=3) / weights


def rendered(light: Tensor, tone: Tensor | None = None) -> Tensor:
    """Clip, and apply the sRGB curve and the contrast curve, if there is one."""
    images = gamma(light.clamp(0, 1))
    return images if tone is None else toned(images, tone)


def expected(light: Tensor, deviation: Tensor, tone: Tensor | None = None) -> Tensor:
    """Return the mean of :func:`rendered` over normal noise of a standard deviation, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    return sum(
        weight * rendered(light + node * deviation, tone)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True)
    )


def _smoothed(noise: Tensor, blur: Tensor) -> Tensor:
    """Blur each image's noise by a Gaussian with its own standard deviation ``(N,)`` in pixels."""
    reach = [max(1, math.ceil(3 * one)) for one in blur.tolist()]
    places = torch.arange(-max(reach), max(reach) + 1, device=noise.device, dtype=noise.dtype)
    lines = torch.exp(-0.5 * (places / blur.clamp(min=1e-3)[:, None]) ** 2)
    # Independent of the other images' reach.
    lines = lines * (places.abs() <= blur.new_tensor(reach)[:, None])
    lines = lines / lines.sum(1, keepdim=True)
    return convolved(convolved(noise, lines[:, None], replicate=True), lines[:, :, None], replicate=True)
