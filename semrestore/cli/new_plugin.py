"""Write the package of a plugin: it installs, passes its own tests and runs, and waits for your code in one file.

semrestore new-plugin semrestore-stripes --kind degradation
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semrestore.templates import KINDS, write_plugin


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
    out = options.out or Path(options.name)
    name, file = write_plugin(options.name, options.kind, out)
    print(
        f"{out}: {name}, a {options.kind}. Next: pip install --editable '{out}[test]' && pytest {out}; your code"
        ' goes into'
    )
    print(file)
