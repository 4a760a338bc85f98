"""Train an image denoiser for the frozen network that will look at the image.

Each name is imported when it is first used, so ``import semrestore`` is quick.

>>> import semrestore
>>> semrestore.load_denoiser('multiscale-blind').reach
33
"""

from typing import TYPE_CHECKING

import lazy_loader

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
    'Denoiser',
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

tolerate_broken_packages()

__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'acceleration': ['InferenceDenoiser'],
        'config': ['load_config'],
        'denoisers': ['Denoiser'],
        'engine': ['evaluate', 'train'],
        'errors': ['UserError'],
        'images': ['read_photo'],
        'inference': ['DenoiseBefore', 'DenoiseInferencer'],
        'weights.build': ['load_denoiser'],
        'weights.zoo': ['published'],
    },
)


def __dir__() -> list[str]:
    return __all__
