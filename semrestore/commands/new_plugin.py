"""Write the package of a plugin of your own: it installs, passes its own tests and runs, and waits for your code in one file.

semrestore new-plugin semrestore-stripes --kind degradation
"""

import argparse
import importlib.util
import keyword
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from semrestore import __version__
from semrestore.errors import UserError

TEMPLATES = Path(__file__).parents[1] / 'templates/plugin'
KINDS = ('task', 'denoiser', 'loss', 'degradation', 'dataset')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', metavar='NAME', help='name of the distribution, such as semrestore-stripes')
    parser.add_argument('--kind', required=True, choices=KINDS, help='what it brings')
    parser.add_argument('--out', type=Path, metavar='DIR', help='folder to write, which must not exist (default: NAME)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore new-plugin``."""
    options = parse(arguments)
    if not re.fullmatch(r'[a-z][a-z0-9]*([-_][a-z0-9]+)*', options.name):
        raise UserError(f"NAME is '{options.name}'; expected lower-case letters, digits and single hyphens, such as semrestore-stripes")
    module = options.name.replace('-', '_')
    if keyword.iskeyword(module) or importlib.util.find_spec(module):
        raise UserError(f"NAME is '{options.name}', but '{module}' is a word or an installed module of Python's; choose another")
    out = options.out or Path(options.name)
    if out.exists():
        raise UserError(f"'{out}' exists, and nothing in it is touched; choose another --out")
    words = module.removeprefix('semrestore_').split('_')
    # PEP 8 has CapWords; a kind at the end is not said twice.
    name = (''.join(word.capitalize() for word in words if word != options.kind) or 'My') + options.kind.capitalize()
    if not name.isidentifier() or name in _registered():
        raise UserError(
            f"NAME is '{options.name}', of which the class would be {name}: no name in Python, or one of semrestore's; choose another"
        )
    values = dict(name=options.name, module=module, kind=options.kind, file=options.kind, version=__version__)
    values['Class'] = name
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.semrestore-', dir=out.parent) as partial:
            for source, target in _files(options.kind, module):
                path = Path(partial) / 'plugin' / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(Template((TEMPLATES / source).read_text(encoding='utf-8')).substitute(values), encoding='utf-8')
            (Path(partial) / 'plugin').rename(out)
    except OSError as error:
        raise UserError(f"'{out}' cannot be written: {error}") from None
    print(f"{out}: {name}, a {options.kind}. Next: pip install --editable '{out}[test]' && pytest {out}; then put your code into")
    print(f'{out / module / options.kind}.py')


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
