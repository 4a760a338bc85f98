"""Photograph in too little light."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, level
from semrestore.degradations.camera import gamma, linear
from semrestore.degradations.signal_dependent import PoissonGaussianNoise
from semrestore.registry import MODELS


@MODELS.register_module()
class LowLight(Degradation):
    """Expose for a short time, with the sensor's noise: ``gamma(exposure * light + noise)``.

    ``light`` is the image without the sRGB curve (IEC 61966-2-1), and the noise that of
    :class:`~semrestore.degradations.PoissonGaussianNoise` (Foi et al., IEEE TIP 2008), in the dark image: its share of
    the signal grows as the light falls. The image stays dark, as the camera delivers it.

    Args:
        exposure: Share of the light that is left, above 0 and at most 1, or a pair from which each image draws its own
            uniformly.
        gain: Part of 0..1 that one photon makes, or a pair; see ``PoissonGaussianNoise``.
        read: Standard deviation of the read noise, of light in 0..1, or a pair.
    """

    def __init__(
        self,
        exposure: float | Sequence[float],
        gain: float | Sequence[float] = (1e-4, 4e-3),
        read: float | Sequence[float] = (0, 4e-3),
    ) -> None:
        super().__init__()
        self.exposure = bounds('exposure', exposure, most=1)
        if not self.exposure[0] > 0:
            raise ValueError(f'exposure is {exposure}; expected a number above 0, or a pair of such numbers')
        self.sensor = PoissonGaussianNoise(gain, read)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Darken and add the noise; see :class:`~semrestore.degradations.base.Degradation`. Light is cut at 0 and 1."""
        exposure = level(*self.exposure, clean, generators).view(-1, 1, 1, 1)
        light = self.sensor(exposure * sixteen_bits(linear(clean)), generators).images
        return Degraded(sixteen_bits(gamma(light.clamp(0, 1))), None)

    def extra_repr(self) -> str:
        return f'exposure={self.exposure}'


def sixteen_bits(images: Tensor) -> Tensor:
    """Round to 16 bits; the gradient goes straight through.

    The last bit of a power depends on where in a batch a pixel stands, and a photon count drawn for it would, too.
    """
    return images - images.detach() + (65535 * images.detach()).round() / 65535
