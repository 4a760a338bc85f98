"""Use semrestore where every optional package of the task libraries is broken: ``FOLDER`` has them."""

import importlib
import sys

sys.path.insert(0, sys.argv[1])

from semrestore.config import load_config
from semrestore.registry import MODELS

for room in ('datasets', 'evaluation', 'models'):
    for library in ('mmpretrain', 'mmseg'):
        importlib.import_module(f'{library}.{room}')
with importlib.import_module('mmengine.registry').DefaultScope.overwrite_default_scope('semrestore'):
    cfg = load_config('semrestore::embedded/joint_efficientnet_lite0_sigma30.py', ['model.task.checkpoint=random'])
    MODELS.build(cfg.model.task)
print('built')
