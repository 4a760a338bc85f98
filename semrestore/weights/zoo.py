"""Published weights by name: small files that travel with the package."""

import json
from functools import cache
from pathlib import Path

from semrestore.errors import UserError, near
from semrestore.files import sha256

__all__ = ['published', 'resolve']

WEIGHTS = Path(__file__).parents[1] / '.mim/weights'
"""A link to weights/ in the repository, and a folder in the wheel."""

PREFIX = 'zoo:'


@cache
def published() -> dict[str, dict]:
    """Return what is published, by name, and how it was made.

    An entry has the ``file``, its ``sha256``, the ``denoiser``'s config, and ``sigma``: a number on 0..255, a trained
    range, or ``None`` if the weights were trained on other noise.
    """
    try:
        return json.loads((WEIGHTS / 'zoo.json').read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'the list of published weights cannot be read: {error}; install semrestore again') from None


def resolve(checkpoint: str | Path) -> str:
    """Return the file of ``zoo:NAME``, or of a bare ``NAME`` if no file is called so; any other path as it is.

    Raises:
        UserError: Nothing of that name is published, or its file is missing or damaged.
    """
    text = str(checkpoint)
    if not text.startswith(PREFIX) and (Path(text).exists() or text not in published()):
        return text
    name = text.removeprefix(PREFIX)
    if name not in published():
        known = ', '.join(published())
        raise UserError(f"no published weights are called '{name}'.{near(name, published())} There are: {known}")
    entry = published()[name]
    path = WEIGHTS / entry['file']
    if not path.is_file() or sha256(path) != entry['sha256']:
        raise UserError(f"the published weights '{path}' are missing or damaged; install semrestore again")
    return str(path)
