"""The one exception for what a user can put right: a file, a key, a value."""

import difflib
import os
from collections.abc import Iterable

__all__ = ['UserError', 'near']


class UserError(Exception):
    """Something given from outside is wrong; the message names it, says what was expected and what to do.

    The command lines print the message alone and exit with status 2 (see :func:`semrestore.commands.common.run`).
    """


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a hint at the names in ``known`` that are spelled most like ``name`` (by difflib's ratio), or an empty string.

    >>> near('relu3_4', ['relu3_3', 'pool5'])
    ' Did you mean relu3_3?'
    """
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)
    return f' Did you mean {" or ".join(matches)}?' if matches else ''


def check_is_file(path: str | os.PathLike, what: str) -> None:
    """Refuse what is no regular file before it is opened: whoever opens a named pipe waits for a writer, for ever.

    Raises:
        UserError: It does not exist, is a folder, a pipe or a device, or a link that leads to itself.
    """
    if not os.path.isfile(path):
        # lexists: a link to itself, or to nothing, is there
        raise UserError(f"{what} '{os.fspath(path)}' " + ('is no file' if os.path.lexists(path) else 'does not exist'))
