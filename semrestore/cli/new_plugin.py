"""Write a package for a plugin of your own, which installs, passes its tests, and has one file for your code.

Example:
  semrestore new-plugin semrestore-stripes --kind degradation
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import new_parser
from semrestore.templates import KINDS, write_plugin


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('name', metavar='NAME', help='name of the package, such as semrestore-stripes')
    parser.add_argument('--kind', required=True, choices=KINDS, help='kind of part that the plugin adds')
    parser.add_argument('--out', type=Path, metavar='DIR', help='folder to write; it must not exist (default: NAME)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore new-plugin``."""
    options = parse(arguments)
    out = options.out or Path(options.name)
    name, file = write_plugin(options.name, options.kind, out)
    print(
        f"wrote {out}: {name}, a {options.kind}. Next: pip install --editable '{out}[test]' && pytest {out}. Your code"
        ' goes into'
    )
    print(file)
