"""Store images lossily."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg, encode_jpeg

from semrestore.degradations.base import PIXEL_MAX, Degradation, Degraded, bounds, uniform
from semrestore.registry import MODELS


@MODELS.register_module()
class JPEG(Degradation):
    """Store as baseline JPEG, chroma at half resolution, and read it again.

    The image is clipped and rounded to 8 bits first. A gradient goes straight through (Bengio et al., 2013), since the
    rounding of the coefficients has none.

    Args:
        quality: 1..100, or a pair from which each image draws its own.
    """

    def __init__(self, quality: int | Sequence[int]) -> None:
        super().__init__()
        self.low, self.high = map(int, bounds('quality', quality, least=1, most=100))

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Store and read; see :class:`~semrestore.degradations.base.Degradation`."""
        qualities = [self.low] * len(clean)
        if self.low < self.high:
            qualities = uniform(self.low, self.high + 1, clean, generators).clamp(max=self.high).int().tolist()
        # In evaluation (CPU generators) every device uses the same codec.
        device = generators[0].device if generators else clean.device
        pixels = (clean.detach().clamp(0, 1) * PIXEL_MAX).round().to(device, torch.uint8)
        stored = [
            decode_jpeg(encode_jpeg(image.contiguous(), quality).cpu(), ImageReadMode.RGB, device=device)
            for image, quality in zip(pixels, qualities, strict=True)
        ]
        return Degraded(clean + ((torch.stack(stored) / PIXEL_MAX).to(clean) - clean).detach(), None)

    def extra_repr(self) -> str:
        return f'quality=({self.low}, {self.high})'
