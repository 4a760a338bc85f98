"""Load installed plugins: packages with an entry point in the group ``semrestore.plugins``."""

import functools
import importlib
import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

from mmengine.config.utils import MODULE2PACKAGE

from semrestore import registry
from semrestore.errors import UserError

__all__ = ['Plugin', 'load_plugins']

GROUP = 'semrestore.plugins'
"""Entry point group of plugins; an entry names a module, and importing it registers what the plugin has."""


@dataclass
class Plugin:
    """Hold an installed plugin: its source, what it registered, or why it could not be imported."""

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
    """Import every installed plugin, once. If one fails, warn, and undo what it registered.

    Raises:
        UserError: Two plugins, or a plugin and semrestore, register one name.
    """
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    for child in registry.registries().values() if entries else ():  # plugins could conflict with these names
        child.import_from_location()
    plugins: list[Plugin] = []
    for entry in entries:
        plugins.append(_load(entry, plugins))
        if plugins[-1].error:
            print(f'warning: plugin {plugins[-1]} is not used: {plugins[-1].error}', file=sys.stderr)
    return tuple(plugins)


def _load(entry: EntryPoint, others: list[Plugin]) -> Plugin:
    plugin = Plugin(entry.name, entry.value, *((entry.dist.name, entry.dist.version) if entry.dist else ('?', '?')))
    before = {name: dict(child.module_dict) for name, child in registry.registries().items()}
    try:
        importlib.import_module(entry.module)
    except registry.RegisteredTwiceError as error:
        raise _conflict(plugin, others, error.name, error.registry) from error
    except (Exception, SystemExit) as error:  # a plugin is foreign code, so it can raise any error
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
    MODULE2PACKAGE.setdefault(package, package)  # so that PACKAGE::FOLDER/NAME.py names its configs
    return plugin


def own_packages() -> set[str]:
    """Return the packages whose parts are in semrestore's registries: semrestore and the plugins."""
    return {'semrestore', *(plugin.module.partition('.')[0] for plugin in load_plugins())}


def _conflict(plugin: Plugin, others: list[Plugin], name: str, where: str) -> UserError:
    owner = next(
        (f'plugin {other}' for other in others if name in other.registered.get(where, ())), 'semrestore itself'
    )
    return UserError(
        f"plugin {plugin} registers '{name}' in {where}, but {owner} has registered that name. Uninstall one of them,"
        ' or rename one'
    )


def failed_plugins() -> str:
    """Return a sentence on the plugins that could not be imported, for messages about unknown names."""
    failed = [plugin for plugin in load_plugins() if plugin.error]
    return ''.join(f' Plugin {plugin} is not used: {plugin.error}.' for plugin in failed)
