"""Make a denoiser ready to use, from a name, a file, a module or a config."""

import copy
import sys
from pathlib import Path

import torch
from mmengine.registry import DefaultScope, build_from_cfg
from torch import Tensor, nn

from semrestore.denoisers import Denoiser, SpandrelRestorer
from semrestore.denoisers.ffdnet import kair_config
from semrestore.denoisers.spandrel import described
from semrestore.errors import UserError, explained
from semrestore.registry import MODELS
from semrestore.weights.load import check_fit, fits, load_state
from semrestore.weights.read import check_plain, read_checkpoint, weights_of
from semrestore.weights.record import checked_config, read_record, weights_digest
from semrestore.weights.zoo import level_note, resolve

__all__ = ['build_denoiser', 'denoiser_config', 'load_denoiser', 'needs_weights']

THE_PAPERS = dict(type='MultiScaleDenoiser')
"""The network of weights that carry no record, and come without a config."""


def load_denoiser(
    weights: str | Path | Denoiser | None, config: dict | None = None, device: str | torch.device = 'cpu'
) -> Denoiser:
    """Return a denoiser that is ready to use: in evaluation mode, with frozen weights.

    Args:
        weights: A published name such as ``'multiscale-blind'`` or ``'zoo:multiscale-blind'`` (``docs/model_zoo.md``
            lists them), a checkpoint's file, a denoiser (a copy is returned), or ``None`` for a method without weights.
        config: Config of the denoiser, as in ``model.denoiser`` of a config file. Files that semrestore wrote need
            none, because they record their network. Files of other projects need none either, if spandrel knows their
            network (:class:`~semrestore.denoisers.SpandrelRestorer`).
        device: Where to put it, such as ``'cuda:1'``.

    Returns:
        A denoiser: RGB ``(N, 3, H, W)`` in 0..1, of any size, to the same.
        :class:`~semrestore.acceleration.InferenceDenoiser` makes it faster.

    Raises:
        UserError: No such weights exist, they belong to another network, or the method needs some.

    >>> import semrestore
    >>> denoiser = semrestore.load_denoiser('multiscale-sigma25')
    >>> denoiser(torch.rand(1, 3, 32, 48)).shape
    torch.Size([1, 3, 32, 48])
    """
    if isinstance(weights, nn.Module) and not isinstance(weights, Denoiser):
        raise UserError(
            f'the denoiser is a {type(weights).__name__}; expected a semrestore.Denoiser, a published name or a file.'
            ' Derive your network from semrestore.Denoiser'
        )
    if isinstance(weights, Denoiser):
        denoiser = copy.deepcopy(weights)  # the caller's own stays as it is
    else:
        denoiser = build_denoiser(config, weights)
        if note := level_note(str(weights)):
            print(f'note: {note}', file=sys.stderr)
        if weights is None and needs_weights(denoiser):
            raise UserError(
                f'{type(denoiser).__name__} needs weights. Give a checkpoint, or the name of published ones'
            )
    with explained(f"device '{device}' cannot be used"):
        return denoiser.requires_grad_(False).eval().to(device)


def build_denoiser(config: dict | None = None, weights: str | Path | None = None) -> Denoiser:
    """Build a denoiser and load its weights. Without weights it is as its class initialises it.

    Args:
        config: Config of the denoiser. By default what :func:`denoiser_config` finds for the weights.
        weights: A published name or a file.

    Raises:
        UserError: As for :func:`load_denoiser`.
    """
    if weights is None:
        return _build(config or THE_PAPERS)
    source = resolve(weights)
    checkpoint = read_checkpoint(source)
    state = weights_of(checkpoint, source)
    denoiser = _build(config or _config_of(checkpoint, state, source, THE_PAPERS))
    load_state(nn.ModuleDict(dict(denoiser=denoiser)), state, source)
    if record := read_record(checkpoint, source):
        denoiser.made, denoiser.made_of = record, weights_digest(denoiser)
    return denoiser


def denoiser_config(weights: str | Path | None, default: dict) -> dict:
    """Return the config of the denoiser that a checkpoint belongs to.

    That is the one that it records. If it records none, it is the first of these that its weights fit: ``default``, an
    FFDNet in the authors' format, and what spandrel knows.

    Raises:
        UserError: The file is unreadable, its record is not safe to build or describes another network, or nobody knows
            the network.
    """
    if weights is None:
        return dict(default)
    source = resolve(weights)
    checkpoint = read_checkpoint(source)
    return _config_of(checkpoint, weights_of(checkpoint, source), source, default)


def _config_of(checkpoint: dict, state: dict[str, Tensor], source: str, default: dict) -> dict:
    if record := read_record(checkpoint, source):
        return checked_config(record, state, source)
    check_plain(state, source)
    with torch.device('cpu' if default.get('type') == SpandrelRestorer.__name__ else 'meta'):
        outline = nn.ModuleDict(dict(denoiser=_build(default)))
    if fits(outline, state):
        return dict(default)
    if config := kair_config(state):
        return config
    try:
        described(state, source)
    except UserError as error:
        try:
            check_fit(outline, state, source)
        except UserError as misfit:
            raise UserError(f'{misfit}. {error}') from None
    return dict(type=SpandrelRestorer.__name__, weights=source)


def needs_weights(denoiser: Denoiser | dict) -> bool:
    """Return True if a denoiser is learned, so that it needs weights."""
    return any(True for _ in (_build(denoiser) if isinstance(denoiser, dict) else denoiser).parameters())


def _build(config: dict) -> Denoiser:
    with (
        DefaultScope.overwrite_default_scope('semrestore'),
        explained(f"denoiser '{config.get('type')}' does not build"),
    ):
        return build_from_cfg(dict(config), MODELS)
