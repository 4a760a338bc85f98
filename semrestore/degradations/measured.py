"""Measure noise on photos, and add such noise: its level by brightness, and its correlations."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, draw, to_eight_bits
from semrestore.errors import UserError
from semrestore.registry import MODELS

BLOCK, CELL = 16, 4
FLATTEST = 0.1
LEAST_BLOCKS = 20
BINS, LOWER, ROUNDS, NEAR = 6, 0.05, 8, 0.3
DARK, BRIGHT = 0.06, 0.94
LARGEST_BLUR = 3.0
ONE_LEVEL = 1.8  # photos with the same noise differ by up to 1.7, because texture counts as noise


@MODELS.register_module()
class MeasuredNoise(Degradation):
    """Add normal noise of variance ``gain * clean + read^2`` that channels and neighbouring pixels share.

    The variance is that of a sensor (Foi et al., IEEE TIP 2008); what a camera does afterwards spreads it over
    neighbours and channels. :func:`measure_noise` reads the numbers off noisy photos.

    Args:
        gain: How the variance grows with brightness, on 0..1.
        read: Standard deviation at black, on 0..1.
        correlation: Of two channels, 0..1.
        blur: Standard deviation in pixels of the Gaussian that makes neighbours alike; 0 for white noise. Each pixel
            keeps its variance.
        strength: Factor on the standard deviation, or a pair from which each image draws its own.
        quantise: Clip to 0..1 and round to 8 bits.
    """

    def __init__(
        self,
        gain: float,
        read: float,
        correlation: float = 0.0,
        blur: float = 0.0,
        strength: float | Sequence[float] = 1.0,
        quantise: bool = False,
    ) -> None:
        super().__init__()
        self.gain, self.read = _number('gain', gain), _number('read', read)
        self.correlation = _number('correlation', correlation, most=1)
        self.blur = _number('blur', blur, most=LARGEST_BLUR)
        self.strength = bounds('strength', strength)
        self.quantise = quantise

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the noise; see :class:`~semrestore.degradations.base.Degradation`."""
        kernel = torch.from_numpy(gaussian(self.blur)).to(clean)
        margin = len(kernel) // 2
        height, width = (side + 2 * margin for side in clean.shape[-2:])
        own = draw((3, height, width), clean, generators)
        shared = draw((1, height, width), clean, generators)
        noise = (1 - self.correlation) ** 0.5 * own + self.correlation**0.5 * shared
        if margin:
            rows = kernel.view(1, 1, 1, -1).expand(3, -1, -1, -1)
            noise = F.conv2d(F.conv2d(noise, rows, groups=3), rows.transpose(2, 3), groups=3)
        low, high = self.strength
        strength = low + (high - low) * draw((1, 1, 1), clean, generators, torch.rand)
        level = (self.gain * clean.detach().clamp(0, 1) + self.read**2).sqrt()
        noisy = clean + strength * level * noise
        return Degraded(to_eight_bits(noisy) if self.quantise else noisy, None)

    def extra_repr(self) -> str:
        return f'gain={self.gain}, read={self.read}, correlation={self.correlation}, blur={self.blur}'


def _number(name: str, value: float, most: float = float('inf')) -> float:
    """Return a parameter that is one for all images.

    Raises:
        ValueError: It is a pair, or leaves 0..``most``.
    """
    if not isinstance(value, int | float):
        raise ValueError(f'{name} is {value}; expected one number. Of MeasuredNoise only strength may be a pair')
    return bounds(name, value, most=most)[0]


class NoiseModel(NamedTuple):
    """Hold the parameters of a :class:`MeasuredNoise`."""

    gain: float
    read: float
    correlation: float
    blur: float
    strength: tuple[float, float] = (1.0, 1.0)

    def sigma(self, brightness: float) -> float:
        """Return the standard deviation on 0..255 at a brightness in 0..1, of strength 1."""
        return 255 * (self.gain * brightness + self.read**2) ** 0.5

    def config(self) -> dict:
        """Return the degradation's config."""
        *values, strength = self
        numbers = {name: round(value, 6) for name, value in zip(self._fields, values, strict=False)}
        return dict(type='MeasuredNoise', **numbers, strength=tuple(round(value, 3) for value in strength))


def measure_noise(images: Iterable[Tensor]) -> NoiseModel:
    """Measure the noise of photos that have no clean partner, in their flattest blocks of 16 x 16 pixels.

    A block is flat if the means of its cells of 4 x 4 pixels differ little beside what differs within them. The
    variances of the flattest tenth, without a plane fitted to each, against their brightness give ``gain`` and
    ``read``: a line through the lower ones at first, since texture adds to them, then through those that lie near it.
    In these blocks the correlation of channels and of neighbours gives the rest.

    Each photo with enough blocks is also measured alone. If the photos' levels differ, as those of several
    sensitivities do, the parameters are the medians of the photos, and ``strength`` is the range of their levels.

    JPEG takes a camera's noise out of the flattest blocks: on the 15 photos of ``cc15`` this finds 0.74 of the true
    standard deviation in the median, 0.4 to 0.9 photo by photo.

    Args:
        images: RGB, ``(3, H, W)``, 0..1, of at least 64 x 64 pixels.

    Raises:
        UserError: No noise can be measured, as in images of one colour or of texture only.
    """
    found = [_flattest(image.double()) for image in images]
    if sum(map(len, found)) < LEAST_BLOCKS:
        raise UserError(
            'the noise cannot be measured: the photos have too few flat regions of middle brightness. Add photos'
            ' with such regions'
        )
    together = _model(torch.cat(found))
    large = [blocks for blocks in found if len(blocks) >= LEAST_BLOCKS]
    if len(large) < 2:
        return together
    alone = [_model(blocks) for blocks in large]
    typical = NoiseModel(*(statistics.median(values) for values in zip(*(one[:4] for one in alone), strict=True)))
    brightness = [blocks.mean().item() for blocks in large]
    levels = [one.sigma(mean) / typical.sigma(mean) for one, mean in zip(alone, brightness, strict=True)]
    low, high = np.quantile(levels, (0.1, 0.9)).tolist()
    return together if high / low < ONE_LEVEL else typical._replace(strength=(low, high))


def _flattest(image: Tensor) -> Tensor:
    """Return the flattest tenth of an image's blocks of middle brightness: ``(N, 3, 16, 16)``."""
    blocks = _blocks(image)
    if not len(blocks):
        return blocks
    inside, between = _cells(blocks)
    brightness = blocks.mean((2, 3))
    usable = ((brightness > DARK) & (brightness < BRIGHT)).all(1) & (inside > 0)
    ratio = torch.where(usable, between / inside.clamp_min(1e-12), torch.inf)
    chosen = ratio.topk(max(1, round(FLATTEST * len(blocks))), largest=False).indices
    return blocks[chosen[ratio[chosen].isfinite()]]


def _model(blocks: Tensor) -> NoiseModel:
    """Fit the noise of flat blocks."""
    residual = _without_plane(blocks)
    means, variances = blocks.mean((2, 3)).numpy(), (residual.square().sum((2, 3)) / (BLOCK**2 - 3)).numpy()
    gain, read, near = _fitted(means, variances)
    residual = residual[torch.from_numpy(near)]
    normal = residual / residual.square().mean((2, 3), keepdim=True).sqrt().clamp_min(1e-12)
    channels = [(normal[:, one] * normal[:, other]).mean().item() for one, other in ((0, 1), (1, 2), (0, 2))]
    neighbours = (normal[..., 1:] * normal[..., :-1]).mean() + (normal[..., 1:, :] * normal[..., :-1, :]).mean()
    return NoiseModel(gain, read, float(np.clip(np.mean(channels), 0, 1)), _blur_of(neighbours.item() / 2))


def _blocks(image: Tensor) -> Tensor:
    """Return an image's blocks: ``(N, 3, 16, 16)``."""
    height, width = (side // BLOCK * BLOCK for side in image.shape[-2:])
    if not height or not width:
        return image.new_zeros(0, 3, BLOCK, BLOCK)
    parts = image[:, :height, :width].unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK)
    return parts.permute(1, 2, 0, 3, 4).flatten(0, 1)


def _cells(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the variance within a block's cells and the variance of their means, over all channels: ``(N,)``."""
    cells = blocks.unfold(2, CELL, CELL).unfold(3, CELL, CELL).flatten(4).flatten(2, 3)
    return cells.var(-1).mean((1, 2)), cells.mean(-1).var(-1).mean(1)


def _without_plane(blocks: Tensor) -> Tensor:
    """Subtract a fitted plane from each channel of each block."""
    places = torch.linspace(-1, 1, BLOCK, dtype=blocks.dtype)
    rows, columns = places.view(-1, 1).expand(BLOCK, BLOCK), places.view(1, -1).expand(BLOCK, BLOCK)
    basis, _ = torch.linalg.qr(torch.stack([torch.ones_like(rows), rows, columns]).flatten(1).T)
    flat = blocks.flatten(2)
    return (flat - flat @ basis @ basis.T).view_as(blocks)


def _fitted(means: np.ndarray, variances: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Fit ``variance = gain * mean + read^2`` to blocks, and return which blocks lie near the line.

    Args:
        means: Of the blocks' channels, ``(N, 3)``.
        variances: The same.
    """
    edges = np.quantile(means, np.linspace(0, 1, BINS + 1))
    middle, lower = [], []
    for low, high in itertools.pairwise(edges):
        inside = (means >= low) & (means <= high)
        middle.append(means[inside].mean())
        lower.append(np.quantile(variances[inside], LOWER))
    gain, squared = _line(np.array(middle), np.array(lower))
    near: np.ndarray = np.ones(len(means), bool)
    for _ in range(ROUNDS):
        ratio = variances / np.maximum(gain * means + squared, 1e-12)
        near = np.all(np.abs(ratio - 1) < NEAR, axis=1)
        if near.sum() < LEAST_BLOCKS // 2:
            near[:] = True
            break
        gain, squared = _line(means[near].ravel(), variances[near].ravel())
    return gain, float(np.sqrt(squared)), near


def _line(means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """Fit a line without negative slope or offset to variances whose errors are proportional to them."""
    from scipy.optimize import nnls

    weights = 1 / np.maximum(variances, 1e-9)
    gain = squared = 0.0
    for _ in range(5):  # reweighted by the fitted variances, because small samples would weigh too much
        (gain, squared), _ = nnls(np.stack([means, np.ones_like(means)], 1) * weights[:, None], variances * weights)
        weights = 1 / np.maximum(gain * means + squared, 1e-9)
    return float(gain), float(squared)


def gaussian(blur: float) -> np.ndarray:
    """Return a Gaussian kernel that keeps the variance of white noise: its squares add up to 1.

    >>> gaussian(0).tolist(), round(float((gaussian(1.2) ** 2).sum()), 9)
    ([1.0], 1.0)
    """
    radius = int(np.ceil(4 * blur))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(blur, 1e-9)) ** 2)
    return kernel / np.sqrt((kernel**2).sum())


def _blur_of(correlation: float) -> float:
    """Return the blur that gives neighbours this correlation."""
    low, high = 0.0, LARGEST_BLUR
    for _ in range(40):
        middle = (low + high) / 2
        kernel = gaussian(middle)
        low, high = (middle, high) if (kernel[1:] * kernel[:-1]).sum() < correlation else (low, middle)
    return low if low > 0.2 else 0.0  # a smaller blur changes nothing
