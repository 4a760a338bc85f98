"""Run colour BM3D (Dabov et al., IEEE TIP 2007; ICIP 2007) by its authors' PyPI package, an optional extra.

That package's licence allows non-commercial use only; nothing else in semrestore needs it: ``pip install
'semrestore[baselines]'``.
"""

import importlib

import numpy as np
import torch
from torch import Tensor

from semrestore.denoisers.base import Denoiser
from semrestore.errors import UserError
from semrestore.padding import reflect_pad
from semrestore.registry import MODELS

SMALLEST = 16
"""Side below which the package refuses an image, or dies of it."""


@MODELS.register_module()
class BM3D(Denoiser):
    """Denoise by block matching and collaborative filtering in the opponent colour space, on all CPU cores.

    Takes minutes for a hundred photos. It has no parameters.

    Raises:
        UserError: The package ``bm3d`` is not installed.
    """

    needs_sigma = True

    def __init__(self) -> None:
        super().__init__()
        try:
            self._bm3d_rgb = importlib.import_module('bm3d').bm3d_rgb
        except ImportError as error:
            raise UserError(
                f"BM3D is not installed ({error}). Install it: pip install 'semrestore[baselines]'. Its licence"
                ' allows only non-commercial use'
            ) from None

    @torch.no_grad()
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known."""
        if sigma is None:
            raise ValueError('BM3D needs sigma, but this degradation gives none')
        levels = torch.as_tensor(sigma, dtype=torch.float64).expand(len(noisy)).tolist()
        height, width = noisy.shape[-2:]
        padded = reflect_pad(noisy, 0, max(0, SMALLEST - width), 0, max(0, SMALLEST - height))
        images = padded.double().cpu().permute(0, 2, 3, 1).numpy()
        # One after the other, because the package uses all cores and aborts if several threads call it. Without noise
        # nothing has to be done, and the package would divide by sigma.
        restored = [
            self._restore(image, level) if level else image for image, level in zip(images, levels, strict=True)
        ]
        return (
            torch.stack([torch.as_tensor(image) for image in restored])
            .permute(0, 3, 1, 2)[..., :height, :width]
            .to(noisy)
        )

    def _restore(self, image: np.ndarray, sigma: float) -> np.ndarray:
        grey = image - image.mean(2, keepdims=True)
        if not np.ptp(image, (0, 1)).all() or not grey.any():
            # It divides by the range of each opponent channel, which is 0 in a grey or flat image.
            image = image + 1e-6 * np.random.default_rng(0).standard_normal(image.shape)
        return self._bm3d_rgb(image, sigma)
