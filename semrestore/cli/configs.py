"""List the configs that come with semrestore, and what each is for.

Use a name from the list wherever a command takes a config. To inherit from one, write its name in your own config:
_base_ = 'semrestore::joint/own_photos.py'.

Example:
  semrestore configs joint
"""

from collections.abc import Sequence

from semrestore.cli.options import new_parser
from semrestore.errors import UserError, near


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore configs``."""
    parser = new_parser(__doc__)
    parser.add_argument(
        'words',
        nargs='*',
        metavar='WORD',
        help='list only configs with these words in their name or text (default: all)',
    )
    options = parser.parse_args(arguments)

    from semrestore.config.libraries import first_sentence, own_configs

    lines = {name: first_sentence(name) for name in own_configs()}
    found = [
        f'{name}\n    {text}'
        for name, text in lines.items()
        if all(word.lower() in f'{name} {text}'.lower() for word in options.words)
    ]
    if not found:
        folders = {name.partition('::')[2].partition('/')[0] for name in lines}
        raise UserError(
            f"no config has '{' '.join(options.words)}' in its name or text.{near(options.words[0], folders)} The"
            f' folders are {", ".join(sorted(folders))}.'
        )
    print('\n'.join(found))
