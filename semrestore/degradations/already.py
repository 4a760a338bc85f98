"""Use images that were degraded before they were stored."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded
from semrestore.registry import MODELS


@MODELS.register_module()
class AlreadyDegraded(Degradation):
    """Leave the images as they are, for data that are stored degraded (:class:`~semrestore.datasets.CorruptedFolder`).

    Without clean images there is no PSNR, and training on them is refused. No other degradation can be
    combined with this one.
    """

    keeps_clean = False

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Return the images; see :class:`~semrestore.degradations.base.Degradation`."""
        return Degraded(clean, None)
