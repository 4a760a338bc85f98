"""FFDNet (Zhang, Zuo and Zhang, "FFDNet: Toward a Fast and Flexible Solution", IEEE TIP 2018), in colour."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.denoisers.base import Denoiser
from semrestore.denoisers.dncnn import kair_convolutions, load_plain_convolutions, plain_convolutions
from semrestore.limits import DEEPEST
from semrestore.padding import crop
from semrestore.registry import MODELS


@MODELS.register_module()
class FFDNet(Denoiser):
    """Restore by 3x3 convolutions at half resolution, which take the noise level as an input.

    Args:
        depth: Convolutions; 12 in the colour network. All but the first and last have batch normalisation.
        channels: Of the features.

    Shape:
        ``(N, 3, H, W)`` to ``(N, 3, H, W)``, any ``H, W >= 1``: odd sizes are padded by their last row and column.

    >>> sum(parameter.numel() for parameter in FFDNet().parameters())
    853068
    """

    needs_sigma = True

    def __init__(self, depth: int = 12, channels: int = 96) -> None:
        super().__init__()
        if not 2 <= depth <= DEEPEST:
            raise ValueError(f'depth is {depth}; expected 2 to {DEEPEST}')
        self.body = plain_convolutions(4 * 3 + 1, channels, 4 * 3, depth)
        self.reach, self.stride = 2 * depth + 1, 2  # two pixels for each convolution, and one within a cell of 2 x 2

    def forward(self, noisy: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """See :class:`~semrestore.denoisers.base.Denoiser`; ``sigma`` has to be known, each image may have its own."""
        if sigma is None:
            raise ValueError('FFDNet needs sigma, but this degradation gives none')
        height, width = noisy.shape[-2:]
        x = F.pixel_unshuffle(F.pad(noisy, (0, width % 2, 0, height % 2), mode='replicate'), 2)
        level = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).expand(noisy.shape[0]).view(-1, 1, 1, 1)
        x = self.body(torch.cat((x, level.expand(-1, 1, *x.shape[-2:])), dim=1))
        return crop(F.pixel_shuffle(x, 2), height, width)

    def adapt_state(self, state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """Rename weights from the format of KAIR, the authors' PyTorch code, to this class's names."""
        layers = kair_convolutions(state)
        own = [layer.weight.shape for layer in self.body if isinstance(layer, nn.Conv2d)]
        if not layers or [weight.shape for weight, _ in layers] != own:
            return state
        with torch.device('cpu'):
            body = plain_convolutions(own[0][1], own[0][0], own[-1][0], len(own))
        load_plain_convolutions(body, layers)
        return {f'{prefix}body.{key}': value for key, value in body.state_dict().items()}


def kair_config(state: dict[str, Tensor]) -> dict | None:
    """Return the config of the FFDNet for weights in KAIR's format, or ``None`` for other weights.

    Their names are those of KAIR's DnCNN, so the channels decide.
    """
    layers = kair_convolutions(state)
    if not layers or layers[0][0].shape[1] != 4 * 3 + 1 or layers[-1][0].shape[0] != 4 * 3:
        return None
    return dict(type='FFDNet', depth=len(layers), channels=len(layers[0][0]))
