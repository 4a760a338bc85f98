"""Store images lossily."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from semrestore.degradations.base import PIXEL_MAX, Degradation, Degraded, bounds, uniform
from semrestore.registry import MODELS


@MODELS.register_module()
class JPEG(Degradation):
    """Store as baseline JPEG, chroma at half resolution, and read it again.

    The image is clipped and rounded to 8 bits first. A gradient goes straight through (Bengio et al., 2013), since the
    rounding of the coefficients has none. Pillow does it on the CPU, so that every device gets the same.

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
        pixels = (clean.detach().clamp(0, 1) * PIXEL_MAX).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        stored = np.stack([_stored(image, quality) for image, quality in zip(pixels, qualities, strict=True)])
        images = torch.from_numpy(stored).permute(0, 3, 1, 2).contiguous() / PIXEL_MAX
        return Degraded(clean + (images.to(clean) - clean).detach(), None)

    def extra_repr(self) -> str:
        return f'quality=({self.low}, {self.high})'


def _stored(image: np.ndarray, quality: int) -> np.ndarray:
    """Return an image ``(H, W, 3)``, uint8, as it comes back from a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'JPEG', quality=quality, subsampling='4:2:0')
    return np.asarray(Image.open(file))
