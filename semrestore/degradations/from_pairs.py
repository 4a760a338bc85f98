"""Use noise that was photographed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semrestore.degradations.base import Degradation, Degraded
from semrestore.errors import UserError
from semrestore.registry import MODELS


@MODELS.register_module()
class FromPairs(Degradation):
    """Use the noisy images of the data (:class:`~semrestore.datasets.PairFolder`), without a sigma."""

    takes_pairs = True

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Raise an error for images without a noisy partner.

        Raises:
            UserError: Always; the cascade takes pairs apart by itself.
        """
        raise UserError(
            'model.degradation is FromPairs, but the data contain no noisy images. Use a PairFolder with'
            ' LoadPair, or a degradation that makes noise, such as GaussianNoise'
        )
