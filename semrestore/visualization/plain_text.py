"""Text of users in pictures."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def plain_text(draw: Callable) -> Callable:
    """Decorate a function that draws: names and captions are shown as they are, and ``$`` begins no formula of Matplotlib's."""

    @wraps(draw)
    def drawn(*args, **kwargs: Any):
        import matplotlib

        with matplotlib.rc_context({'text.parse_math': False}):
            return draw(*args, **kwargs)

    return drawn
