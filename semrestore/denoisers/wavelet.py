"""Wavelet shrinkage (BayesShrink: Chang, Yu and Vetterli, IEEE TIP 2000) by scikit-image: the quick classical baseline."""

import torch
from skimage.restoration import denoise_wavelet
from torch import Tensor

from semrestore.denoisers.base import Denoiser
from semrestore.registry import MODELS


@MODELS.register_module()
class Wavelet(Denoiser):
    """Soft thresholds for the wavelet coefficients of each channel, on the CPU. It has no parameters.

    Sigma is estimated from each channel where it is not known.
    """

    @torch.no_grad()
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`."""
        levels = [None] * len(noisy) if sigma is None else torch.as_tensor(sigma, dtype=torch.float64).expand(len(noisy)).tolist()
        images = noisy.double().cpu().permute(0, 2, 3, 1).numpy()
        restored = [
            # At no noise there is nothing to do, and it would divide by sigma.
            image if level == 0 else denoise_wavelet(image, sigma=level, channel_axis=-1, rescale_sigma=False)
            for image, level in zip(images, levels, strict=True)
        ]
        return torch.stack([torch.as_tensor(image) for image in restored]).permute(0, 3, 1, 2).to(noisy)
