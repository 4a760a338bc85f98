"""Train in bfloat16 on any device, and merge the optimizer's parameter groups so that a step takes few kernels."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from semrestore.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS


def bf16_is_fast() -> bool:
    """Return whether this machine computes bfloat16 without emulation, which would be slower than float32."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, 'get_capabilities') else {}
    return any(capabilities.get(name) for name in ('avx512_bf16', 'amx_bf16', 'arm_bf16'))


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast, on GPUs and CPUs.

    bfloat16 has the exponent range of float32, so that no gradient scaler is needed; MMEngine's ``AmpOptimWrapper``
    brings one and refuses a CPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter autocast on the device of ``model``."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield


def with_bf16(optim_wrapper: dict) -> dict:
    """Return the config of an optimizer wrapper as one that trains in bfloat16."""
    kept = {key: value for key, value in optim_wrapper.items() if key not in ('dtype', 'loss_scale', 'use_fsdp')}
    return {**kept, 'type': 'Bf16OptimWrapper'}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MergedGroupsConstructor(DefaultOptimWrapperConstructor):
    """Build MMEngine's optimizer wrapper, with parameters of equal settings in one group.

    With ``paramwise_cfg`` MMEngine gives every parameter a group of its own, and PyTorch's optimizers launch their
    kernels for each group, fused or not; merged there are two or three groups. Checkpoints made with the one cannot be
    resumed with the other.
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', is_dcn_module: int | float | None = None
    ) -> None:
        """Add the groups of a module and of those in it to ``params``."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:  # MMEngine calls this again for every child
            return
        merged: dict[tuple, dict] = {}
        for group in params:
            settings = tuple(sorted((name, repr(value)) for name, value in group.items() if name != 'params'))
            merged.setdefault(settings, {**group, 'params': []})['params'] += group['params']
        params[:] = merged.values()
