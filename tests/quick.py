"""What spares MMEngine's runs in tests time, imported by fixtures.py and where processes are forked."""

from functools import partial

import torch
from yapf.yapflib import yapf_api

LARGE = 3 * 2**20  # weights


def unformatted(text: str, **options: object) -> tuple[str, bool]:
    """Return code as it is."""
    return text, False


# A run dumps its config at least five times, and laying it out takes as long as a short training.
yapf_api.FormatCode = unformatted


def drawing(name: str) -> partial:
    """Return a function of torch.nn.init that gives large tensors one value, whose drawing takes seconds."""
    return partial(_drawn, getattr(torch.nn.init, name))


def _drawn(draw, tensor, *arguments, **options):
    if tensor.numel() > LARGE:
        return tensor.data.fill_(1e-5)
    return draw(tensor, *arguments, **options)
