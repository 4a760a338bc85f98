"""Apply the corruptions of the benchmark ImageNet-C, by the package ``imagecorruptions``."""

import contextlib
import io
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from semrestore.corruptions import SEVERITIES, check_name, require_package
from semrestore.degradations.base import PIXEL_MAX, Degradation, Degraded
from semrestore.registry import MODELS

SMALLEST = 32
"""Pixels; the package takes no smaller image."""


@MODELS.register_module()
class ImageNetC(Degradation):
    """Corrupt as ImageNet-C does (Hendrycks and Dietterich, ICLR 2019).

    The package ``imagecorruptions`` runs on the 8-bit image, so the image is clipped and rounded first, and the result
    has 8 bits again. It runs on the CPU and passes no gradient. In evaluation the bytes depend on the image's generator
    and the corruption alone; all severities share one draw, as all noise levels of a Gaussian do.

    The files of ImageNet-C were also stored as JPEG of quality 85. To include this step, put
    :class:`~semrestore.degradations.JPEG` behind it in a :class:`~semrestore.degradations.DegradationChain`.

    Args:
        corruption: One of the 15 corruptions of ImageNet-C, or of its four extra ones.
        severity: 1 to 5.

    Raises:
        UserError: The corruption is unknown, or the extra ``corruptions`` is not installed.
        ValueError: The severity is not a whole number from 1 to 5.
    """

    def __init__(self, corruption: str, severity: int) -> None:
        super().__init__()
        check_name(corruption, 'ImageNetC.corruption')
        if severity not in SEVERITIES:
            raise ValueError(f'severity is {severity!r}; expected a whole number from 1 to 5')
        require_package()
        self.corruption, self.severity = corruption, int(severity)

    def forward(self, clean: Tensor, generators: Sequence[torch.Generator] | None = None) -> Degraded:
        """Corrupt; see :class:`~semrestore.degradations.base.Degradation`.

        Raises:
            ValueError: The images are smaller than 32 x 32.
        """
        height, width = clean.shape[-2:]
        if min(height, width) < SMALLEST:
            raise ValueError(
                f'an image of {height} x {width} is too small for {self.corruption}: expected at least'
                f' {SMALLEST} x {SMALLEST}'
            )
        each: Sequence[torch.Generator | None] = generators or [None] * len(clean)
        seeds = [_seed(self.corruption, generator) for generator in each]
        pixels = (clean.detach().clamp(0, 1) * PIXEL_MAX).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        corrupted = [self._corrupted(image, seed) for image, seed in zip(pixels, seeds, strict=True)]
        images = torch.from_numpy(np.stack(corrupted)).permute(0, 3, 1, 2)
        return Degraded(images.to(clean) / PIXEL_MAX, None)

    def _corrupted(self, image: np.ndarray, seed: int) -> np.ndarray:
        import imagecorruptions

        # These two draw from generators of their own, all others from NumPy's global one.
        own = dict(seed=seed) if self.corruption in ('glass_blur', 'impulse_noise') else {}
        # The package prints its handled exceptions.
        with _numpy_seeded(seed), contextlib.redirect_stdout(io.StringIO()):
            return imagecorruptions.corrupt(np.ascontiguousarray(image), self.severity, self.corruption, **own)

    def extra_repr(self) -> str:
        return f'{self.corruption}, severity={self.severity}'


def _seed(corruption: str, generator: torch.Generator | None) -> int:
    device = None if generator is None else generator.device
    drawn = torch.randint(2**32, (1,), generator=generator, device=device).item()
    return int(drawn) ^ zlib.crc32(corruption.encode())


@contextlib.contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, and restore its state afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
