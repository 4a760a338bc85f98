"""Compare restored and clean pixels: the reconstruction loss L_D (paper, Eq. 1)."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.losses.base import Loss
from semrestore.losses.step import Step
from semrestore.registry import MODELS

CHARBONNIER_EPSILON = 1e-3


def charbonnier(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean of sqrt(difference^2 + 1e-6) on 0..1 (Lai et al., LapSRN, CVPR 2017, Eq. 2)."""
    return torch.hypot(restored - clean, restored.new_tensor(CHARBONNIER_EPSILON)).mean()


_DISTANCES: dict[str, Callable[..., Tensor]] = {'mse': F.mse_loss, 'l1': F.l1_loss, 'charbonnier': charbonnier}


@MODELS.register_module()
class ReconstructionLoss(Loss):
    """Measure the mean distance of restored and clean values over batch, channels and pixels.

    Eq. 1 leaves open whether channels are summed or averaged, and on which scale pixels are; here they are averaged,
    and the scale is ``pixel_range``.

    Args:
        distance: ``'mse'`` (the paper's), ``'l1'`` or ``'charbonnier'`` (L1, smooth within 0.001 of 0 on 0..1).
        pixel_range: The value that white has when the distance is taken: 1, or 255 as in the released code. An MSE on
            0..255 is 65,025 times that on 0..1, so lambda_P and lambda_H mean nothing without it.
        weight: See :class:`~semrestore.losses.base.Loss`.
        balance: Weigh each image by ``1 / (1 + noise / balance)``, where ``noise`` is the mean absolute difference of
            the noisy and the clean image on 0..1. Without it, strongly noisy images dominate the loss of a
            mixture, and small errors on clean images hardly count. 0.02 is the noise of sigma 6.4.
    """

    def __init__(
        self,
        distance: Literal['mse', 'l1', 'charbonnier'] = 'mse',
        pixel_range: float = 1.0,
        weight: float = 1.0,
        balance: float | None = None,
    ) -> None:
        super().__init__(weight)
        if balance is not None and not balance > 0:
            raise ValueError(f'balance is {balance}; expected a number above 0')
        self.balance = balance
        if distance not in _DISTANCES:
            raise ValueError(f'distance is {distance!r}; expected one of {sorted(_DISTANCES)}')
        self.distance = distance
        self.scale = pixel_range**2 if distance == 'mse' else pixel_range

    def forward(self, step: Step) -> Tensor:
        """Return the mean distance on the stated scale."""
        distance = _DISTANCES[self.distance]
        if self.balance is None:
            return self.scale * distance(step.restored, step.clean)
        noise = (step.noisy - step.clean).detach().abs().mean((1, 2, 3))
        each = torch.stack([distance(*pair) for pair in zip(step.restored, step.clean, strict=True)])
        return self.scale * (each / (1 + noise / self.balance)).mean()
