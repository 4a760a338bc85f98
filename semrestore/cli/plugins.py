"""List the installed plugins, where each comes from, and what it registers.

Example:
  semrestore plugins
"""

from collections.abc import Sequence

from semrestore.cli.options import new_parser
from semrestore.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore plugins``."""
    new_parser(__doc__).parse_args(arguments)

    from semrestore.plugins import GROUP, load_plugins

    plugins = load_plugins()
    if not plugins:
        print(f"no plugins: none of the installed packages has an entry point in the group '{GROUP}'")
    for plugin in plugins:
        print(f'{plugin.name}: {plugin.module}, from {plugin.distribution} {plugin.version}')
        for registry, names in plugin.registered.items():
            print(f'  {registry}: {", ".join(names)}')
        if plugin.error:
            print(f'  failed: {plugin.error}')
    if failed := [plugin.name for plugin in plugins if plugin.error]:
        raise UserError(
            f'{len(failed)} of {len(plugins)} plugins could not be imported: {", ".join(failed)}. Repair or'
            ' uninstall them'
        )
