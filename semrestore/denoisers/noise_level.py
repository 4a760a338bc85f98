"""How noisy an image is: the standard deviation of its noise, channel by channel, from the image alone."""

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 3
"""Between the patches that are looked at: coprime to the 8 pixels of JPEG's blocks."""


def estimate_sigma(images: Tensor, patch_size: int = 8) -> Tensor:
    """Estimate Gaussian noise from the spectrum of small patches (Chen, Zhu and Heng, ICCV 2015, algorithm 1).

    Clean patches lie in a subspace, so the smallest eigenvalues of the patches' covariance are the noise variance alone. The largest
    eigenvalues are left out one by one until the mean of the rest is their median.

    Args:
        images: RGB batch of shape ``(N, 3, H, W)``, any range, height and width of at least ``patch_size``.
        patch_size: Side of the patches.

    Returns:
        Standard deviations in the images' range, shape ``(N, 3)``.
    """
    batch, channels, height, width = images.shape
    if min(height, width) < patch_size:
        raise ValueError(f'an image of {height} x {width} is too small to estimate its noise: at least {patch_size} x {patch_size}')
    stride = STRIDE if height * width > 128**2 else 1
    patches = F.unfold(images.double().flatten(0, 1).unsqueeze(1), patch_size, stride=stride)
    patches = patches - patches.mean(2, keepdim=True)
    eigenvalues = torch.linalg.eigvalsh(patches @ patches.mT / patches.shape[2])  # ascending
    counts = torch.arange(1, eigenvalues.shape[1] + 1, device=images.device)
    means = eigenvalues.cumsum(1) / counts  # of the smallest 1, 2, ...
    medians = (eigenvalues[:, (counts - 1) // 2] + eigenvalues[:, counts // 2]) / 2
    # The largest number of eigenvalues whose mean is not above their median; one alone always qualifies.
    kept = torch.where(means <= medians, counts, 1).amax(1, keepdim=True)
    return means.gather(1, kept - 1).clamp_min(0).sqrt().view(batch, channels).to(images)
