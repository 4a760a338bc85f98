"""Count a denoiser's parameters and multiply-adds."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from semrestore.denoisers.base import Denoiser

STANDARD_SIZE = (512, 768)
"""Height and width of Kodak's images, for which costs are stated."""


def parameters(denoiser: Denoiser, weights_alone: bool = False) -> int:
    """Count the learnable parameters, or only the weights of convolutions (the paper's Table I).

    >>> from semrestore.denoisers import MultiScaleDenoiser
    >>> parameters(MultiScaleDenoiser()), parameters(MultiScaleDenoiser(), weights_alone=True)
    (1033443, 1030208)
    """
    return sum(value.numel() for value in denoiser.parameters() if value.ndim > 1 or not weights_alone)


def multiply_adds(denoiser: Denoiser, size: tuple[int, int] = STANDARD_SIZE) -> int | None:
    """Count the multiply-adds of all convolutions for one image; ``None`` for a denoiser without parameters.

    Nothing is computed: the image and the weights are without values.

    >>> from semrestore.denoisers import DnCNN
    >>> multiply_adds(DnCNN(), (1, 1))
    667008
    """
    if next(denoiser.parameters(), None) is None:
        return None
    training = denoiser.training
    denoiser = denoiser.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        image = torch.empty(1, 3, *size, device='meta')
        torch.func.functional_call(
            denoiser, {name: value.to('meta') for name, value in denoiser.state_dict().items()}, (image, 0.1)
        )
    denoiser.train(training)
    return counter.get_total_flops() // 2
