"""Find the published weights, which come with the package, by name."""

import json
from functools import cache
from pathlib import Path

import yaml

from semrestore.errors import UserError, near
from semrestore.files import sha256

__all__ = ['DEFAULT', 'PURPOSES', 'figures', 'level_note', 'published', 'resolve']

WEIGHTS = Path(__file__).parents[1] / '.mim/weights'
"""A link to weights/ in the repository, and a folder in the wheel."""

PREFIX = 'zoo:'

PURPOSES = dict(people='multiscale-blind', recognition='recognition-blind', camera='multiscale-real')
"""The weights for who looks at the result, or for photos as a camera stored them."""

DEFAULT = PURPOSES['people']
"""The weights that are taken for files if none are named: for noise of any level, and kind to clean photos."""


@cache
def published() -> dict[str, dict]:
    """Return the published weights by name, with how they were made.

    An entry has the ``file``, its ``sha256``, the ``denoiser``'s config, and ``sigma``: a number on 0..255, a trained
    range, or ``None`` if the weights were trained on other noise.
    """
    try:
        return json.loads((WEIGHTS / 'zoo.json').read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'the list of published weights cannot be read: {error}. Install semrestore again') from None


def figures(name: str, data: str = 'CBSD68') -> list[tuple[str, float]]:
    """Return the PSNR in dB of published weights by noise, such as ``('sigma 25', 31.1)``; none if not measured yet."""
    text = (WEIGHTS / 'metafile.yml').read_text(encoding='utf-8')
    results = [
        result for model in yaml.safe_load(text)['Models'] if model['Name'] == name for result in model['Results']
    ]
    metrics = [result['Metrics'] for result in results if result['Dataset'] == data]
    return [
        (metric.removeprefix('PSNR').strip(' ()'), value)
        for one in metrics
        for metric, value in one.items()
        if metric.startswith('PSNR')
    ]


def resolve(checkpoint: str | Path) -> str:
    """Return the file of a checkpoint: a path, ``zoo:NAME``, or ``NAME`` of published weights. A URL stays as it is.

    Raises:
        UserError: Neither a file nor published weights have that name, or the published file is damaged.
    """
    text = str(checkpoint)
    if '://' in text:
        return text
    path = Path(text).expanduser()
    name = text.removeprefix(PREFIX)
    # A folder may have the name of published weights, which are no folder.
    if not text.startswith(PREFIX) and (path.is_file() or (path.exists() and name not in published())):
        return str(path)
    if name not in published():
        if Path(text).suffix or len(Path(text).parts) > 1:
            raise UserError(f"checkpoint '{text}' does not exist")
        known = ', '.join(published())
        raise UserError(f"'{text}' is neither a file nor a published name.{near(name, published())} There are: {known}")
    entry = published()[name]
    path = WEIGHTS / entry['file']
    if not path.is_file() or sha256(path) != entry['sha256']:
        raise UserError(f"the published weights '{path}' are missing or damaged. Install semrestore again")
    return str(path)


def level_note(name: str) -> str | None:
    """Return a warning for weights that are published for one noise level only, ``None`` for others.

    >>> level_note('zoo:multiscale-sigma25')
    "'multiscale-sigma25' is only for noise of sigma 25 and ruins cleaner photos. For any level use 'multiscale-blind'"
    """
    name = str(name).removeprefix(PREFIX)
    level = published().get(name, {}).get('sigma')
    if not isinstance(level, int | float):
        return None
    return f"'{name}' is only for noise of sigma {level} and ruins cleaner photos. For any level use '{DEFAULT}'"
