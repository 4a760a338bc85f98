"""A package that a task library can do without does not stop semrestore, whatever is wrong with it."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from semrestore.optional_imports import LIBRARIES

NEEDED = {'PIL', 'cv2', 'numpy', 'sklearn', 'tifffile', 'timm', 'torch', 'torchvision', 'yaml'}
ANOTHERS_TOO = {'apex'}  # timm imports it as well, and fails with it


def optional_packages(libraries):
    """What the libraries' modules import inside a try."""
    names = set()
    for library in libraries:
        (folder,) = importlib.util.find_spec(library).submodule_search_locations
        for file in Path(folder).rglob('*.py'):
            if '.mim' in file.parts:
                continue
            for attempt in ast.walk(ast.parse(file.read_text())):
                if isinstance(attempt, ast.Try):
                    for node in ast.walk(ast.Module(attempt.body, [])):
                        if isinstance(node, ast.Import):
                            names |= {alias.name for alias in node.names}
                        elif isinstance(node, ast.ImportFrom) and not node.level:
                            names.add(node.module)
    packages = {name.partition('.')[0] for name in names} | {'pycocotools', 'transformers'}
    return packages - NEEDED - ANOTHERS_TOO - set(LIBRARIES) - set(sys.stdlib_module_names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('content', 'libraries'),
    [
        pytest.param("raise RuntimeError('broken')", LIBRARIES, id='broken'),
        # Of another version, which lacks every name.
        pytest.param('', ('mmcv', 'mmpretrain', 'mmseg'), id='without names'),
    ],
)
def test_a_broken_optional_package_counts_as_missing(tmp_path, content, libraries):
    packages = optional_packages(libraries)
    assert {'albumentations', 'mmdet', 'transformers', 'turbojpeg'} <= packages
    for name in packages:
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').write_text(content)
        # What mmpretrain goes by: it takes its multimodal part where these two are installed.
        info = tmp_path / f'{name}-5.24.0.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 5.24.0\n')
    program = [sys.executable, 'tests/programs/broken_packages.py', str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith('built\n')
