"""Run a frozen network in channels-last memory, which makes convolutions faster (``docs/performance.md``)."""

from contextlib import ExitStack

import torch
from torch import Tensor, nn


@torch.no_grad()
def allow_channels_last(network: nn.Module, example: Tensor) -> bool:
    """Make a network accept channels-last input, after trying it on one.

    A network that flattens features with ``view``, such as mmpretrain's VGG, fails on this layout. The module in front
    of the ``view`` then returns contiguous features.

    Args:
        network: A network in eval mode.
        example: An input of shape ``(1, 3, H, W)``.

    Returns:
        Whether it works; if not, the network is as it was.
    """
    example = example.contiguous(memory_format=torch.channels_last)
    last: list[nn.Module] = []

    def remember(module: nn.Module, _: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            last[:] = [module]

    with ExitStack() as stack:
        for module in network.modules():
            if not any(True for _ in module.children()):
                stack.callback(module.register_forward_hook(remember).remove)
        if _runs(network, example):
            return True
    if not last:
        return False
    handle = last[0].register_forward_hook(lambda _, __, output: output.contiguous())
    if _runs(network, example):
        return True
    handle.remove()
    return False


def lay_out(network: nn.Module, memory_format: torch.memory_format) -> nn.Module:
    """Convert a network's convolutions to a memory format.

    ``network.to(memory_format=...)`` fails on parameters of five dimensions, which some restorers have.
    """
    for value in (*network.parameters(), *network.buffers()):
        if value.ndim == 4:
            value.data = value.data.contiguous(memory_format=memory_format)
    return network


def _runs(network: nn.Module, example: Tensor) -> bool:
    try:
        network(example)
    # From a view, or from a network that takes images of another size.
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True
