"""Read TIFFs as if imagecodecs were not installed: print for each 'read', or how it is refused.

Arguments are files; beside each lies an array of the same name that it has to be read as.
"""

import json
import sys

sys.modules['imagecodecs'] = None  # type: ignore[assignment]

from pathlib import Path

import numpy as np

from semrestore.errors import UserError
from semrestore.images import read
from tests.images.test_tiff import whole

found = {}
for path in map(Path, sys.argv[1:]):
    try:
        (picture,) = read(path)
        same = np.array_equal(whole(picture), np.load(path.with_suffix('.npy')))
        found[path.name] = 'read' if same else 'wrong'
    except UserError as error:
        found[path.name] = str(error)
print(json.dumps(found))
