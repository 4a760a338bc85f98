"""Let semrestore run if an optional package of the task libraries is broken or of another version.

mmcv, mmengine, mmpretrain and mmseg import many packages inside a ``try`` and go on without them, but only if the
package is missing: one that fails in another way, or that lacks a name, stops the whole library. In their modules every
failure to import a package is therefore a ``ModuleNotFoundError``, which all of them handle.
"""

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LIBRARIES = ('mmcv', 'mmengine', 'mmpretrain', 'mmseg')
DEPENDENCY = 'mmpretrain.utils.dependency'


def tolerate_broken_packages() -> None:
    """Treat a package that the task libraries cannot import as missing; :mod:`semrestore` calls this once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        if DEPENDENCY in sys.modules:  # mmpretrain was imported before semrestore
            _leave_out_multimodal(sys.modules[DEPENDENCY])


class _Finder(MetaPathFinder):
    """Find the libraries' modules as Python does, and run them with :func:`_import` as their import statement."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition('.')[0] not in LIBRARIES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _execute(execute, module)  # type: ignore[method-assign]
        return spec


def _execute(execute: Any, module: ModuleType) -> None:
    module.__dict__['__builtins__'] = _BUILTINS
    execute(module)
    if module.__name__ == DEPENDENCY:
        _leave_out_multimodal(module)


def _leave_out_multimodal(module: ModuleType) -> None:
    # mmpretrain's multimodal models are written for transformers 4. None of them is a task of semrestore.
    module.__dict__['WITH_MULTIMODAL'] = False


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] = (),
    level: int = 0,
) -> ModuleType:
    if level or name.partition('.')[0] in LIBRARIES:
        return __import__(name, globals, locals, fromlist, level)
    try:
        module = __import__(name, globals, locals, fromlist, level)
        missing = [one for one in fromlist or () if one != '*' and not hasattr(module, one)]
    except Exception as error:
        raise ModuleNotFoundError(f"'{name}' cannot be imported: {type(error).__name__}: {error}", name=name) from error
    if missing:
        raise ModuleNotFoundError(f"'{name}' has no '{missing[0]}'", name=name)
    return module


# An import statement takes `__import__` from the builtins of its module.
_BUILTINS = {**vars(builtins), '__import__': _import}
