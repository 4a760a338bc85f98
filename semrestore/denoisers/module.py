"""Use any PyTorch module as a denoiser, by its import path."""

import importlib
import inspect

import torch
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.errors import UserError, explained
from semrestore.padding import crop, reflect_pad
from semrestore.registry import MODELS


@MODELS.register_module()
class ModuleDenoiser(Denoiser):
    """Wrap a PyTorch module that is called as ``f(noisy)`` or ``f(noisy, sigma)``, such as deepinv's denoisers.

    Images are RGB batches in 0..1, ``sigma`` is in the same range.

    Args:
        module: Import path of the class, or of a function that returns the module: ``'deepinv.models.DnCNN'``.
        arguments: Its arguments.
        takes_sigma: Whether the noise level is passed on, as the second argument. By default it is if the module's
            ``forward`` has a second positional argument.
        multiple_of: The module takes images whose sides are multiples of this; others are padded by reflection.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``.

    Raises:
        UserError: The module cannot be imported or built.

    >>> denoiser = ModuleDenoiser('torch.nn.Conv2d', dict(in_channels=3, out_channels=3, kernel_size=1))
    >>> denoiser(torch.rand(1, 3, 8, 9)).shape
    torch.Size([1, 3, 8, 9])
    """

    def __init__(
        self,
        module: str,
        arguments: dict | None = None,
        takes_sigma: bool | None = None,
        multiple_of: int = 1,
    ) -> None:
        super().__init__()
        path, _, name = module.rpartition('.')
        with explained(f"denoiser module '{module}' cannot be built"):
            network = getattr(importlib.import_module(path), name)(**(arguments or {}))
        if not isinstance(network, nn.Module):
            raise UserError(f"denoiser module '{module}' is a {type(network).__name__}; expected a torch.nn.Module")
        self.network = network
        self.stride = multiple_of
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        taken = [one for one in inspect.signature(network.forward).parameters.values() if one.kind in positional]
        self.takes_sigma = len(taken) > 1 if takes_sigma is None else takes_sigma
        self.needs_sigma = self.takes_sigma and (len(taken) < 2 or taken[1].default is inspect.Parameter.empty)

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known if the module needs it."""
        if self.needs_sigma and sigma is None:
            raise ValueError(f'{type(self.network).__name__} needs sigma, but this degradation gives none')
        height, width = noisy.shape[-2:]
        x = noisy
        if self.stride > 1:
            x = reflect_pad(noisy, 0, -width % self.stride, 0, -height % self.stride)
        if sigma is not None:
            sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0])
        return crop(self.network(x, sigma) if self.takes_sigma else self.network(x), height, width)
