"""List the configs that come with semrestore, each with what it is for.

  semrestore configs
  semrestore configs joint

Take one by its name wherever a config is asked for, or inherit from it: _base_ = 'semrestore::joint/own_photos.py'.
"""

import argparse
from collections.abc import Sequence

from semrestore.errors import UserError, near


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore configs``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('words', nargs='*', metavar='WORD', help='list those alone whose name or text has these words')
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
            f"no config has '{' '.join(options.words)}' in its name or text.{near(options.words[0], folders)}"
            f' The folders are {", ".join(sorted(folders))}.'
        )
    print('\n'.join(found))
