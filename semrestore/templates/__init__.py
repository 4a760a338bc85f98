"""Write a package for a plugin, which installs, passes its tests, and has one file for the user's code."""

import importlib.util
import keyword
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from string import Template

from semrestore import __version__
from semrestore.errors import UserError

__all__ = ['KINDS', 'write_plugin']

TEMPLATES = Path(__file__).parent / 'plugin'
KINDS = ('task', 'denoiser', 'loss', 'degradation', 'dataset')


def write_plugin(distribution: str, kind: str, out: Path) -> tuple[str, Path]:
    """Write a plugin's package.

    Args:
        distribution: Name of the distribution, such as ``semrestore-stripes``.
        kind: What it brings, one of :data:`KINDS`.
        out: Folder to write, which must not exist.

    Returns:
        The name of the plugin's class, and the file that waits for your code.

    Raises:
        UserError: The name cannot be used, the folder exists, or it cannot be written.
    """
    if not re.fullmatch(r'[a-z][a-z0-9]*([-_][a-z0-9]+)*', distribution):
        raise UserError(
            f"NAME is '{distribution}'; expected lower-case letters, digits and single hyphens, such as"
            ' semrestore-stripes'
        )
    module = distribution.replace('-', '_')
    if keyword.iskeyword(module) or importlib.util.find_spec(module):
        raise UserError(
            f"NAME is '{distribution}', but '{module}' is a Python word or an installed module. Choose another name"
        )
    if out.exists():
        raise UserError(f"'{out}' already exists. Choose another --out")
    words = module.removeprefix('semrestore_').split('_')
    # PEP 8 asks for CapWords. If the name ends with the kind, the kind is not repeated.
    name = (''.join(word.capitalize() for word in words if word != kind) or 'My') + kind.capitalize()
    if not name.isidentifier() or name in _registered():
        raise UserError(
            f"NAME is '{distribution}', which gives the class name {name}; expected a valid Python name that"
            ' semrestore does not use. Choose another name'
        )
    values = dict(name=distribution, module=module, kind=kind, file=kind, version=__version__)
    values['Class'] = name
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.semrestore-', dir=out.parent) as partial:
            for source, target in _files(kind, module):
                path = Path(partial) / 'plugin' / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(
                    Template((TEMPLATES / source).read_text(encoding='utf-8')).substitute(values), encoding='utf-8'
                )
            (Path(partial) / 'plugin').rename(out)
    except OSError as error:
        raise UserError(f"'{out}' cannot be written: {error}") from None
    return name, out / module / f'{kind}.py'


def _registered() -> set[str]:
    from semrestore.registry import registries

    for registry in registries().values():
        registry.import_from_location()
    return {name for registry in registries().values() for name in registry.module_dict}


def _files(kind: str, module: str) -> Iterable[tuple[str, str]]:
    return {
        'common/pyproject.toml.in': 'pyproject.toml',
        'common/README.md.in': 'README.md',
        'common/init.py.in': f'{module}/__init__.py',
        'common/model-index.yml.in': f'{module}/.mim/model-index.yml',
        'common/training.py.in': 'tests/test_training.py',
        f'{kind}/part.py.in': f'{module}/{kind}.py',
        f'{kind}/config.py.in': f'{module}/.mim/configs/embedded/{kind}.py',
        f'{kind}/contract.py.in': f'tests/test_{kind}.py',
    }.items()
