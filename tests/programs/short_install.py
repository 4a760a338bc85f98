"""Run a command as if few packages were installed.

  python short_install.py 'torch pillow;semrestore' denoise photo.jpg

Before the semicolon are those that bring what they need themselves, behind it those that come alone.
"""

import importlib.metadata
import re
import sys

from packaging.requirements import Requirement


def normal(name):
    return re.sub(r'[-_.]+', '-', name).lower()


def needed(names):
    """The distributions of those names, and what they need."""
    found, waiting = set(), list(names)
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            requirements = map(Requirement, importlib.metadata.requires(name) or ())
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += [one.name for one in requirements if one.marker is None or one.marker.evaluate(dict(extra=''))]
    return found


whole, alone = (names.split() for names in sys.argv[1].split(';'))
there = needed(whole) | set(map(normal, alone)) | {'semrestore'}
hidden = {
    module
    for module, distributions in importlib.metadata.packages_distributions().items()
    if not there & set(map(normal, distributions))
}


class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in hidden:
            raise ModuleNotFoundError(f"No module named '{name}', which is hidden", name=name)


sys.meta_path.insert(0, Hider())

from semrestore.__main__ import main

sys.exit(main(sys.argv[2:]))
