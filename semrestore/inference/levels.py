"""Choose the noise level to restore an image with: given, or estimated."""

import numpy as np
import torch

from semrestore.denoisers.noise_level import noise_level
from semrestore.errors import UserError
from semrestore.images import Picture
from semrestore.limits import LARGEST_SIGMA

__all__ = ['check_level', 'estimate_level', 'level_of']

SAMPLE_SIDE, SAMPLES = 256, 16  # side of the part of a large image


def check_level(sigma: float | str | None) -> None:
    """Raise an error for a value that is not a noise level.

    Raises:
        UserError: It is neither a number of 0 to ``LARGEST_SIGMA``, nor ``'auto'``, nor ``None``.
    """
    if sigma is None or sigma == 'auto':
        return
    if isinstance(sigma, str) or not 0 <= sigma <= LARGEST_SIGMA:
        shown = repr(sigma) if isinstance(sigma, str) else f'{sigma:g}'
        raise UserError(f"sigma is {shown}; expected a number of 0 to {LARGEST_SIGMA:g}, on 0..255, or 'auto'")


def estimate_level(picture: Picture) -> float:
    """Return the standard deviation of a picture's noise on 0..255, the root mean square over its channels.

    It is estimated by :func:`~semrestore.denoisers.noise_level.noise_level`. Of a large picture 16 parts are looked at,
    evenly spread, and the median is taken.

    Raises:
        ValueError: The picture is too small.
    """
    pixels = picture.pixels if picture.pixels.ndim == 3 else picture.pixels[..., None].repeat(3, axis=2)
    parts = [pixels]
    height, width = pixels.shape[:2]
    if height * width > SAMPLES * SAMPLE_SIDE**2 and min(height, width) >= SAMPLE_SIDE:
        per_side = round(SAMPLES**0.5)
        tops, lefts = (np.linspace(0, size - SAMPLE_SIDE, per_side).astype(int) for size in (height, width))
        parts = [pixels[top : top + SAMPLE_SIDE, left : left + SAMPLE_SIDE] for top in tops for left in lefts]
    images = torch.from_numpy(np.stack(parts).astype(np.float32)).permute(0, 3, 1, 2) / picture.white
    return noise_level(images).median().item()


def level_of(picture: Picture, sigma: float | str | None) -> float | None:
    """Return the noise level to restore a picture with: the given one, or an estimate for ``'auto'``.

    Raises:
        UserError: The picture is too small to estimate it.
    """
    if not isinstance(sigma, str):
        return sigma
    try:
        return estimate_level(picture)
    except ValueError as error:
        raise UserError(f"'{picture.name}': {error}; give --sigma as a number") from None
