"""Estimate the standard deviation of an image's noise, channel by channel, from the image alone."""

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 16

STRIDE = 3
"""Between the patches that are looked at: coprime to the 8 pixels of JPEG's blocks."""


def estimate_sigma(images: Tensor, scale: int = 1, patch_size: int = 8) -> Tensor:
    """Estimate Gaussian noise from the spectrum of small patches (Chen, Zhu and Heng, ICCV 2015, algorithm 1).

    Clean patches lie in a subspace, so the smallest eigenvalues of the patches' covariance are the noise variance
    alone. The largest eigenvalues are left out one by one until the mean of the rest is their median.

    Args:
        images: RGB batch of shape ``(N, 3, H, W)``, any range, ``H`` and ``W`` of at least ``16 * scale``.
        scale: Estimate in the image reduced by this factor (means of ``scale x scale`` pixels), and multiply by it,
            which changes nothing for white noise. Demosaicing and compression correlate the noise of a photograph over
            a few pixels, and then only this sees all of it; in return it takes fine texture for noise.
        patch_size: Side of the patches at most; small images, which have too few of them, are looked at in smaller
            ones.

    Returns:
        Standard deviations in the images' range, shape ``(N, 3)``.

    Raises:
        ValueError: The images are too small.

    >>> noisy = 0.5 + 0.1 * torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> [round(level, 2) for level in estimate_sigma(noisy)[0].tolist()]
    [0.1, 0.1, 0.1]
    """
    if min(images.shape[-2:]) < SMALLEST * scale:
        size = ' x '.join(map(str, images.shape[-2:]))
        raise ValueError(
            f'an image of {size} is too small to estimate its noise; expected at least {SMALLEST * scale} x'
            f' {SMALLEST * scale}'
        )
    if scale > 1:
        return scale * estimate_sigma(F.avg_pool2d(images, scale), patch_size=patch_size)
    batch, channels, height, width = images.shape
    # With few patches the smallest eigenvalues of the covariance are far below the noise. With fewer patches than
    # pixels in a patch they are 0.
    while (height - patch_size + 1) * (width - patch_size + 1) < 8 * patch_size**2:
        patch_size -= 1
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


def noise_level(images: Tensor) -> Tensor:
    """Return the standard deviation of each image's noise on 0..255, the root mean square over its channels.

    Args:
        images: RGB batch ``(N, 3, H, W)`` of 0..1.

    Returns:
        Shape ``(N,)``.

    Raises:
        ValueError: The images are too small.
    """
    return 255 * estimate_sigma(images).square().mean(1).sqrt()
