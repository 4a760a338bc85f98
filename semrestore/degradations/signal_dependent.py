"""Add noise that depends on the signal: photon counting on a sensor, and speckle of coherent light."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level, standard_normal
from semrestore.registry import MODELS


@MODELS.register_module()
class PoissonGaussianNoise(Degradation):
    """Add a sensor's photon (shot) noise and read noise: ``noisy = gain * Poisson(clean / gain) + N(0, read^2)``.

    Its variance is ``gain * clean + read^2`` (Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting for
    Single-Image Raw-Data", IEEE TIP 2008, with a = gain, b = read^2). The model is of raw data, which are linear in
    light; on an image with a gamma curve it is an approximation, and :class:`~semrestore.degradations.CameraNoise` does
    it where it belongs.

    Args:
        gain: Part of 0..1 that one photon makes, or a pair from which each image draws its own uniformly.
        read: Standard deviation of the read noise on 0..1, or such a pair.
    """

    def __init__(self, gain: float | Sequence[float], read: float | Sequence[float] = 0.0) -> None:
        super().__init__()
        self.gain, self.read = bounds('gain', gain), bounds('read', read)
        if not self.gain[0] > 0:
            raise ValueError(f'gain is {gain}; expected a number above 0, or a pair of such numbers')

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Add the noise; see :class:`~semrestore.degradations.base.Degradation`. Values below 0 count as 0 photons."""
        gain, read = (level(*limits, clean, generators).view(-1, 1, 1, 1) for limits in (self.gain, self.read))
        shot = gain * poisson((clean / gain).clamp(min=0), generators) - clean.clamp(min=0)
        # Only the noise is detached, so that a gradient passes from the degraded to the clean image.
        return Degraded(clean + shot.detach() + read * standard_normal(clean, generators), None)

    def extra_repr(self) -> str:
        return f'gain={self.gain}, read={self.read}'


@MODELS.register_module()
class Speckle(Degradation):
    """Add multiplicative noise: ``clean * (1 + N(0, sigma^2))``, as scikit-image's ``random_noise(mode='speckle')``.

    Args:
        sigma: Standard deviation of the factor, or a pair from which each image draws its own uniformly.
    """

    def __init__(self, sigma: float | Sequence[float]) -> None:
        super().__init__()
        self.low, self.high = bounds('sigma', sigma)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Multiply; see :class:`~semrestore.degradations.base.Degradation`."""
        sigma = level(self.low, self.high, clean, generators).view(-1, 1, 1, 1)
        return Degraded(clean * (1 + sigma * standard_normal(clean, generators)), None)

    def extra_repr(self) -> str:
        return f'sigma=({self.low}, {self.high})'


def poisson(rates: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Draw a Poisson number for each rate of a batch, image by image where generators are given."""
    rates = rates.detach()
    if generators is None:
        return torch.poisson(rates)
    drawn = [
        torch.poisson(rate.to(generator.device), generator=generator)
        for rate, generator in zip(rates, generators, strict=True)
    ]
    return torch.stack(drawn).to(rates)
