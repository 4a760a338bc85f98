"""Reading configs: from a file and the command line, checked before anything runs."""

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.runner import Runner, set_random_seed
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from semrestore import plugins, registry
from semrestore.cascade import Cascade
from semrestore.checkpoint import NAMED_WEIGHTS
from semrestore.embedding import embed
from semrestore.errors import UserError, near

# Keys of a dict with a type that MMEngine takes out before it calls that type.
_ENGINE_KEYS = {'type', '_scope_', '_delete_', 'constructor', 'paramwise_cfg', 'accumulative_counts', 'convert_to_iter_based'}
# Configs of other libraries' models, which those libraries check.
_FOREIGN = re.compile(r'(^|\.)(task|feature_network)\.model(\.|$)')
# What MMEngine's runner looks for in a config; other names at the top are the config's own variables.
_TOP_LEVEL = {*inspect.signature(Runner.__init__).parameters} - {'self', 'cfg'}
_TOP_LEVEL |= {'compile', 'auto_scale_lr', 'sync_bn', 'find_unused_parameters'}
_LOADER = {*inspect.signature(DataLoader.__init__).parameters} - {'self'} | {'num_batch_per_epoch'}
_CLIP = {*inspect.signature(clip_grad_norm_).parameters, *inspect.signature(clip_grad_value_).parameters} - {'parameters'} | {'type'}
# What dicts without a type may have.
_PLAIN = {
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'optim_wrapper.clip_grad': _CLIP,
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'randomness': {*inspect.signature(set_random_seed).parameters},
    'auto_scale_lr': {'base_batch_size', 'enable'},
}
# Numbers that are at least 1, and texts, or None where the config may go without.
_COUNTS = re.compile(r'train_cfg\.(max_iters|max_epochs|val_interval)|(train|val|test)_dataloader\.batch_size')
_TEXTS = re.compile(r'load_from|work_dir|model\.(task|feature_network)\.checkpoint')


def load_config(path: str | Path, options: Sequence[str] = (), embedded: bool = False) -> Config:
    """Read a config file, put it on the embedded photos if asked to, apply ``KEY=VALUE`` options and check the result.

    Raises:
        UserError: The file is missing or not a config, an option names an unknown key, or the config does not fit the classes it names.
    """
    file = plugins.config_path(path)
    try:
        cfg = plugins.read_config(file)
    except UserError:
        raise
    except Exception as error:  # a config is Python: anything can go wrong in it
        cause = _cause(error)
        raise UserError(f"config '{path}' cannot be read: {type(cause).__name__}: {cause}") from error
    if 'model' not in cfg:
        raise UserError(f"config '{path}' has no model")
    if embedded:
        if is_foreign(cfg):
            raise UserError(f"config '{path}' trains a task network itself; --embedded is for denoisers, alone or before a task")
        _check_names(cfg)
        print(embed(cfg), flush=True)
    for option in options:
        _apply_option(cfg, option)
    check_config(cfg)
    return cfg


def _cause(error: BaseException) -> BaseException:
    """Return why an import failed, around which MMEngine lays errors that do not say it."""
    while isinstance(error, ImportError) and error.__context__ is not None:
        error = error.__context__
    return error


def is_foreign(cfg: Config) -> bool:
    """Whether a config's model is no cascade: a task network in its own, clean training, of a library (which checks it) or a plugin."""
    scope, separator, _ = str(cfg.model.get('type')).rpartition('.')
    if (scope if separator else cfg.model.get('_scope_', registry.SCOPE)) != registry.SCOPE:
        return True
    built = registry.MODELS.get(str(cfg.model.get('type')))
    return inspect.isclass(built) and not issubclass(built, Cascade)


def check_config(cfg: Config) -> None:
    """Check that every ``type`` is registered and takes the arguments given, and that the model's own parts can be built.

    Raises:
        UserError: Names the key, and the nearest name that would fit.
    """
    _check_names(cfg)
    for key, node in _nodes(cfg, ''):
        kind = node.get('type')
        if key.partition('.')[0] not in _TOP_LEVEL:  # a variable of the config's own, or of a library's that it inherits from
            continue
        if not isinstance(kind, str) or _FOREIGN.search(key) or (is_foreign(cfg) and re.match(r'model(\.|$)', key)):
            continue
        built = _registered(kind) if kind else None
        if built is None:
            known = {name for child in registry.registries().values() for name in child.module_dict}
            hint = near(kind, known) + plugins.failed_plugins()
            raise UserError(f"config '{cfg.filename}': {key}.type is '{kind}', which is not registered.{hint}")
        arguments, is_open = _arguments(built)
        unknown = [name for name in node if name not in _ENGINE_KEYS and name not in arguments]
        if is_open:  # what goes somewhere else is known there, but for what looks like a slip
            unknown = [name for name in unknown if near(name, arguments, cutoff=0.85)]
        if unknown:
            hint = near(unknown[0], arguments)
            raise UserError(f"config '{cfg.filename}': {key} is a {kind}, which has no argument '{unknown[0]}'.{hint}")
    if is_foreign(cfg):
        return
    if cfg.get('compile'):
        # MMEngine would compile the whole cascade with the data samples as constants, anew in every step.
        raise UserError(f"config '{cfg.filename}': 'compile' is for other models; a Cascade's denoiser is compiled by model.compile")
    if not isinstance(cfg.model.get('losses') or {}, dict):
        raise UserError(f"config '{cfg.filename}': model.losses is {cfg.model.losses!r}; expected a dict of losses by name")
    parts = {f'model.{name}': cfg.model.get(name) for name in ('degradation', 'denoiser')}
    parts |= {f'model.losses.{name}': loss for name, loss in (cfg.model.get('losses') or {}).items()}
    for key, part in parts.items():
        try:
            # These are quick to build, and say best themselves what they take.
            registry.MODELS.build(part)
        except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(f"config '{cfg.filename}': {key}: {error}") from error


def _check_names(cfg: Config) -> None:
    for name in cfg:
        if name not in _TOP_LEVEL and near(name, _TOP_LEVEL, cutoff=0.85):
            raise UserError(f"config '{cfg.filename}': '{name}' has no effect.{near(name, _TOP_LEVEL)}")
    for key, known in _PLAIN.items():
        for name in _at(cfg, key) or ():
            if name not in known:
                raise UserError(f"config '{cfg.filename}': {key} has no argument '{name}'.{near(name, known)}")
    for key, node in _nodes(cfg._cfg_dict, ''):
        for name, value in node.items():
            path = f'{key}.{name}' if key else name
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer() and key == 'train_cfg')
            if _COUNTS.fullmatch(path) and (not whole or value < 1):
                raise UserError(f"config '{cfg.filename}': {path} is {value!r}; expected a whole number of at least 1")
            if name == 'num_workers' and not isinstance(value, int):
                raise UserError(f"config '{cfg.filename}': {path} is {value!r}; expected a whole number")
            if _TEXTS.fullmatch(path) and not isinstance(value, str | None):
                raise UserError(f"config '{cfg.filename}': {path} is {value!r}; expected a text")
            if name == 'pipeline' and '_dataloader.' in path and not _are_transforms(value):
                raise UserError(f"config '{cfg.filename}': {path} is {value!r}; expected a list of transforms, each a dict with a type")


def _are_transforms(value: object) -> bool:
    return isinstance(value, list | tuple) and all(callable(one) or (isinstance(one, dict) and 'type' in one) for one in value)


def _at(cfg: Config, key: str) -> dict | None:
    """Return the dict under a key with points, or ``None`` where there is none."""
    node: object = cfg
    for name in key.split('.'):
        node = node.get(name) if isinstance(node, Config | dict) else None
    return node if isinstance(node, dict) else None


def check_inputs(cfg: Config, *loaders: str) -> None:
    """Check that the data and weights that a config needs are there, before anything is built or downloaded.

    Args:
        cfg: A checked config.
        loaders: Names of the data loaders that will be used.

    Raises:
        UserError: Names the missing folder or file, and what to do.
    """
    for loader in loaders:
        for key, node in _nodes((cfg.get(loader) or {}).get('dataset', {}), f'{loader}.dataset'):
            for path in _data_paths(node):
                if path.exists():
                    continue
                raise UserError(
                    f"the data of {key} ({node.get('type')}) are expected in '{path}', which does not exist. docs/data.md says how to get"
                    ' them and shows the folder tree; set SEMRESTORE_DATA to the folder that holds all data, or try the config with'
                    ' --embedded, which needs none'
                )
    for name in ('task', 'feature_network') if not is_foreign(cfg) else ():
        checkpoint = (cfg.model.get(name) or {}).get('checkpoint')
        if checkpoint and checkpoint not in NAMED_WEIGHTS and '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
            raise UserError(
                f"the weights of the {name.replace('_', ' ')} are expected in '{checkpoint}', which does not exist; give them as"
                f' --cfg-options model.{name}.checkpoint=FILE, or try the pipeline with model.{name}.checkpoint=random'
            )


def _data_paths(dataset: dict) -> Iterator[Path]:
    """Yield the paths that a dataset's config names: its root, and in it the folders of images and labels."""
    if dataset.get('data_root') and not dataset.get('download'):
        root = Path(dataset['data_root'])
        yield root
        prefix = dataset.get('data_prefix') or (dataset.get('split') if str(dataset.get('type')).endswith('ImageNet') else '') or ''
        for part in prefix.values() if isinstance(prefix, dict) else (prefix,):
            yield root / part
        for name in ('ann_file', 'archive'):
            if isinstance(dataset.get(name), str):
                yield root / dataset[name]


def _apply_option(cfg: Config, option: str) -> None:
    key, separator, text = option.partition('=')
    if not separator:
        raise UserError(f"--cfg-options takes KEY=VALUE, got '{option}'")
    *parents, last = key.split('.')
    node = cfg._cfg_dict
    for depth, name in enumerate(parents):
        node = _child(node, name, '.'.join(parents[:depth]))
    try:
        value = DictAction._parse_iterable(text)  # true, None, numbers, lists: as everywhere in OpenMMLab
    except (AssertionError, RecursionError):
        raise UserError(f"--cfg-options: {key} is '{text}', whose brackets do not match") from None
    if isinstance(node, list):
        _child(node, last, '.'.join(parents))
        node[int(last)] = value
    else:
        if not parents and last in node and last not in _TOP_LEVEL:
            raise UserError(
                f"--cfg-options: '{last}' is a variable of the config file, which has been read by now, so it would change nothing; set"
                f" what it went into, or write a config of your own with '{last}' in it"
            )
        # check_config knows what classes and data loaders take; of a free dict only what looks like a slip is refused.
        known = [*node, *_TOP_LEVEL] if not parents else list(node)
        if last not in known and 'type' not in node and (not parents or near(last, known, cutoff=0.8)):
            raise UserError(f"--cfg-options: the config has no key '{key}'.{near(last, known)}")
        _check_kind(key, node.get(last), value, text)
        node[last] = value


def _check_kind(key: str, old: object, new: object, text: str) -> None:
    """Refuse a text in a number's place, and anything but a dict, or None, in that of a dict."""
    if isinstance(old, dict):
        fits, expected = isinstance(new, dict) or (new is None and key != 'model'), 'a dict'
    elif isinstance(old, bool):
        fits, expected = new is None or isinstance(new, bool | int), 'True or False'
    elif isinstance(old, int | float):
        fits, expected = not isinstance(new, str | dict), f'a number, as {old}'
    else:
        return
    if not fits:
        raise UserError(f"--cfg-options: {key} is '{text}'; expected {expected}")


def _child(node: ConfigDict | list, name: str, parent: str) -> ConfigDict | list:
    where = f"'{parent}'" if parent else 'the config'
    if isinstance(node, list):
        if not name.isdecimal() or int(name) >= len(node):
            raise UserError(f"--cfg-options: {where} is a list of {len(node)}; '{name}' is not one of its indices")
        return node[int(name)]
    if not isinstance(node, dict) or name not in node:
        raise UserError(f"--cfg-options: {where} has no key '{name}'.{near(name, node if isinstance(node, dict) else ())}")
    return node[name]


def _nodes(node: object, key: str) -> Iterator[tuple[str, dict]]:
    if isinstance(node, Config | dict):
        if isinstance(node, dict):
            yield key, node
        for name, value in node.items():
            yield from _nodes(value, f'{key}.{name}' if key else name)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(value, f'{key}.{index}')


def _registered(kind: str) -> type | None:
    for child in registry.registries().values():
        child.import_from_location()
        built = child.get(kind)
        if built is not None:
            return built
    return None


def _arguments(built: type) -> tuple[set[str], bool]:
    """Return the names that a class takes, its bases' included where it hands on keywords, and whether it takes others, too."""
    names: set[str] = set()
    for base in inspect.getmro(built) if inspect.isclass(built) else (built,):
        function = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if function is None:
            continue
        if not inspect.isfunction(function):  # object's: the keywords go somewhere that cannot be seen from here
            return names, True
        parameters = inspect.signature(function).parameters.values()
        names |= {one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)} - {'self'}
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            return names, False
    return names, True
