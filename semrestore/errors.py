"""The exception for what a user can correct: a file, a key, a value."""

import difflib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ['UserError', 'explained', 'near']

from semrestore.limits import LONGEST_REASON

# Errors that a user's values can cause in a library.
FROM_VALUES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class UserError(Exception):
    """A value from outside is wrong. The message says what is wrong, what was expected, and what to do.

    A command prints only the message, and exits with status 2.
    """


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a hint at the names in ``known`` that are spelled most like ``name``, or an empty string.

    >>> near('relu3_4', ['relu3_3', 'pool5'])
    ' Did you mean relu3_3?'
    """
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)
    return f' Did you mean {" or ".join(matches)}?' if matches else ''


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an error that a user's values cause inside a library into a :class:`UserError` that starts with ``what``."""
    try:
        yield
    except FROM_VALUES as error:
        reason = str(error)
        if len(reason) > LONGEST_REASON:  # some quote a whole config
            reason = f'{reason[:LONGEST_REASON]}... (SEMRESTORE_TRACEBACK=1 shows all of it)'
        raise UserError(f'{what}: {type(error).__name__}: {reason}') from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has no message."""
    return str(error).partition('\n')[0] or type(error).__name__


def check_is_file(path: str | os.PathLike, what: str) -> None:
    """Refuse anything but a regular file before it is opened, because opening a named pipe waits for a writer.

    Raises:
        UserError: The path does not exist, or is a folder, a pipe, a device or a link that leads nowhere.
    """
    if not os.path.isfile(path):
        # lexists is also true for a link to itself or to nothing
        raise UserError(
            f"{what} '{os.fspath(path)}' " + ('is not a file' if os.path.lexists(path) else 'does not exist')
        )
