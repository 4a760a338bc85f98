"""Load weights into an existing network, and name what does not fit."""

import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from semrestore.errors import UserError, near
from semrestore.weights.read import check_numbers, check_plain, read_checkpoint, state_of, weights_of

__all__ = ['check_fit', 'check_resumable', 'load_weights']


def load_weights(module: nn.Module, path: str | Path) -> None:
    """Load a checkpoint (or a bare state dict) into a module of the same network.

    A cascade takes any cascade's checkpoint, whatever task that was trained with. MMEngine's ``EMAHook`` saves the
    averaged weights as the checkpoint's ``state_dict``, so those are loaded.

    Raises:
        UserError: The file is missing or unreadable, or holds the weights of another network.
    """
    load_state(module, weights_of(read_checkpoint(path), path), path)


def load_state(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Load tensors into a module of the same network. Errors call them ``source``."""
    check_plain(state, source)
    part = _part(module, state)
    if len(part) < len(state):
        taken, left = next(iter(part)), next(key for key in state if key not in part)
        print(
            f"{source}: weights such as '{taken}' are used, and weights such as '{left}' are ignored", file=sys.stderr
        )
    state = fitted(module, part)
    check_fit(module, state, source)
    whole = module.state_dict()  # it has the versions of its parts, which some of them need
    whole.update(state)
    module.load_state_dict(whole)


def fits(module: nn.Module, state: dict[str, Tensor]) -> bool:
    """Return True if tensors fit a module's network by their names, shapes and kinds."""
    return not _misfits(fitted(module, _part(module, state)), module.state_dict())


def fitted(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert weights to a module's names and form, if they differ only in known ways.

    ``module.`` of DataParallel, ``_orig_mod.`` of torch.compile, a trainer's ``model.``, or ``denoiser.``, which the
    bare state dict of a denoiser lacks: one beginning of all names is exchanged for another if all names then fit.
    Counts of batches, which files from before PyTorch 0.4.1 lack, are the module's own.
    """
    own = module.state_dict()
    pairs = [('', ''), *((before, after) for before in _beginnings(state) for after in _beginnings(own))]
    for before, after in pairs:
        renamed = adapted(module, {after + key[len(before) :]: value for key, value in state.items()})
        whole = {**{key: value for key, value in own.items() if key.endswith('.num_batches_tracked')}, **renamed}
        if set(whole) == set(own):
            return whole
    return adapted(module, state)


def _part(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the prefix whose names are a module's, or all weights if there is none.

    A trainer keeps a loss or a discriminator beside the network, and PyTorch's average a count.
    """
    own = _counted_out(module.state_dict())
    for after in _beginnings(own):
        names = {name[len(after) :] for name in own}
        first = min(names, default='')
        starts = {key[: -len(first)] for key in state if key.endswith(f'.{first}')}
        parts = {start: {key for key in state if key.startswith(start)} for start in starts}
        fitting = [start for start in starts if {key[len(start) :] for key in _counted_out(parts[start])} == names]
        if len(fitting) == 1:
            return {key: state[key] for key in state if key in parts[fitting[0]]}
    return state


def _counted_out(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.endswith('.num_batches_tracked')}


def _beginnings(names: Collection[str]) -> list[str]:
    """Return the common prefixes of names, up to each point: '', 'a.' and 'a.b.' for ``a.b.x`` and ``a.b.y``."""
    first, last = min(names, default=''), max(names, default='')  # a prefix of these two is a prefix of all
    shared = first[
        : next((place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    ]
    return ['', *(shared[: place + 1] for place, letter in enumerate(shared) if letter == '.')]


def adapted(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights in the form that the parts of a module expect.

    A part that computes the same with weights in another form has a method ``adapt_state``; see
    :meth:`semrestore.denoisers.MultiScaleDenoiser.adapt_state`.
    """
    for name, part in module.named_modules():
        if hasattr(part, 'adapt_state'):
            state = part.adapt_state(state, f'{name}.' if name else '')
    return state


def check_resumable(module: nn.Module, path: str | Path) -> None:
    """Check that a training of ``module`` can continue from a checkpoint.

    MMEngine would leave whatever is missing as it was initialised.

    Raises:
        UserError: The checkpoint is of another network, or holds only weights.
    """
    checkpoint = read_checkpoint(path)
    meta = checkpoint.get('meta')
    for name, part, known in (
        ('meta.iter', isinstance(meta, dict) and meta.get('iter'), int),
        ('meta.epoch', isinstance(meta, dict) and meta.get('epoch'), int),
        ('optimizer', checkpoint.get('optimizer'), dict),
        ('message_hub', checkpoint.get('message_hub'), dict),
    ):
        if not isinstance(part, known) or isinstance(part, bool):
            raise UserError(
                f"checkpoint '{path}' has no {name}, so no training can continue from it. To start a new training"
                ' from its weights, set load_from to it'
            )
    check_fit(module, state_of(checkpoint), path)


def check_fit(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Check that weights fit a module's network.

    Raises:
        UserError: A weight is missing, superfluous, of another shape or kind, or has values that are not finite.
    """
    check_plain(state, source)
    problems = _misfits(state, module.state_dict())
    if problems:
        key, describe = problems[0]
        more = f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''
        named = type(module['denoiser'] if isinstance(module, nn.ModuleDict) else module).__name__
        raise UserError(f'{source} does not fit {named}: it {describe(key)}{more}' + _firsts(module, state))
    check_numbers(state, source, {name for name, _ in module.named_parameters()})


def _firsts(module: nn.Module, state: dict[str, Tensor]) -> str:
    """Return the first names in a file and in a network, if the two have no name in common."""
    own = module.state_dict()
    if set(own) & set(state):
        return ''
    held, wanted = (', '.join(map(repr, list(names)[:3])) or 'nothing' for names in (state, own))
    return f'. Its first weights are {held}; expected {wanted}'


def _misfits(state: dict[str, Tensor], own: dict[str, Tensor]) -> list[tuple[str, Callable[[str], str]]]:
    """Return the keys that do not fit, each with a function that describes it (finding near names is slow)."""

    def is_other_kind(key: str) -> bool:
        return state[key].is_floating_point() != own[key].is_floating_point() or state[key].is_complex()

    def has_other_settings(key: str) -> bool:
        return key.endswith('.settings') and not torch.equal(state[key].float().cpu(), own[key].float().cpu())

    def shapes(key: str) -> str:
        return f"has '{key}' of shape {tuple(state[key].shape)} where the network has {tuple(own[key].shape)}"

    def kinds(key: str) -> str:
        return f"has '{key}' of {state[key].dtype} where the network has {own[key].dtype}"

    def settings(key: str) -> str:
        return f"has the settings {state[key].tolist()} in '{key}' where the network has {own[key].tolist()}"

    found: list[tuple[str, Callable[[str], str]]] = [(key, "misses '{}'".format) for key in own if key not in state]
    found += [
        (key, lambda key: f"has '{key}', which is not in the network.{near(key, own)}")
        for key in state
        if key not in own
    ]
    found += [(key, shapes) for key in own if key in state and state[key].shape != own[key].shape]
    found = found or [(key, kinds) for key in own if is_other_kind(key)]
    return found or [(key, settings) for key in own if not own[key].is_meta and has_other_settings(key)]
