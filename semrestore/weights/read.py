"""Read and write weights. Nothing but tensors and plain values is ever unpickled."""

import json
import re
import sys
import zipfile
from collections.abc import Container
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch
from torch import Tensor

from semrestore.errors import UserError, first_line
from semrestore.files import replacing

__all__ = ['latest_checkpoint', 'read_checkpoint', 'read_weights', 'save_weights']

RECORD = 'semrestore'
"""Key of the record in a checkpoint's ``meta``, and in the header of a safetensors file. Its value is JSON."""


def read_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint to the CPU without running any code in it.

    Args:
        path: A safetensors file, or anything that :func:`torch.save` wrote.

    Returns:
        What the file holds. Of a safetensors file: ``state_dict``, and ``meta`` with the header's entries.

    Raises:
        UserError: The file is missing, damaged, no checkpoint, or holds more than tensors and plain values.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"checkpoint '{path}' does not exist")
    try:
        if _is_torchscript(path):
            raise UserError(
                f"checkpoint '{path}' is a TorchScript program, which is never run; expected its state dict,"
                ' saved by torch.save(model.state_dict(), FILE)'
            )
        checkpoint = _read_safetensors(path) if _is_safetensors(path) else unpickle(path, 'cpu')
    except UserError:
        raise
    except Exception as error:  # a damaged pickle or archive can raise any error
        reason = first_line(error)
        if 'weights_only' in reason:  # because PyTorch's message advises to run the file's code
            reason = 'it holds more than weights'
        raise UserError(f'checkpoint {path} cannot be read, and may be truncated: {reason}') from None
    if not isinstance(checkpoint, dict):
        raise UserError(f'checkpoint {path} holds a {type(checkpoint).__name__}; expected a dict of weights')
    return checkpoint


def unpickle(file: str | Path | IO[bytes], map_location: Any = None, weights_only: bool | None = None) -> object:
    """Unpickle only tensors and plain values.

    ``semrestore.library_patches`` puts this in the place of MMEngine's own function, which falls back to running what
    it finds.
    """
    from mmengine.runner.checkpoint import get_torch_safe_globals

    try:
        # MMEngine's checkpoints hold its log buffers, so those classes are allowed.
        with torch.serialization.safe_globals(get_torch_safe_globals()):
            checkpoint = torch.load(file, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        held = re.search(r'GLOBAL ([\w.]+)', str(error))
        what = f'it holds {held[1]}' if held else 'it holds objects or code'
        raise UserError(
            f'checkpoint {file} is not a file of weights alone, and nothing else is loaded: {what}. Ask whoever made it'
            ' for its state dict, saved by torch.save(model.state_dict(), FILE) or as safetensors'
        ) from None
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)  # MMCV's key for a config: Python code that MMEngine runs when it resumes
    return checkpoint


def _is_torchscript(path: Path) -> bool:
    return zipfile.is_zipfile(path) and any('/code/' in name for name in zipfile.ZipFile(path).namelist())


def _is_safetensors(path: Path) -> bool:
    """Return whether a file is safetensors: 8 bytes with the length of a JSON header, then the header."""
    if path.suffix == '.safetensors':
        return True
    with open(path, 'rb') as file:
        start = file.read(9)
    return start[8:] == b'{' and int.from_bytes(start[:8], 'little') < path.stat().st_size


def _read_safetensors(path: Path) -> dict:
    from safetensors import safe_open

    with safe_open(path, framework='pt') as file:
        return dict(state_dict={key: file.get_tensor(key) for key in file.keys()}, meta=dict(file.metadata() or {}))  # noqa: SIM118


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, or of a bare state dict, by name.

    Raises:
        UserError: As for :func:`read_checkpoint`; or a tensor is sparse, quantised, incomplete, or has values that are
            no numbers.
    """
    state = state_of(read_checkpoint(path))
    check_plain(state, path)
    check_numbers(state, path, state)
    return state


CONTAINERS = (
    'state_dict_ema',
    'params_ema',
    'model_ema',
    'state_dict',  # MMEngine's; its ``ema_state_dict`` holds the weights without averaging
    'ema',
    'ema_model',
    'teacher',  # DINO's average
    'params',
    'model',
    'model_state_dict',
    'model_state',
    'net',
    'network',
    'generator',
    'module',
    'weights',
)
"""Under what MMEngine, BasicSR, timm, torchvision's references and others keep a state dict; averages first."""


def state_of(checkpoint: dict) -> dict[str, Tensor]:
    """Return the weights in what :func:`read_checkpoint` returned: a state dict, or one in a known container.

    Where a file has several, the first of :data:`CONTAINERS` is taken, and which one is said on standard error.
    """
    bare = _tensors(checkpoint)
    found = {name: state for name in CONTAINERS if (state := _tensors(checkpoint.get(name)))}
    if bare and not found:
        return bare
    if not found:  # a single dict of tensors, under any name
        found = {name: state for name, held in checkpoint.items() if (state := _tensors(held))}
        return next(iter(found.values())) if len(found) == 1 else {}
    if len(found) > 1:
        print(f'the checkpoint holds {", ".join(found)}; {next(iter(found))} is used', file=sys.stderr)
    return next(iter(found.values()), {})


def weights_of(checkpoint: dict, source: str | Path) -> dict[str, Tensor]:
    """Return what :func:`state_of` does.

    Raises:
        UserError: There are no weights. The message says what the file holds.
    """
    state = state_of(checkpoint)
    if not state:
        keys = ', '.join(map(repr, list(checkpoint)[:6])) or 'nothing'
        raise UserError(
            f"checkpoint '{source}' has no weights in a known place: it holds {keys}; expected a state dict, or"
            f' one under {", ".join(CONTAINERS[:4])} or similar'
        )
    return state


def _tensors(held: object) -> dict[str, Tensor]:
    if not isinstance(held, dict):
        return {}
    return {key: value for key, value in held.items() if isinstance(key, str) and isinstance(value, Tensor)}


def check_plain(state: dict[str, Tensor], source: str | Path) -> None:
    """Raise an error for sparse, nested, quantised and meta tensors, and for tensors that store too few values."""
    for key, value in state.items():
        if value.is_nested or value.layout is not torch.strided or value.is_meta or value.is_quantized:
            kind = 'quantized' if value.is_quantized else 'meta' if value.is_meta else 'sparse or nested'
            raise UserError(f"{source} has a {kind} tensor in '{key}'; expected a plain one")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(
                f"{source} stores fewer values of '{key}' than its shape has, {value.numel()}; expected all"
            )


def check_numbers(state: dict[str, Tensor], source: str | Path, parameters: Container[str] = ()) -> None:
    """Raise an error for NaN, and for infinity in ``parameters`` only, because a mask may hold it."""
    for key, value in state.items():
        if value.isnan().any() or (key in parameters and value.isinf().any()):
            raise UserError(
                f"{source} has values in '{key}' that are not finite numbers: its training diverged, or the file"
                ' is damaged. Use another checkpoint'
            )


def latest_checkpoint(folder: str | Path) -> str | None:
    """Return the last checkpoint of a run that can be read, or ``None`` if there is none.

    It is the one that the file ``last_checkpoint`` names, because an earlier run in the same folder may have been
    longer; otherwise the newest file. A damaged one is reported and passed over.

    Raises:
        UserError: There are checkpoints, and none can be read.
    """
    named = [
        (int(match[2]), path)
        for path in Path(folder).glob('*.pth')
        if (match := re.fullmatch(r'(iter|epoch)_(\d+)', path.stem))
    ]
    record = Path(folder) / 'last_checkpoint'
    last = Path(record.read_text(encoding='utf-8').strip()).name if record.is_file() else ''
    ranked = sorted(((path.name == last, path.stat().st_mtime_ns, step, path) for step, path in named), reverse=True)
    for *_, path in ranked:
        try:
            check_numbers(state_of(read_checkpoint(path)), path)
        except UserError as error:
            print(f'warning: {error}; trying the one before it', file=sys.stderr)
            continue
        return str(path)
    if named:
        raise UserError(f"none of the {len(named)} checkpoints in '{folder}' can be read. Remove them to start again")
    return None


def save_weights(state: dict[str, Tensor], path: str | Path, record: dict | None = None) -> None:
    """Write weights, whole or not at all.

    Args:
        state: Tensors by name.
        path: ``.safetensors``, or any other suffix for PyTorch's format.
        record: What the file says of itself, such as ``dict(denoiser=...)``; see :mod:`semrestore.weights.record`.

    Raises:
        UserError: The file cannot be written.
    """
    path = Path(path)
    meta = {} if record is None else {RECORD: json.dumps(record, sort_keys=True)}
    try:
        with replacing(path) as partial:
            if path.suffix == '.safetensors':
                from safetensors.torch import save

                partial.write_bytes(save({key: value.contiguous() for key, value in state.items()}, meta))
            else:
                with open(partial, 'wb') as file:  # an open file, because torch takes no name without a suffix
                    torch.save(dict(meta=meta, state_dict=state), file)
    except RuntimeError as error:  # torch's error if it cannot open or fill the file
        raise UserError(f"'{path}' cannot be written: {first_line(error)}") from None
