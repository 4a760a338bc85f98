"""Record a checkpoint's network, and build the network from the record.

The record is plain JSON. A stranger's file must not run code, so a record builds registered denoisers and nothing
else: MMEngine's registries would import any dotted name that they are given.
"""

import hashlib
import json
from pathlib import Path

import torch
from mmengine.registry import DefaultScope, build_from_cfg
from torch import Tensor, nn

from semrestore.denoisers import Denoiser, ModuleDenoiser, SpandrelRestorer
from semrestore.errors import UserError, explained, near
from semrestore.limits import LARGEST_RECORD
from semrestore.plugins import load_plugins
from semrestore.registry import MODELS
from semrestore.weights.load import check_fit
from semrestore.weights.read import RECORD

__all__ = ['checked_config', 'denoiser_record', 'read_record']

OWN_SCOPE = 'semrestore.'


def denoiser_record(config: dict) -> dict | None:
    """Return the record of a denoiser's config, or ``None`` if JSON cannot hold the config.

    >>> denoiser_record(dict(type='DnCNN', depth=17, init_cfg=None))
    {'denoiser': {'type': 'DnCNN', 'depth': 17}}
    """
    try:
        record = json.loads(json.dumps(dict(denoiser=_plain(config))))
    except (TypeError, ValueError):
        return None
    if record['denoiser'].get('type') == SpandrelRestorer.__name__:
        del record['denoiser']['weights']  # says where the first weights came from, which the file replaces
    return record


def read_record(checkpoint: dict, source: str | Path) -> dict | None:
    """Return the record of what :func:`~semrestore.weights.read.read_checkpoint` returned, ``None`` if it has none.

    Raises:
        UserError: The record is not a JSON dict.
    """
    meta = checkpoint.get('meta')
    text = meta.get(RECORD) if isinstance(meta, dict) else None
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > LARGEST_RECORD:
        raise UserError(f'{source}: its record is not a text of at most {LARGEST_RECORD} characters; expected JSON')
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f'{source}: its record is not JSON: {error}') from None
    if not isinstance(record, dict) or not isinstance(record.get('denoiser'), dict):
        raise UserError(f"{source}: its record has no 'denoiser'; expected a JSON dict with the denoiser's config")
    return record


def weights_digest(module: nn.Module) -> str:
    """Return a digest of a module's weights, to detect changes since they were loaded."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f'{name} {value.dtype} {tuple(value.shape)}'.encode())
        digest.update(value.cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def checked_config(record: dict, state: dict[str, Tensor], source: str | Path) -> dict:
    """Return the config of the denoiser that a record describes, after checking that it is safe to build.

    The denoiser is built without memory here and compared with the weights, so that a small file cannot ask for a
    network of terabytes. Only a :class:`~semrestore.denoisers.SpandrelRestorer` is not: its weights alone say how large
    it is.

    Args:
        record: What :func:`read_record` returned.
        state: The file's weights, which the denoiser has to fit.
        source: What an error calls the file.

    Raises:
        UserError: The record names something else than a registered denoiser, or does not describe these weights.
    """
    config = record['denoiser']
    load_plugins()
    _check_parts(config, source)
    if config.get('type') == SpandrelRestorer.__name__:
        return dict(config, weights=str(source))
    with explained(f'{source}: its record does not build'), DefaultScope.overwrite_default_scope('semrestore'):
        with torch.device('meta'):
            outline = build_from_cfg(dict(config), MODELS)
        check_fit(nn.ModuleDict(dict(denoiser=outline)), state, source)
    return dict(config)


def _check_parts(node: object, source: str | Path) -> None:
    if isinstance(node, list):
        for value in node:
            _check_parts(value, source)
    if not isinstance(node, dict):
        return
    private = [key for key in node if key.startswith('_') or key == 'init_cfg']
    if node.get('type') == SpandrelRestorer.__name__:
        private += ['weights'] if 'weights' in node else []  # a file cannot name another one
    if private:
        raise UserError(f"{source}: its record sets '{private[0]}'; expected only a denoiser's own arguments")
    if 'type' in node:
        kind = node['type']
        built = MODELS.module_dict.get(kind) if isinstance(kind, str) else None
        if not (isinstance(built, type) and issubclass(built, Denoiser)):
            hint = near(str(kind), MODELS.module_dict)
            raise UserError(f"{source}: its record names '{kind}'; expected a registered denoiser.{hint}")
        if built is ModuleDenoiser:
            raise UserError(
                f'{source}: its record names a {kind}, which can import any module, so it is not built. Give the'
                ' config with the file, as --config FILE or NAME=CONFIG:CHECKPOINT'
            )
    for value in node.values():
        _check_parts(value, source)


def _plain(node: object) -> object:
    """Return a config without MMEngine's additions, with classes by their registered names."""
    if isinstance(node, dict):
        plain = {key: _plain(value) for key, value in node.items() if not key.startswith('_') and key != 'init_cfg'}
        kind = plain.get('type')
        return plain | dict(type=kind.removeprefix(OWN_SCOPE)) if isinstance(kind, str) else plain
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    if isinstance(node, type):
        return next((name for name, built in MODELS.module_dict.items() if built is node), node.__name__)
    return node
