"""Check a config before anything runs: its types, keys and files."""

import inspect
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from semrestore import registry
from semrestore.config.keys import nodes, top_level
from semrestore.errors import UserError, near
from semrestore.files import read_text
from semrestore.plugins import failed_plugins
from semrestore.weights.carriers import is_missing

__all__ = ['check_config', 'check_inputs', 'frozen_networks', 'trains_a_task']

# Keys of a dict with a type that MMEngine takes out before it calls that type.
_ENGINE_KEYS = {
    'type',
    '_scope_',
    '_delete_',
    'constructor',
    'paramwise_cfg',
    'accumulative_counts',
    'convert_to_iter_based',
}
# Configs of other libraries' models, which those libraries check.
_FOREIGN = re.compile(r'(^|\.)(task|tasks\.[^.]+)\.model(\.|$)')
_CLIP = {*inspect.signature(clip_grad_norm_).parameters, *inspect.signature(clip_grad_value_).parameters}
# The keys of dicts without a type. MMEngine ignores other keys, or fails on them in the first step.
_PLAIN = {
    'optim_wrapper.clip_grad': _CLIP - {'parameters'} | {'type'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'base_batch_size', 'enable'},
}
_COUNTS = ('max_iters', 'max_epochs', 'val_interval')


def trains_a_task(cfg: Config) -> bool:
    """Return True if the config trains a task network itself rather than a cascade."""
    kind = str(cfg.model.get('type'))
    scope, _, name = kind.rpartition('.')
    if (scope or cfg.model.get('_scope_', registry.SCOPE)) != registry.SCOPE:
        return True
    built = registry.MODELS.get(name)
    return inspect.isclass(built) and 'denoiser' not in _arguments(built)[0]


def check_config(cfg: Config) -> None:
    """Check that every ``type`` is registered and takes the arguments given.

    Raises:
        UserError: Names the key, and the nearest name that would fit.
    """
    check_names(cfg)
    for key, node in nodes(cfg):
        kind = node.get('type')
        if key.partition('.')[0] not in top_level():  # a variable of the config, or of one that it inherits from
            continue
        if not isinstance(kind, str) or _FOREIGN.search(key) or (trains_a_task(cfg) and re.match(r'model(\.|$)', key)):
            continue
        built = _registered(kind) if kind else None
        if built is None:
            known = {name for child in registry.registries().values() for name in child.module_dict}
            hint = near(kind, known) + failed_plugins()
            raise UserError(f"config '{cfg.filename}': {key}.type is '{kind}', which is not registered.{hint}")
        arguments, is_open = _arguments(built)
        unknown = [name for name in node if name not in _ENGINE_KEYS and name not in arguments]
        if is_open:  # other keywords are checked where they go, so only a likely typing error is refused
            unknown = [name for name in unknown if near(name, arguments, cutoff=0.85)]
        if unknown:
            hint = near(unknown[0], arguments)
            raise UserError(f"config '{cfg.filename}': {key} is a {kind}, which has no argument '{unknown[0]}'.{hint}")
    if not trains_a_task(cfg):
        _check_channel_order(cfg)
    if not trains_a_task(cfg) and cfg.get('compile'):
        # The data samples are constants to the compiler, so each step has new ones.
        raise UserError(
            f"config '{cfg.filename}': 'compile' is set, by which MMEngine compiles the whole Cascade again in every"
            ' step. Set model.compile instead, which compiles the denoiser once'
        )


def _check_channel_order(cfg: Config) -> None:
    """Check that images are loaded in the order of channels that the preprocessor takes."""
    preprocessor = cfg.model.get('data_preprocessor') or dict(type='ImagePreprocessor')
    if preprocessor.get('type') != 'ImagePreprocessor':
        return
    taken = preprocessor.get('channel_order', 'rgb')
    for key, node in nodes({name: cfg[name] for name in cfg if name.endswith('_dataloader')}):
        kind = str(node.get('type')).rpartition('.')[2]
        if kind not in ('LoadPhoto', 'LoadImageFromFile'):
            continue
        loaded = node.get('channel_order', 'rgb') if kind == 'LoadPhoto' else 'bgr'
        if loaded != taken:
            raise UserError(
                f"config '{cfg.filename}': {key} ({kind}) loads {loaded.upper()}, but model.data_preprocessor takes"
                f' {taken.upper()}. Load photos by LoadPhoto, or set model.data_preprocessor.channel_order={loaded}'
            )


def check_names(cfg: Config) -> None:
    """Check a config's top-level names, the keys of dicts without a type, and the lengths of a training."""
    for name in cfg:
        if name not in top_level() and near(name, top_level(), cutoff=0.85):
            raise UserError(f"config '{cfg.filename}': '{name}' has no effect.{near(name, top_level())}")
    for key, node in nodes(cfg._cfg_dict):
        for name in node if key in _PLAIN else ():
            if name not in _PLAIN[key]:
                hint = near(name, _PLAIN[key])
                raise UserError(f"config '{cfg.filename}': {key} has no argument '{name}'.{hint}")
        if '_dataloader' in key and key.endswith('dataset') and 'type' not in node:
            raise UserError(f"config '{cfg.filename}': {key} has no type; expected the name of a data set")
    for name in _COUNTS:
        value = (cfg.get('train_cfg') or {}).get(name, 1)
        if not isinstance(value, int | float) or not math.isfinite(value) or value % 1 or value < 1:
            raise UserError(f"config '{cfg.filename}': train_cfg.{name} is {value!r}; expected a whole number above 0")


def check_inputs(cfg: Config, *loaders: str) -> None:
    """Check that a config's data and weights exist, before anything is built or downloaded.

    Args:
        cfg: A checked config.
        loaders: Names of the data loaders that will be used.

    Raises:
        UserError: Names the missing folder or file, or the wrong line, and what to do.
    """
    for loader in loaders:
        for key, node in nodes((cfg.get(loader) or {}).get('dataset', {}), f'{loader}.dataset'):
            for path in _data_paths(node):
                if not path.exists():
                    raise UserError(
                        f"the data of {key} ({node.get('type')}) are missing: '{path}' does not exist. Set"
                        ' SEMRESTORE_DATA to the folder with all data sets (docs/data.md shows it), or try the'
                        ' config with --embedded, which needs no data'
                    )
            path = Path(node.get('data_root') or '') / str(node.get('ann_file') or '')
            lists = str(node.get('type')).endswith(('CustomDataset', 'ImageNet')) and node.get('with_label', True)
            if lists and path.is_file():
                _check_classes(path)
            if node.get('type') == 'mmengine.dataset.BaseDataset' and path.suffix == '.json' and path.is_file():
                _check_boxes(path)
    for name, network in frozen_networks(cfg).items() if not trains_a_task(cfg) else ():
        checkpoint = network.get('checkpoint')
        if isinstance(checkpoint, str) and is_missing(checkpoint):
            raise UserError(
                f"checkpoint '{checkpoint}' of {name} does not exist. Give the weights as --cfg-options"
                f' {name}.checkpoint=FILE, or try the pipeline with {name}.checkpoint=random'
            )


def frozen_networks(cfg: Config) -> dict[str, dict]:
    """Return the configs of a cascade's task networks by key, such as ``model.task``."""
    networks = {'model.task': cfg.model.get('task')}
    networks |= {f'model.tasks.{name}': network for name, network in (cfg.model.get('tasks') or {}).items()}
    return {key: network for key, network in networks.items() if network}


def _data_paths(dataset: dict) -> Iterator[Path]:
    """Yield the paths in a data set's config: its root, and the folders of images and labels."""
    if dataset.get('data_root') and not dataset.get('download'):
        root = Path(dataset['data_root'])
        yield root
        default = dataset.get('split') if str(dataset.get('type')).endswith('ImageNet') else ''
        prefix = dataset.get('data_prefix') or default or ''
        for part in prefix.values() if isinstance(prefix, dict) else (prefix,):
            yield root / part
        if isinstance(dataset.get('ann_file'), str):
            yield root / dataset['ann_file']


def _check_classes(path: Path) -> None:
    """Check a list of classes, because mmpretrain's errors name no line."""
    for number, line in enumerate(read_text(path, 'list file').splitlines() or [''], 1):
        photo, _, label = line.strip().rpartition(' ')
        if not photo or not label.isdecimal():
            raise UserError(f"'{path}': line {number} is '{line}'; expected a photo, a space and its class, from 0")


def _check_boxes(path: Path) -> None:
    """Check photos with boxes, because MMEngine's errors name no photo."""
    where = 'the file'
    try:
        for number, photo in enumerate(json.loads(read_text(path, 'annotation file'))['data_list'], 1):
            where = f'photo {number}'
            for box in photo.get('instances', ()):
                _left, _top, _right, _bottom = map(float, box['bbox'])
                int(box['bbox_label'])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"'{path}': {where} is wrong: {type(error).__name__}: {error}; expected the form in docs/own_labels.md"
        ) from None


def _registered(kind: str) -> type | None:
    for child in registry.registries().values():
        child.import_from_location()
        built = child.get(kind)
        if built is not None:
            return built
    return None


def _arguments(built: type) -> tuple[set[str], bool]:
    """Return the argument names of a class and its bases, and whether it accepts others."""
    names: set[str] = set()
    for base in inspect.getmro(built) if inspect.isclass(built) else (built,):
        function = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if function is None:
            continue
        if not inspect.isfunction(function):  # object's signature: it is unknown where the keywords go
            return names, True
        parameters = inspect.signature(function).parameters.values()
        names |= {one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)} - {'self'}
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            return names, False
    return names, True
