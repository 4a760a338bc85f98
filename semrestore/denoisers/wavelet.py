"""Run wavelet shrinkage (BayesShrink: Chang, Yu and Vetterli, IEEE TIP 2000) by scikit-image."""

import numpy as np
import torch
from torch import Tensor

from semrestore.denoisers.base import Denoiser
from semrestore.registry import MODELS


@MODELS.register_module()
class Wavelet(Denoiser):
    """Threshold the wavelet coefficients of each channel softly, on the CPU. Has no parameters.

    Sigma is estimated from each channel where it is not known.
    """

    @torch.no_grad()
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`."""
        from skimage import restoration  # no other denoiser needs it

        images = noisy.double().cpu().permute(0, 2, 3, 1).numpy()
        if sigma is None:
            levels = [restoration.estimate_sigma(image, channel_axis=-1) for image in images]
        else:
            levels = [[level] * 3 for level in torch.as_tensor(sigma, dtype=torch.float64).expand(len(noisy)).tolist()]
        restored = [
            # Without noise there is nothing to do, and scikit-image would divide by sigma.
            [
                restoration.denoise_wavelet(channel, sigma=level, rescale_sigma=False) if level > 0 else channel
                for channel, level in zip(*pair, strict=True)
            ]
            for pair in zip(np.moveaxis(images, -1, 1), levels, strict=True)
        ]
        return torch.from_numpy(np.array(restored)).to(noisy)
