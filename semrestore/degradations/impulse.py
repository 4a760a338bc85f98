"""Lose values, as by dead and hot sensor elements or errors in a transmission."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded, bounds, draw, level
from semrestore.registry import MODELS


@MODELS.register_module()
class SaltAndPepper(Degradation):
    """Set each value to 0 or 1 with the stated probability, as scikit-image's ``random_noise`` with ``mode='s&p'``.

    Args:
        amount: Share of the values that are lost, or a pair from which each image draws its own uniformly.
        salt: Share of those that become 1.
    """

    def __init__(self, amount: float | Sequence[float], salt: float = 0.5) -> None:
        super().__init__()
        self.low, self.high = bounds('amount', amount, most=1)
        if not 0 <= salt <= 1:
            raise ValueError(f'salt is {salt}; expected a share in 0..1')
        self.salt = salt

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Lose values; see :class:`~semrestore.degradations.base.Degradation`."""
        amount = level(self.low, self.high, clean, generators).view(-1, 1, 1, 1)
        chance = draw(clean.shape[1:], clean, generators, torch.rand)
        noisy = torch.where(chance < amount, (chance < self.salt * amount).to(clean), clean)
        return Degraded(noisy, None)

    def extra_repr(self) -> str:
        return f'amount=({self.low}, {self.high}), salt={self.salt}'
