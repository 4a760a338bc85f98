"""Convert the authors' MatConvNet networks, DnCNN and FFDNet for colour images, to checkpoints of semrestore.

The files are MATLAB 7.3 (HDF5). Their list ``net.layers`` has layers of several types; those of type 'conv' hold the
weights, with batch normalisation already folded in.

Example:
  python -m projects.paper.convert_matconvnet FFDNet_color.mat work_dirs/weights/ffdnet.pth
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.denoisers import Denoiser, DnCNN, FFDNet
from semrestore.denoisers.cost import parameters
from semrestore.denoisers.dncnn import load_plain_convolutions
from semrestore.errors import UserError, check_is_file
from semrestore.files import check_apart
from semrestore.weights.read import save_weights
from semrestore.weights.record import denoiser_record

# Where the four pixels of a 2x2 cell stand among MatConvNet's channels (columns first), by where torch's
# pixel_unshuffle puts them.
COLUMNS_FIRST = (0, 2, 1, 3)
LARGEST = 2**20  # values of one layer; FFDNet's have 82,944


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('network', help="the authors' file (.mat)")
    parser.add_argument('checkpoint', help='checkpoint to write (.pth)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.paper.convert_matconvnet``."""
    options = parse(arguments)
    check_apart(Path(options.checkpoint), options.network)
    denoiser = convert(read_convolutions(options.network), options.network)
    record = denoiser_record(dict(type=type(denoiser).__name__))
    save_weights({f'denoiser.{key}': value for key, value in denoiser.state_dict().items()}, options.checkpoint, record)
    print(f'{options.checkpoint}: {type(denoiser).__name__}, {parameters(denoiser):,} parameters')


def read_convolutions(path: str | Path) -> list[tuple[Tensor, Tensor]]:
    """Read a MatConvNet network's convolutions: weights ``(out, in, height, width)`` and biases ``(out,)``.

    Raises:
        UserError: The file is missing, or is not such a network.
    """
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"h5py is not installed ({error}). Install it: pip install 'semrestore[convert]'") from None

    check_is_file(path, 'network')
    try:
        with h5py.File(path) as file:
            layers = [file[reference] for reference in file['net']['layers'][()].flat]
            return [_convolution(file, layer) for layer in layers if _text(layer['type']) == 'conv']
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
        MemoryError,
        OverflowError,
    ) as error:
        raise UserError(
            f"'{path}' cannot be read: {error}; expected a MatConvNet network in a MATLAB 7.3 file, as the"
            ' authors of DnCNN and FFDNet publish them'
        ) from None


def convert(convolutions: Sequence[tuple[Tensor, Tensor]], path: str | Path = '') -> Denoiser:
    """Return the denoiser of a list of convolutions, filled with them.

    Raises:
        UserError: They are neither DnCNN nor FFDNet in colour.
    """
    convolutions = list(convolutions)
    shapes = [tuple(weight.shape) for weight, _ in convolutions]
    for kind in (DnCNN, FFDNet):
        denoiser = kind()
        own = [tuple(layer.weight.shape) for layer in denoiser.body if isinstance(layer, torch.nn.Conv2d)]
        if shapes == own:
            break
    else:
        first = (
            f'{len(shapes)} convolutions from {shapes[0][1]} to {shapes[-1][0]} channels'
            if shapes
            else 'no convolutions'
        )
        raise UserError(
            f"'{path}' has {first}; expected 20 from 3 to 3 (DnCNN in colour) or 12 from 13 to 12 (FFDNet in colour)"
        )
    if kind is FFDNet:
        order = [4 * channel + position for channel in range(3) for position in COLUMNS_FIRST]
        (weight, bias), (last_weight, last_bias) = convolutions[0], convolutions[-1]
        convolutions[0] = weight[:, [*order, 12]], bias
        convolutions[-1] = last_weight[order], last_bias[order]
    load_plain_convolutions(denoiser.body, convolutions)
    return denoiser


def _convolution(file, layer) -> tuple[Tensor, Tensor]:
    parts = [file[reference] for reference in layer['weights'][()].flat]
    if any(part.external or part.is_virtual or part.size > LARGEST for part in parts):
        raise ValueError('weights that lie in other files, or are larger than in these networks')
    weight, bias = (np.asarray(part, np.float32) for part in parts)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError('weights that are not finite numbers')
    # MATLAB's (height, width, in, out) comes out of HDF5 reversed.
    return torch.from_numpy(weight.transpose(0, 1, 3, 2).copy()), torch.from_numpy(bias.flatten())


def _text(characters) -> str:
    return ''.join(map(chr, characters[()].flat))


if __name__ == '__main__':
    sys.exit(run(main))
