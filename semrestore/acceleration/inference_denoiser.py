"""Make a trained denoiser fast for use, by removing what only training needs."""

import copy
from typing import Any

import torch
from torch import Tensor

from semrestore.acceleration import multiscale_fused  # noqa: F401 (registers the paper's network)
from semrestore.acceleration.folding import fold_batch_norms
from semrestore.acceleration.fusion import fused
from semrestore.acceleration.memory_format import lay_out
from semrestore.denoisers import Denoiser

EXAMPLE_SIDE = 32


class InferenceDenoiser(Denoiser):
    """Run a copy of a denoiser with folded batch normalisation and merged linear layers.

    Any denoiser can be given; a classical one, which has nothing to prepare, runs as it is. The output has
    the input's dtype.

    Args:
        denoiser: A trained denoiser. It is left as it was.
        dtype: Compute in this dtype: ``torch.bfloat16`` or ``torch.float16`` where the device is faster so
            (``docs/performance.md`` has what it costs).
        compiled: Use ``torch.compile``, which takes a minute for each new size of image, and on a CPU needs a C++
            compiler.
        ensemble: Restore the image in its eight orientations and return the mean, turned back: eight times the work for
            a little more PSNR (the x8 self-ensemble of Lim et al., EDSR, CVPRW 2017).

    >>> from semrestore.denoisers import MultiScaleDenoiser
    >>> fast = InferenceDenoiser(MultiScaleDenoiser(encoder_channels=8, decoder_channels=8))
    >>> fast(torch.rand(1, 3, 17, 30)).shape
    torch.Size([1, 3, 17, 30])
    """

    def __init__(
        self, denoiser: Denoiser, dtype: torch.dtype = torch.float32, compiled: bool = False, ensemble: bool = False
    ) -> None:
        super().__init__()
        self.ensemble = ensemble
        self.reach, self.stride = denoiser.reach, denoiser.stride
        self.takes_sigma, self.needs_sigma = denoiser.takes_sigma, denoiser.needs_sigma
        denoiser = copy.deepcopy(denoiser).eval().requires_grad_(False)
        weights = next(denoiser.parameters(), None)
        self.dtype = None if weights is None else dtype
        if weights is not None:
            # On the CPU, because a GPU may round float32 products further, and folding is compared within rounding.
            denoiser = denoiser.to('cpu', torch.float64 if dtype == torch.float64 else torch.float32)
            image = torch.rand(1, 3, EXAMPLE_SIDE, EXAMPLE_SIDE, generator=torch.Generator().manual_seed(0))
            own = next(denoiser.parameters()).dtype
            fold_batch_norms(denoiser, image.to(own), torch.full((1,), 0.1, dtype=own))
            denoiser = fused(denoiser).to(weights.device)
            lay_out(denoiser, torch.channels_last)
        runnable: Any = torch.compile(denoiser, dynamic=False) if compiled and weights is not None else denoiser
        self.denoiser = runnable

    @torch.no_grad()
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`."""
        if not self.ensemble:
            return self._restore(noisy, sigma)
        total = torch.zeros_like(noisy)
        for mirrored in (noisy, noisy.flip(-1)):
            for turns in range(4):
                restored = self._restore(mirrored.rot90(turns, (-2, -1)), sigma).rot90(-turns, (-2, -1))
                total += restored.flip(-1) if mirrored is not noisy else restored
        return total / 8

    def _restore(self, noisy: Tensor, sigma: float | Tensor | None) -> Tensor:
        if self.dtype is None:
            return self.denoiser(noisy, sigma)
        x = noisy.to(torch.float64 if self.dtype == torch.float64 else torch.float32, memory_format=torch.channels_last)
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype in (torch.bfloat16, torch.float16)):
            return self.denoiser(x, sigma).to(noisy.dtype)
