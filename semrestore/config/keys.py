"""Know the keys that MMEngine's runner reads, and walk over all keys of a config."""

import inspect
from collections.abc import Iterator
from functools import cache

from mmengine.config import Config


@cache
def top_level() -> set[str]:
    """Return the top-level names that have an effect. Other names are the config's own variables."""
    from mmengine.runner import Runner  # late, because it imports PyTorch

    names = {*inspect.signature(Runner.__init__).parameters} - {'self', 'cfg'}
    return names | {'compile', 'auto_scale_lr', 'sync_bn'}


def nodes(node: object, key: str = '') -> Iterator[tuple[str, dict]]:
    """Yield every dict of a config with its key, such as ``model.task``."""
    if isinstance(node, Config | dict):
        if isinstance(node, dict):
            yield key, node
        for name, value in node.items():
            yield from nodes(value, f'{key}.{name}' if key else name)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from nodes(value, f'{key}.{index}')
