"""What comes from outside: installed plugins, files beside a config, and configs of packages (``_base_ = 'mmseg::…'``)."""

import functools
import importlib
import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.config.utils import MODULE2PACKAGE

from semrestore import registry
from semrestore.errors import UserError
from semrestore.registry import MODELS

__all__ = ['Plugin', 'load_plugins']

GROUP = 'semrestore.plugins'
"""Entry point group of plugins; an entry names a module, and importing it registers what the plugin has."""

CONFIGS = Path(__file__).parent / '.mim/configs'
"""The configs that come with the package, where MMEngine looks for them."""

# MMEngine knows mmseg under the name of the distribution that is no longer maintained; docs/installation.md names the one in use.
MODULE2PACKAGE.update(mmseg='mmseg', semrestore='semrestore')


@dataclass
class Plugin:
    """An installed plugin: its name, where it comes from, what it registered by registry, or why it could not be imported."""

    name: str
    module: str
    distribution: str
    version: str
    registered: dict[str, list[str]] = field(default_factory=dict)
    error: str | None = None

    def __str__(self) -> str:
        return f"'{self.name}' ({self.distribution} {self.version})"


@functools.cache
def load_plugins() -> tuple[Plugin, ...]:
    """Import every installed plugin, once; what one that fails has registered by then is taken back, and the rest goes on.

    Raises:
        UserError: Two plugins, or a plugin and semrestore, register one name.
    """
    for child in registry.registries().values():
        child.import_from_location()
    plugins: list[Plugin] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        plugins.append(_load(entry, plugins))
        if plugins[-1].error:
            print(f'warning: plugin {plugins[-1]} is left out: {plugins[-1].error}', file=sys.stderr)
    return tuple(plugins)


def _load(entry: EntryPoint, others: list[Plugin]) -> Plugin:
    plugin = Plugin(entry.name, entry.value, entry.dist.name, entry.dist.version)
    before = {name: dict(child.module_dict) for name, child in registry.registries().items()}
    try:
        importlib.import_module(entry.module)
    except registry.RegisteredTwiceError as error:
        raise _conflict(plugin, others, error.name, error.registry) from error
    except (Exception, SystemExit) as error:  # a plugin is anybody's code
        plugin.error = f'{type(error).__name__}: {error}'
        for name, child in registry.registries().items():
            child.module_dict.clear()
            child.module_dict.update(before[name])
        return plugin
    for name, child in registry.registries().items():
        replaced = [key for key, value in before[name].items() if child.module_dict.get(key) is not value]
        if replaced:
            raise _conflict(plugin, others, replaced[0], name)
        if new := sorted(child.module_dict.keys() - before[name].keys()):
            plugin.registered[name] = new
    package = entry.module.partition('.')[0]
    MODULE2PACKAGE.setdefault(package, package)  # so that its configs can be named as ours are
    return plugin


def _conflict(plugin: Plugin, others: list[Plugin], name: str, where: str) -> UserError:
    owner = next((f'plugin {other}' for other in others if name in other.registered.get(where, ())), 'semrestore itself')
    return UserError(f"plugin {plugin} registers '{name}' in {where}, which {owner} has registered; uninstall one of them, or rename one")


def failed_plugins() -> str:
    """Return a sentence on the plugins that could not be imported, for messages about names that are not there."""
    failed = [plugin for plugin in load_plugins() if plugin.error]
    return ''.join(f' Plugin {plugin} is left out: {plugin.error}.' for plugin in failed)


def config_path(name: str | Path) -> Path:
    """Return the file of a config: a path, or ``PACKAGE::FOLDER/NAME.py`` for one that comes with a package.

    Raises:
        UserError: There is no such file.
    """
    path = Path(name)
    if '::' in str(name):
        load_plugins()  # whose configs may be meant
        try:
            path = Path(Config._get_cfg_path(str(name), '')[0])
        except Exception as error:  # assertions and lookups of MMEngine's
            raise UserError(f"config '{name}' cannot be found: {error}") from error
    if not path.is_file():
        raise UserError(f"config '{name}' does not exist")
    return path


def read_config(path: str | Path) -> Config:
    """Read a config file, which may inherit from a library's (``_base_ = 'mmseg::…'``).

    Modules that it names in ``custom_imports`` are looked for beside it (and beside the files that it inherits from), too. A cascade
    takes nothing but the model (and its preprocessing) from a library: the rest, such as pipelines that load BGR and hooks for
    that library's pictures, belongs to training the task network itself. What the file sets anew stays.
    """
    load_plugins()  # whose configs it may inherit from
    files, libraries = _bases(Path(path))
    folders = list(dict.fromkeys(str(file.resolve().parent) for file in files))
    sys.path += [folder for folder in folders if folder not in sys.path]  # behind the rest, which a config's name shall not hide
    cfg = Config.fromfile(path)
    _drop_scope(cfg._cfg_dict)
    _check_imports(cfg, folders)
    model = cfg.get('model') or {}
    if MODELS.get(str(model.get('type'))) is None:  # the library's own model, in its own training
        return cfg
    for name in libraries:
        library = Config.fromstring(f'_base_ = {name!r}', '.py')
        preprocessor = library.get('data_preprocessor')
        task = model.get('task') or {}
        if preprocessor and isinstance(task.get('model'), dict):  # mmpretrain's stand beside the model
            task.model.setdefault('data_preprocessor', preprocessor)
        for key in library:
            if key != 'model' and cfg.get(key) == library[key]:
                cfg.pop(key)
        cfg.setdefault('default_scope', 'semrestore')
    return cfg


def _bases(path: Path) -> tuple[list[Path], list[str]]:
    """Return the files that a config consists of, and the configs of task libraries that it inherits from, by way of its bases too."""
    files, libraries = [path], []
    for base in Config._get_base_files(str(path)):
        if '::' not in base or base.partition('::')[0] in _own_packages():
            below, more = _bases(Path(Config._get_cfg_path(base, str(path))[0]))
            files += below
            libraries += more
        else:
            libraries.append(base)
    return files, libraries


def _own_packages() -> set[str]:
    return {'semrestore', *(plugin.module.partition('.')[0] for plugin in load_plugins())}


def _drop_scope(node: object) -> None:
    """Take out the scope that MMEngine notes in what comes from another package's config, where that package registers in ours."""
    if isinstance(node, dict):
        if node.get('_scope_') in _own_packages():
            del node['_scope_']
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for value in node:
        _drop_scope(value)


def _check_imports(cfg: Config, folders: list[str]) -> None:
    """Refuse a module that is another one than the file beside the config, such as an installed package of that name."""
    names = (cfg.get('custom_imports') or {}).get('imports') or ()
    for name in [names] if isinstance(names, str) else names:
        beside = next((path for folder in folders if (path := Path(folder) / f'{name}.py').is_file()), None)
        loaded = getattr(sys.modules.get(name), '__file__', None)
        if beside and loaded and Path(loaded).resolve() != beside.resolve():
            raise UserError(f"custom_imports of '{cfg.filename}': '{name}' is '{loaded}' here, not '{beside}'; give your file another name")


def library_model(name: str) -> ConfigDict:
    """Return the model of a library's or a user's own config file, with its data preprocessor.

    Args:
        name: A file, or ``LIBRARY::PATH`` as in ``_base_``, such as ``mmseg::pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py``.

    Raises:
        UserError: There is no such config, or it has no model.
    """
    try:
        # By way of inheritance, which resolves both kinds of names.
        cfg = Config.fromstring(f'_base_ = {name!r}', '.py') if '::' in name else read_config(name)
    except Exception as error:  # a config is Python: anything can go wrong in it
        raise UserError(f"model config '{name}' cannot be read: {type(error).__name__}: {error}") from error
    if 'model' not in cfg:
        raise UserError(f"model config '{name}' has no model")
    if cfg.get('data_preprocessor'):  # mmpretrain's stand beside the model
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return cfg.model
