"""Show users' texts in pictures unchanged."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec('Parameters')
Drawn = TypeVar('Drawn')


def plain_text(draw: Callable[Parameters, Drawn]) -> Callable[Parameters, Drawn]:
    """Decorate a drawing function so that texts are shown unchanged, and ``$`` starts no formula."""

    @wraps(draw)
    def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Drawn:
        import matplotlib

        with matplotlib.rc_context({'text.parse_math': False}):
            return draw(*args, **kwargs)

    return drawn
