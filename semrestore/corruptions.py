"""Name ImageNet-C's corruptions, with AlexNet's error on each. Imports no PyTorch.

Source: Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR
2019.
"""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from semrestore.errors import UserError, near

__all__ = [
    'ALEXNET_CLEAN',
    'ALEXNET_ERRORS',
    'ALEXNET_SOURCE',
    'EXTRA',
    'GROUPS',
    'KINDS',
    'SEVERITIES',
    'UNTOUCHED',
    'chosen',
    'condition',
    'require_package',
]

SEVERITIES = (1, 2, 3, 4, 5)

UNTOUCHED = 'none'
"""The row of the matrix in which the restorers get clean images."""

ALEXNET_SOURCE = 'https://github.com/hendrycks/robustness'

ALEXNET_ERRORS = {
    'gaussian_noise': 0.886428,
    'shot_noise': 0.894468,
    'impulse_noise': 0.922640,
    'defocus_blur': 0.819880,
    'glass_blur': 0.826268,
    'motion_blur': 0.785948,
    'zoom_blur': 0.798360,
    'snow': 0.866816,
    'frost': 0.826572,
    'fog': 0.819324,
    'brightness': 0.564592,
    'contrast': 0.853204,
    'elastic_transform': 0.646056,
    'pixelate': 0.717840,
    'jpeg_compression': 0.606500,
}
"""AlexNet's top-1 error under each of the 15 corruptions, the mean of five severities, on ImageNet-C itself.

The mean corruption error is normalised by these numbers (:data:`ALEXNET_SOURCE`).
"""

ALEXNET_CLEAN = 0.4348
"""AlexNet's top-1 error on clean images, from the same source; the article rounds it to 43.5 %."""

EXTRA = ('speckle_noise', 'gaussian_blur', 'spatter', 'saturate')
"""The four that ImageNet-C has for choosing a method; no mean counts them."""

KINDS = {
    'noise': ('gaussian_noise', 'shot_noise', 'impulse_noise'),
    'blur': ('defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'),
    'weather': ('snow', 'frost', 'fog', 'brightness'),
    'digital': ('contrast', 'elastic_transform', 'pixelate', 'jpeg_compression'),
}
"""The groups of the article's table 1."""

GROUPS = {'imagenet-c': tuple(ALEXNET_ERRORS), 'imagenet-c-extra': EXTRA}


def chosen(words: Sequence[str], option: str) -> list[str]:
    """Return the corruptions that words name, each once. A word is a corruption or a group of them.

    Raises:
        UserError: A word is neither; the message names ``option``.

    >>> chosen(['fog', 'imagenet-c-extra'], '--corruptions')
    ['fog', 'speckle_noise', 'gaussian_blur', 'spatter', 'saturate']
    """
    names: list[str] = []
    for word in words:
        if word not in GROUPS:
            check_name(word, option, GROUPS)
        names += GROUPS.get(word, (word,))
    return list(dict.fromkeys(names))


def check_name(name: str, option: str, others: Sequence[str] | dict = ()) -> None:
    """Raise an error if a name is not a corruption.

    Raises:
        UserError: The message names ``option`` and the nearest names, also among ``others``.
    """
    known = [*others, *ALEXNET_ERRORS, *EXTRA]
    if name not in known:
        hint = near(str(name), known)
        raise UserError(f"{option}: there is no corruption '{name}'.{hint} There are: {', '.join(known)}")


def condition(corruption: str, severity: int | None) -> str:
    """Return the name of a row of the matrix.

    >>> condition('fog', 3), condition('l1-param_2', None)
    ('fog-3', 'l1-param_2')
    """
    return corruption if severity is None else f'{corruption}-{severity}'


def require_package() -> None:
    """Check that the package with the corruptions is installed, without importing it.

    Raises:
        UserError: It is missing.
    """
    for name in ('imagecorruptions-imaug', 'numba'):  # the original, imagecorruptions, cannot be seeded
        try:
            version(name)
        except PackageNotFoundError:
            raise UserError(
                f"ImageNet-C's corruptions need the package {name}: pip install 'semrestore[corruptions]'"
            ) from None
