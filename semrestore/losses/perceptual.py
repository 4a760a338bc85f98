"""Compare features of the restored and the clean image: the perceptual loss L_P (paper, Eq. 2)."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.losses.base import Loss
from semrestore.losses.step import Step
from semrestore.registry import MODELS

EPSILON = 1e-12
LEAST_VARIANCE = 0.01
"""Of the mean over the channels: one that the clean images do not excite has none of its own."""


def normalised(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean squared distance in units of each channel's variance over the clean batch."""
    axes = [0, *range(2, clean.ndim)]
    variance = clean.var(axes, keepdim=True, correction=0)
    return ((restored - clean).square() / (variance + LEAST_VARIANCE * variance.mean() + EPSILON)).mean()


def cosine(restored: Tensor, clean: Tensor) -> Tensor:
    """Return 1 less the mean cosine of the two vectors of channels at each place."""
    return 1 - F.cosine_similarity(restored, clean, dim=1).mean()


_DISTANCES: dict[str, Callable[..., Tensor]] = {'mse': F.mse_loss, 'normalised': normalised, 'cosine': cosine}


@MODELS.register_module()
class PerceptualLoss(Loss):
    """Measure the mean feature distance over batch, channels and positions, then over layers.

    Features are those of its network in that network's own input normalisation. Eq. 2 leaves open whether channels are
    summed or averaged; here they are averaged.

    Args:
        layers: Names of the layers, as in the network's ``named_modules()``.
        weight: lambda_P; see :class:`~semrestore.losses.base.Loss`.
        distance: ``'mse'`` (the paper's), ``'normalised'`` (the same in units of each channel's variance over the clean
            batch, so that one weight fits any layer of any network) or ``'cosine'``.
        task: See :class:`~semrestore.losses.base.Loss`.
    """

    def __init__(
        self,
        layers: str | Sequence[str],
        weight: float = 1.0,
        distance: Literal['mse', 'normalised', 'cosine'] = 'mse',
        task: str | None = None,
    ) -> None:
        super().__init__(weight, task)
        self.layers = (layers,) if isinstance(layers, str) else tuple(layers)
        if not self.layers:
            raise ValueError('layers is empty; expected at least one layer name')
        if distance not in _DISTANCES:
            raise ValueError(f'distance is {distance!r}; expected one of {sorted(_DISTANCES)}')
        self.distance = distance

    def forward(self, step: Step) -> Tensor:
        """Return the mean feature distance."""
        distance = _DISTANCES[self.distance]
        distances = [distance(step.restored_features[layer], step.clean_features[layer]) for layer in self.layers]
        return torch.stack(distances).mean()
