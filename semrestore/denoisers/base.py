"""State the contract of a denoiser."""

from abc import ABC, abstractmethod

from torch import Tensor

from semrestore.denoisers.pretrained import Pretrained


class Denoiser(Pretrained, ABC):
    """Base class of all denoisers, learned or classical.

    ``forward(noisy, sigma=None) -> restored``, where

    - ``noisy`` is a float RGB batch of shape ``(N, 3, H, W)`` with clean values in 0..1; noise may leave that range,
    - ``sigma`` is the standard deviation of the noise in the same range (a float or an ``(N,)`` tensor), or ``None``
      where it is not known. A method that does not need it ignores it; one that does raises ``ValueError`` on ``None``,
    - ``restored`` has the shape of ``noisy``, for any ``H`` and ``W`` of at least 1. It is not clipped.

    A denoiser knows nothing of the task network behind it.
    """

    reach: int | None = None
    """How many pixels away a pixel of the result may depend on; ``None`` if on the whole image, or not known.

    With it large images are denoised in tiles (:mod:`semrestore.images.tiles`).
    """

    takes_sigma: bool = True
    """Set to ``False`` for a network that ignores ``sigma``, so that a level given for it is said not to be used."""

    needs_sigma: bool = False
    """Set to ``True`` for a method that raises ``ValueError`` if ``sigma`` is ``None``."""

    stride: int = 1
    """The result moves along with the image if that is moved by multiples of this many pixels."""

    @abstractmethod
    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor: ...
