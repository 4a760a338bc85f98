"""Published denoisers by name: small files that travel with the package."""

import json
from functools import cache
from pathlib import Path

import torch

from semrestore.checkpoint import load_denoiser as _load
from semrestore.checkpoint import sha256
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, near
from semrestore.registry import MODELS

__all__ = ['load_denoiser', 'published']

# A link to weights/ in the repository, and a folder in the wheel.
WEIGHTS = Path(__file__).parent / '.mim/weights'
PREFIX = 'zoo:'


@cache
def published() -> dict[str, dict]:
    """Return what is published, by name, and how it was made.

    An entry has the ``file``, its ``sha256``, the ``denoiser``'s config, and ``sigma``: a number on 0..255, a trained
    range, or ``None`` where it was trained on other noise.
    """
    try:
        return json.loads((WEIGHTS / 'zoo.json').read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'the list of published weights cannot be read: {error}; install semrestore again') from None


def load_denoiser(name: str, device: str | torch.device = 'cpu') -> Denoiser:
    """Return a published denoiser, in float32 and evaluation mode, its weights frozen.

    Args:
        name: Such as ``'multiscale-sigma25'``, for noise of that standard deviation on 0..255.
            ``docs/model_zoo.md`` lists them with what they reach.
        device: Where to put it.

    Returns:
        A denoiser: RGB ``(N, 3, H, W)`` in 0..1, of any size, to the same.
        :class:`~semrestore.denoisers.InferenceDenoiser` makes it faster.

    Raises:
        UserError: There is none of that name, or its file is missing or damaged.

    >>> import semrestore
    >>> denoiser = semrestore.load_denoiser('multiscale-sigma25')
    >>> denoiser(torch.rand(1, 3, 32, 48)).shape
    torch.Size([1, 3, 32, 48])
    """
    path = resolve(PREFIX + name)
    denoiser = MODELS.build(dict(published()[name]['denoiser']))
    _load(torch.nn.ModuleDict(dict(denoiser=denoiser)), path)
    return denoiser.requires_grad_(False).eval().to(device)


def resolve(checkpoint: str) -> str:
    """Return the file of ``zoo:NAME``; any other name of a checkpoint as it is.

    Raises:
        UserError: There is none of that name, or its file is missing or damaged.
    """
    if not checkpoint.startswith(PREFIX):
        return checkpoint
    name = checkpoint.removeprefix(PREFIX)
    if name not in published():
        raise UserError(f"there are no published weights '{name}'.{near(name, published())} There are: {', '.join(published())}")
    entry = published()[name]
    path = WEIGHTS / entry['file']
    if not path.is_file() or sha256(path) != entry['sha256']:
        raise UserError(f"the published weights '{path}' are missing or damaged; install semrestore again")
    return str(path)
