"""Train an image denoiser for the frozen network that will look at the image.

What is named here is imported when it is first used, so ``import semrestore`` alone is quick.

>>> import semrestore
>>> semrestore.load_denoiser('multiscale-blind').reach
33
"""

import importlib
from typing import TYPE_CHECKING

from semrestore.optional_imports import tolerate_broken_packages

if TYPE_CHECKING:
    from semrestore.acceleration import InferenceDenoiser
    from semrestore.config import load_config
    from semrestore.engine import evaluate, train
    from semrestore.errors import UserError
    from semrestore.images import read_photo
    from semrestore.inference import DenoiseBefore, DenoiseInferencer
    from semrestore.weights.build import load_denoiser
    from semrestore.weights.zoo import published

__version__ = '0.1.0'

__all__ = [
    'DenoiseBefore',
    'DenoiseInferencer',
    'InferenceDenoiser',
    'UserError',
    '__version__',
    'evaluate',
    'load_config',
    'load_denoiser',
    'published',
    'read_photo',
    'train',
]

_HOMES = {
    'DenoiseBefore': 'inference',
    'DenoiseInferencer': 'inference',
    'InferenceDenoiser': 'acceleration',
    'UserError': 'errors',
    'evaluate': 'engine',
    'load_config': 'config',
    'load_denoiser': 'weights.build',
    'published': 'weights.zoo',
    'read_photo': 'images',
    'train': 'engine',
}

tolerate_broken_packages()


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'semrestore.{_HOMES[name]}'), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
