"""What the server of ``tests.processes`` loads before it forks: what takes seconds to import."""

import os

os.environ['OMP_NUM_THREADS'] = '1'


from semrestore.registry import registries

for registry in registries().values():
    registry.import_from_location()
