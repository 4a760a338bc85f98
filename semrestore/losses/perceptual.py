"""Perceptual loss L_P: features of the restored image against those of the clean one (paper, Eq. 2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semrestore.losses.base import Loss
from semrestore.losses.step import Step
from semrestore.registry import MODELS


@MODELS.register_module()
class PerceptualLoss(Loss):
    """Mean squared feature distance, averaged over batch, channels and positions, then over layers.

    Features are those of the task network in its own input normalisation, or of the cascade's ``feature_network`` where
    the config gives one. Eq. 2 leaves open whether channels are summed or averaged; here they are averaged.

    Args:
        layers: Names of the layers, as in the network's ``named_modules()``.
        weight: lambda_P; see :class:`~semrestore.losses.base.Loss`.
    """

    def __init__(self, layers: str | Sequence[str], weight: float = 1.0) -> None:
        super().__init__(weight)
        self.layers = (layers,) if isinstance(layers, str) else tuple(layers)
        if not self.layers:
            raise ValueError('layers is empty; expected at least one layer name')

    def forward(self, step: Step) -> Tensor:
        """Return the mean feature distance."""
        distances = [F.mse_loss(step.restored_features[layer], step.clean_features[layer]) for layer in self.layers]
        return torch.stack(distances).mean()
