"""Add colours that a set of photos lacks, by an affine map for each image."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torch import Tensor

from semrestore.degradations.base import PIXEL_MAX, bounds
from semrestore.registry import TRANSFORMS

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in luma (ITU-R BT.601)."""


@TRANSFORMS.register_module()
class RandomColour(BaseTransform):
    """Change the colours of an image: swap channels, invert, turn the hue, saturate, or make it grey.

    A denoiser trained on a few hundred photos learns their colours, and takes others for noise. All changes are one
    affine map ``M x + b`` of a pixel's three values, clipped and rounded to 8 bits. It is drawn for each image, and
    each change takes place with its own chance.

    Args:
        permute: Chance of another order of the channels (each of the six as likely).
        invert: Chance of ``255 - x``.
        hue: Chance of a turn about the grey axis, by any angle.
        saturate: Chance of a stronger colour.
        saturation: Range of its factor on what differs from luma.
        grey: Chance of a grey image, with luma in all three channels.
    """

    def __init__(
        self,
        permute: float = 0.0,
        invert: float = 0.0,
        hue: float = 0.0,
        saturate: float = 0.0,
        saturation: float | Sequence[float] = (1.0, 3.0),
        grey: float = 0.0,
    ) -> None:
        chances = dict(permute=permute, invert=invert, hue=hue, saturate=saturate, grey=grey)
        for name, chance in chances.items():
            if not 0 <= chance <= 1:
                raise ValueError(f'{name} is {chance}; expected a chance in 0..1')
        self.chances = chances
        self.saturation = bounds('saturation', saturation)

    def draw(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return an image's colour map: ``M`` of shape ``(3, 3)`` and ``b`` of shape ``(3,)``, for values of 0..255."""
        source = random.Random(seed)
        wanted = {name: source.random() < chance for name, chance in self.chances.items()}
        matrix, offset = np.eye(3), np.zeros(3)
        if wanted['permute']:
            matrix = matrix[source.sample(range(3), 3)]
        if wanted['hue']:
            matrix = turn(source.uniform(0, 2 * np.pi)) @ matrix
        if wanted['saturate']:
            matrix = saturating(source.uniform(*self.saturation)) @ matrix
        if wanted['grey']:
            matrix = saturating(0) @ matrix
        if wanted['invert']:
            matrix, offset = -matrix, np.full(3, PIXEL_MAX)
        return matrix, offset

    def apply(self, images: Tensor, seeds: Sequence[int]) -> Tensor:
        """Change a uint8 RGB batch ``(N, 3, H, W)`` on its device, each image by its seed."""
        matrices, offsets = (
            torch.from_numpy(np.stack(part)).float().to(images.device)
            for part in zip(*map(self.draw, seeds), strict=True)
        )
        changed = torch.einsum('nij,njhw->nihw', matrices, images.float()) + offsets[..., None, None]
        return changed.clamp(0, PIXEL_MAX).round().to(torch.uint8)

    def transform(self, results: dict) -> dict:
        """Change ``img``, an array of shape ``(H, W, 3)``, uint8 RGB."""
        image = torch.from_numpy(np.ascontiguousarray(results['img'])).permute(2, 0, 1)[
            None
        ]  # it may be a mirrored view
        changed = self.apply(image, [int(np.random.randint(2**31))])[0]
        results['img'] = np.ascontiguousarray(changed.permute(1, 2, 0).numpy())
        return results


def saturating(factor: float) -> np.ndarray:
    """Return the matrix that scales the saturation: 0 gives grey, 1 changes nothing.

    >>> (saturating(0) @ [255, 0, 0]).round(1)
    array([76.2, 76.2, 76.2])
    """
    return factor * np.eye(3) + (1 - factor) * np.outer(np.ones(3), LUMA)


def turn(angle: float) -> np.ndarray:
    """Return the matrix that turns colours about the grey axis (Rodrigues' formula), by an angle in radians.

    >>> (turn(2 * np.pi / 3) @ [255, 0, 0]).round()
    array([  0., 255.,   0.])
    """
    axis = np.ones(3) / np.sqrt(3)
    cross = np.cross(np.eye(3), axis)
    return np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)
