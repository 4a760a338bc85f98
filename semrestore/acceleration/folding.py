"""Fold the batch normalisation of a network in eval mode into the convolution before it."""

import copy
from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Exact types: a subclass may use its weights in another way (weight standardisation does). By name, so that no library
# is imported whose layers the network does not have.
_CONVOLUTIONS = {
    'torch.nn.modules.conv.Conv2d',
    'mmcv.cnn.bricks.conv2d_adaptive_padding.Conv2dAdaptivePadding',
    'timm.layers.conv2d_same.Conv2dSame',
}
_NORMS = {
    'torch.nn.modules.batchnorm.BatchNorm2d',
    'torch.nn.modules.batchnorm.SyncBatchNorm',
    'mmengine.utils.dl_utils.parrots_wrapper.SyncBatchNorm',
    'timm.layers.norm_act.BatchNormAct2d',
}


@torch.no_grad()
def fold_batch_norms(network: nn.Module, *example: Tensor) -> dict[str, str]:
    """Fold each batch normalisation into the convolution before it, in place, if it is that convolution's only user.

    One pass over ``example`` shows which convolution feeds which normalisation. If the output then changes by more than
    float32 rounding (a convolution's output had another reader, say), the network is restored.

    Args:
        network: A network in eval mode that stays there.
        example: What the network takes: an input of shape ``(1, 3, H, W)``, and more if it takes more.

    Returns:
        The names of the folded normalisations by the names of their convolutions.
    """
    if not any(_kind(module) in _NORMS for module in network.modules()):
        return {}
    modules = dict(network.named_modules())
    try:
        pairs, before = _trace(network, modules, example)
    except (RuntimeError, ValueError, AssertionError):  # such as a network that takes images of another size
        return {}
    saved = {name: copy.deepcopy(modules[name]) for pair in pairs.items() for name in pair}
    for convolution, norm in pairs.items():
        _fold(network, convolution, norm, modules)
    after = _flat(network(*example))
    if before and all((a - b).abs().max() <= 1e-4 * b.abs().max() for a, b in zip(after, before, strict=True)):
        return pairs
    for name, module in saved.items():
        network.set_submodule(name, module)
    return {}


def _kind(module: nn.Module) -> str:
    return f'{type(module).__module__}.{type(module).__qualname__}'


def _trace(
    network: nn.Module, modules: dict[str, nn.Module], example: tuple[Tensor, ...]
) -> tuple[dict[str, str], list[Tensor]]:
    producers: dict[int, str] = {}
    outputs: list[Tensor] = []  # kept alive, because ids of freed tensors are used again
    calls: Counter[str] = Counter()
    pairs: dict[str, str] = {}

    def leave_convolution(name: str, output: Tensor) -> None:
        calls[name] += 1
        producers[id(output)] = name
        outputs.append(output)

    def enter_norm(name: str, image: Tensor) -> None:
        calls[name] += 1
        if id(image) in producers:
            pairs[producers[id(image)]] = name

    handles = []
    for name, module in modules.items():
        # A weight that is no parameter is computed anew in each pass, such as one of spectral normalisation.
        if _kind(module) in _CONVOLUTIONS and 'weight' in module._parameters:
            handles.append(
                module.register_forward_hook(lambda _, __, output, name=name: leave_convolution(name, output))
            )
        elif _kind(module) in _NORMS and module.running_var is not None:
            handles.append(module.register_forward_pre_hook(lambda _, inputs, name=name: enter_norm(name, inputs[0])))
    try:
        before = _flat(network(*example))
    finally:
        for handle in handles:
            handle.remove()
    return {first: second for first, second in pairs.items() if calls[first] == calls[second] == 1}, before


def _fold(network: nn.Module, convolution: str, norm: str, modules: dict[str, nn.Module]) -> None:
    conv, bn = modules[convolution], modules[norm]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d | nn.SyncBatchNorm)
    mean, variance = bn.running_mean, bn.running_var
    assert mean is not None
    assert variance is not None
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight.double(),
        None if conv.bias is None else conv.bias.double(),
        mean.double(),
        variance.double(),
        bn.eps,
        None if bn.weight is None else bn.weight.double(),
        None if bn.bias is None else bn.bias.double(),
    )
    conv.to(mean.dtype).requires_grad_(False)
    network.set_submodule(norm, getattr(bn, 'act', nn.Identity().eval()))


def _flat(output: object) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    return [part for item in output for part in _flat(item)] if isinstance(output, list | tuple) else []
