"""Use restorers of other projects, which spandrel recognises by the weights in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.errors import UserError, first_line
from semrestore.padding import crop, reflect_pad
from semrestore.registry import MODELS

TILE_REACH = 64
"""Overlap of tiles, in pixels, for a network of unknown reach that spandrel says may be run in tiles."""
SMALL_SIDE = 16  # side of the smallest images in the test of an export


@MODELS.register_module()
class SpandrelRestorer(Denoiser):
    """Wrap a restorer of `spandrel <https://github.com/chaiNNer-org/spandrel>`_: SCUNet, NAFNet, SwinIR, DRUNet, ...

    spandrel builds the network that the weights belong to. The network is then used directly: gradients pass through
    it, nothing is clipped, and it trains like any other denoiser. If ``spandrel_extra_arches`` is installed, its
    networks (Restormer, MPRNet, MIRNet2, ...) are known, too.

    Args:
        weights: File of the weights (``.pth`` or ``.safetensors``) as its authors publish it, or a checkpoint that
            semrestore made of such a network. It is read without unpickling any code.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``: the input is padded by reflection to the sizes that the
        network takes.

    Raises:
        UserError: spandrel is not installed or does not know the network, or the network does not restore RGB images
            at their own size.
    """

    def __init__(self, weights: str) -> None:
        # Unlike other denoisers this one reads a file, because the weights decide what is built.
        from semrestore.weights.read import read_weights

        super().__init__()
        descriptor = described(read_weights(weights), weights)
        self.network: nn.Module = descriptor.model.requires_grad_(True)
        self.architecture: str = descriptor.architecture.name
        # spandrel's internal call, because its public call clips the result and lets no gradient through.
        self._call: Callable[[nn.Module, Tensor], Tensor] = descriptor._call_fn
        # These two have a map of the noise level as their last channel. spandrel's call sets it to 15.
        self.takes_sigma = self.needs_sigma = (
            descriptor.architecture.id == 'DRUNet' or getattr(self.network, 'mode', '') == 'FDnCNN'
        )
        sizes = descriptor.size_requirements
        self.minimum, self.stride, self.square = sizes.minimum, sizes.multiple_of, sizes.square
        if descriptor.architecture.id == 'DnCNN':
            self.reach = sum(isinstance(module, nn.Conv2d) for module in self.network.modules())
        elif descriptor.tiling.name == 'SUPPORTED':
            self.reach = TILE_REACH

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known if the network takes it."""
        height, width = noisy.shape[-2:]
        bottom, right = self._padding(height, width)
        x = noisy
        if self.stride > 1 or self.minimum:
            # The padding may be wider than a small image.
            wide = self.minimum > 0 or self.square or self.stride > SMALL_SIDE
            x = reflect_pad(noisy, 0, right, 0, bottom, wide=wide)
        if self.needs_sigma:
            if sigma is None:
                raise ValueError(f'{self.architecture} needs sigma, but this degradation gives none')
            level = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0]).view(-1, 1, 1, 1)
            restored = self.network(torch.cat((x, level.expand(-1, 1, *x.shape[-2:])), dim=1))
        else:
            restored = self._call(self.network, x)
        return crop(restored, height, width)

    def _padding(self, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and columns to add below and to the right for the network."""
        rows, columns = ((max(size, self.minimum) if self.minimum else size) for size in (height, width))
        rows, columns = rows + -rows % self.stride, columns + -columns % self.stride
        if self.square:
            rows = columns = max(rows, columns)
        return rows - height, columns - width

    def adapt_state(self, state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """Rename weights from the authors' own file to this network's names."""
        own = {f'{prefix}network.{key}' for key in self.network.state_dict()}
        if set(state) == own:
            return state
        try:
            held = described(state, 'the weights').model.state_dict()
        except UserError:
            return state  # weights of another network, which the fit reports
        return {f'{prefix}network.{key}': value for key, value in held.items()}


def described(state: dict[str, Tensor], source: str | Path) -> Any:
    """Return spandrel's descriptor of the network that weights belong to, with the weights loaded.

    Raises:
        UserError: As for :class:`SpandrelRestorer`.
    """
    try:
        from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
    except ImportError:
        raise UserError(
            f"'{source}' needs spandrel, which recognises the networks of other projects. Install it: pip install"
            " 'semrestore[spandrel]'"
        ) from None
    try:
        from spandrel_extra_arches import install
    except ImportError:
        pass
    else:
        install(ignore_duplicates=True)
    beginning = 'denoiser.network.'  # of semrestore's own checkpoints
    bare = {key.removeprefix(beginning): value for key, value in state.items()}
    try:
        descriptor = ModelLoader().load_from_state_dict(bare)
    except UnsupportedModelError:
        raise UserError(f"spandrel recognises no network in the weights of '{source}'") from None
    except Exception as error:  # spandrel takes the weights for another network
        raise UserError(f"spandrel cannot build a network for the weights of '{source}': {first_line(error)}") from None
    channels = descriptor.input_channels, descriptor.output_channels
    if not isinstance(descriptor, ImageModelDescriptor) or descriptor.scale != 1 or channels != (3, 3):
        raise UserError(
            f"'{source}' holds {descriptor.architecture.name} for {channels[0]} to {channels[1]} channels, scale"
            f' {descriptor.scale}; expected a restorer of RGB images at their own size'
        )
    return descriptor
