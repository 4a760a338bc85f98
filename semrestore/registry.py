"""The registries of semrestore: children of MMEngine's root registries, in the scope ``semrestore``.

A denoiser, task, loss, degradation or cascade goes into :data:`MODELS`. MMEngine imports the modules named in ``locations`` the first time
something is looked up, so that no room has to be imported by hand.
"""

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

SCOPE = 'semrestore'


def _child(name: str, *locations: str) -> Registry:
    root = getattr(mmengine_registry, name)
    return Registry(root.name, parent=root, scope=SCOPE, locations=[f'{SCOPE}.{place}' for place in locations])


MODELS = _child('MODELS', 'cascade', 'degradations', 'denoisers', 'losses', 'tasks')
DATASETS = _child('DATASETS', 'datasets')
TRANSFORMS = _child('TRANSFORMS', 'datasets')
METRICS = _child('METRICS', 'evaluation')
HOOKS = _child('HOOKS', 'engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'engine')

# Nothing of ours is in these, but MMEngine warns at each build in a scope that lacks one.
for _name in dir(mmengine_registry):
    if isinstance(getattr(mmengine_registry, _name), Registry) and _name not in globals():
        globals()[_name] = _child(_name)
