"""Check the shapes and types that the parts of a cascade pass to each other."""

from collections.abc import Sequence

from torch import Tensor, nn

from semrestore.errors import UserError

__all__ = ['ContractError']


class ContractError(UserError):
    """A part, perhaps of a plugin, broke a promise of its base class. The message names both."""


def check_degraded(part: nn.Module, value: object, clean: Tensor) -> None:
    """Check what a degradation returned for a clean batch."""
    name, promise = f'{type(part).__name__}.forward', 'a Degraded(images, sigma)'
    if not isinstance(value, tuple) or len(value) != 2:
        raise _broken(name, promise, _what(value), 'semrestore.degradations.Degradation')
    images, sigma = value
    if not isinstance(images, Tensor) or images.shape != clean.shape:
        raise _broken(
            name,
            f"images of the clean batch's shape {tuple(clean.shape)}",
            _what(images),
            'semrestore.degradations.Degradation',
        )
    if sigma is not None and (not isinstance(sigma, Tensor) or sigma.shape != (len(clean),)):
        raise _broken(
            name, f'a sigma of shape ({len(clean)},), or None', _what(sigma), 'semrestore.degradations.Degradation'
        )


def check_restored(part: nn.Module, value: object, noisy: Tensor) -> None:
    """Check what a denoiser returned for a noisy batch."""
    if not isinstance(value, Tensor) or value.shape != noisy.shape:
        promise = f"a tensor of the noisy batch's shape {tuple(noisy.shape)}"
        raise _broken(f'{type(part).__name__}.forward', promise, _what(value), 'semrestore.denoisers.Denoiser')
    if not value.is_floating_point():
        raise _broken(
            f'{type(part).__name__}.forward', 'a floating point tensor', _what(value), 'semrestore.denoisers.Denoiser'
        )


def check_task_losses(part: nn.Module, value: object) -> None:
    """Check what a task's ``loss`` or ``soft_loss`` returned."""
    name, contract = f'{type(part).__name__}.loss', 'semrestore.tasks.FrozenTask'
    if not isinstance(value, dict):
        raise _broken(name, 'a dict of loss terms', _what(value), contract)
    if not any('loss' in key for key in value):
        raise _broken(
            name,
            "at least one term with 'loss' in its name",
            f'the terms {", ".join(map(str, value)) or "none"}',
            contract,
        )
    for key, term in value.items():
        if 'loss' in key and (not isinstance(term, Tensor) or term.numel() != 1):
            raise _broken(name, f"a scalar tensor as '{key}'", _what(term), contract)


def check_samples(part: nn.Module, method: str, value: object, count: int) -> None:
    """Check what a task's ``predict`` or ``self_label`` returned for ``count`` images."""
    name, contract = f'{type(part).__name__}.{method}', 'semrestore.tasks.FrozenTask'
    if not isinstance(value, Sequence) or len(value) != count:
        raise _broken(name, f'{count} data samples, one an image', _what(value), contract)
    if count and not hasattr(value[0], 'metainfo'):
        raise _broken(
            name, "data samples (MMEngine's BaseDataElement)", f'a list of {type(value[0]).__name__}', contract
        )


def check_term(part: nn.Module, value: object) -> None:
    """Check what a loss returned."""
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise _broken(f'{type(part).__name__}.forward', 'a scalar tensor', _what(value), 'semrestore.losses.Loss')


def _what(value: object) -> str:
    if isinstance(value, Tensor):
        return f'a tensor of shape {tuple(value.shape)} and {value.dtype}'
    return (
        f'a {type(value).__name__} of {len(value)}'
        if isinstance(value, list | tuple | dict)
        else f'a {type(value).__name__}'
    )


def _broken(name: str, promise: str, found: str, contract: str) -> ContractError:
    return ContractError(f'{name} returned {found}; expected {promise}. See the contract of {contract}')
