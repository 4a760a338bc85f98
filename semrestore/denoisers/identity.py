"""Leave images noisy (the column "VGG" of the paper's Table IV)."""

from torch import Tensor

from semrestore.denoisers.base import Denoiser
from semrestore.registry import MODELS


@MODELS.register_module()
class Identity(Denoiser):
    """Return the noisy images. Has no parameters and needs no sigma."""

    reach = 0
    takes_sigma = False

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Return ``noisy`` itself."""
        return noisy
