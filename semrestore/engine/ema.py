"""The moving average of the weights, in a few kernels rather than one a tensor."""

import torch
from mmengine.model import ExponentialMovingAverage
from torch import nn

from semrestore.registry import MODELS


@MODELS.register_module()
class ForeachEMA(ExponentialMovingAverage):
    """MMEngine's exponential moving average, updated for all tensors at once; equal to it within rounding.

    Args:
        model: The model to average.
        momentum: Share of the new weights: ``average = (1 - momentum) * average + momentum * weights``.
        interval: Iterations between two updates.
        device: Where the average lies; by default with the model.
        update_buffers: Average the buffers too (batch normalisation's statistics), rather than copy them.
    """

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Update the average by the model's weights."""
        source = model.state_dict() if self.update_buffers else dict(model.named_parameters())
        pairs = [(average, source[name]) for name, average in self.avg_parameters.items()]
        if self.steps == 0:
            _copy(pairs)
        elif self.steps % self.interval == 0:
            averages, weights = zip(*((average, weight) for average, weight in pairs if average.is_floating_point()), strict=True)
            torch._foreach_lerp_(averages, [weight.to(average) for average, weight in zip(averages, weights, strict=True)], self.momentum)
        if not self.update_buffers:
            _copy(list(zip(self.module.buffers(), model.buffers(), strict=True)))
        self.steps += 1


def _copy(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    for average, weight in pairs:
        average.copy_(weight)
