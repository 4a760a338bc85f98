"""What the server of ``tests.processes`` loads before it forks: what takes seconds to import."""

import gc
import os

os.environ['OMP_NUM_THREADS'] = '1'

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401 (MMEngine's runner imports it)

import tests.quick  # noqa: F401
from semrestore.registry import registries

for registry in registries().values():
    registry.import_from_location()
gc.freeze()  # or each process looks through all of it for garbage
