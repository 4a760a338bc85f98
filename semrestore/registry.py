"""Define semrestore's registries: children of MMEngine's root registries, in the scope ``semrestore``.

A denoiser, task, loss, degradation or cascade goes into :data:`MODELS`. MMEngine imports the modules named in
``locations`` when something is looked up for the first time, so you need not import these modules yourself.
"""

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

from semrestore import library_patches

__all__ = ['DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'METRICS', 'MODELS', 'OPTIM_WRAPPERS', 'TRANSFORMS']

SCOPE = 'semrestore'


class RegisteredTwiceError(KeyError):
    """The same name was registered for two things."""

    def __init__(self, name: str, registry: str, first: str, second: str) -> None:
        super().__init__(f"'{name}' is registered in {registry} by {first} and by {second}")
        self.name, self.registry = name, registry


class _Registry(Registry):
    def _register_module(self, module: type, module_name: str | list[str] | None = None, force: bool = False) -> None:
        for name in [module_name] if isinstance(module_name, str) else module_name or [module.__name__]:
            if not force and name in self._module_dict:
                raise RegisteredTwiceError(name, _name_of(self), self._module_dict[name].__module__, module.__module__)
        super()._register_module(module, module_name, force)

    def get(self, key: str) -> type | None:
        """Look among imported modules first, because some packages import whole libraries."""
        return self._module_dict.get(key.removeprefix(f'{SCOPE}.')) or super().get(key)


def registries() -> dict[str, Registry]:
    """Return the registries of semrestore by name."""
    return {name: value for name, value in globals().items() if isinstance(value, Registry)}


def _name_of(registry: Registry) -> str:
    return next(name for name, value in registries().items() if value is registry)


def _child(name: str, *locations: str) -> Registry:
    root = getattr(mmengine_registry, name)
    return _Registry(root.name, parent=root, scope=SCOPE, locations=[f'{SCOPE}.{place}' for place in locations])


MODELS = _child('MODELS', 'cascade', 'degradations', 'denoisers', 'losses', 'preprocessor', 'tasks')
"""Denoisers, degradations, tasks, losses, the cascade; and networks that are trained on their own."""

DATASETS = _child('DATASETS', 'datasets')
"""Data sets."""

TRANSFORMS = _child('TRANSFORMS', 'datasets')
"""Transforms of a data set's pipeline."""

METRICS = _child('METRICS', 'evaluation.detection', 'evaluation.quality', 'evaluation.scores')
"""Metrics of an evaluator, and scores of the cross-task matrix."""

DATA_SAMPLERS = _child('DATA_SAMPLERS', 'datasets')
"""Samplers of a data loader."""

HOOKS = _child('HOOKS', 'engine')
"""Hooks of MMEngine's runner."""

OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'engine')
"""Optimizer wrappers."""

# These are empty, but MMEngine warns at each build in a scope that lacks one of its registries.
for _name in dir(mmengine_registry):
    if isinstance(getattr(mmengine_registry, _name), Registry) and _name not in globals():
        globals()[_name] = _child(_name, 'registry')  # without a location MMEngine imports the package's utils

library_patches.apply()
