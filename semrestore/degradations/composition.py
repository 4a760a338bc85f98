"""Combine degradations: one after the other, or one of several."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semrestore.degradations.base import Degradation, Degraded, draw
from semrestore.registry import MODELS


@MODELS.register_module()
class DegradationChain(Degradation):
    """Apply several degradations one after the other, such as noise and then JPEG.

    ``sigma`` is that of the only step, if there is only one; otherwise no one number describes what a chain does.

    Args:
        steps: Configs of degradations, in order.
    """

    def __init__(self, steps: Sequence[dict]) -> None:
        super().__init__()
        if not steps:
            raise ValueError('steps of DegradationChain is empty; expected configs of degradations')
        self.steps = _built(steps)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Apply the steps; see :class:`~semrestore.degradations.base.Degradation`."""
        images, sigma = clean, None
        for step in self.steps:
            images, sigma = step(images, generators)
        return Degraded(images, sigma if len(self.steps) == 1 else None)


@MODELS.register_module()
class RandomDegradation(Degradation):
    """Apply one of several degradations to each image, drawn by weight: a mixture to train on.

    ``sigma`` is there where every choice has one.

    Args:
        choices: Configs of degradations.
        weights: How often each is drawn, in any unit; equally by default.
    """

    edges: Tensor

    def __init__(self, choices: Sequence[dict], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if not choices:
            raise ValueError('choices of RandomDegradation is empty; expected configs of degradations')
        weights = [1.0] * len(choices) if weights is None else list(weights)
        if len(weights) != len(choices) or min(weights) < 0 or not sum(weights) > 0:
            raise ValueError(
                f'weights is {weights} for {len(choices)} choices; expected a number of at least 0 for each, not all 0'
            )
        self.choices = _built(choices)
        self.register_buffer('edges', torch.tensor(weights).cumsum(0) / sum(weights), persistent=False)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Draw and apply; see :class:`~semrestore.degradations.base.Degradation`."""
        chance = draw((1,), clean, generators, torch.rand).squeeze(1)
        chosen = torch.searchsorted(self.edges.to(chance), chance, right=True).clamp(max=len(self.choices) - 1).tolist()
        images = torch.empty_like(clean)
        sigmas: list[Tensor | None] = [None] * len(clean)
        for number in sorted(set(chosen)):
            places = [place for place, one in enumerate(chosen) if one == number]
            own = None if generators is None else [generators[place] for place in places]
            part = self.choices[number](clean[places], own)
            images[places] = part.images
            for place, sigma in zip(places, [None] * len(places) if part.sigma is None else part.sigma, strict=True):
                sigmas[place] = sigma
        known = [sigma for sigma in sigmas if sigma is not None]
        return Degraded(images, torch.stack(known) if len(known) == len(sigmas) else None)


def _built(configs: Sequence[dict]) -> nn.ModuleList:
    parts = nn.ModuleList(MODELS.build(dict(config)) for config in configs)
    for part in parts:
        if part.takes_pairs or not part.keeps_clean:
            raise ValueError(
                f'{type(part).__name__} uses images as they are stored, so it cannot be combined with other'
                ' degradations'
            )
    return parts
