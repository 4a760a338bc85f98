"""Start a VGG-16 with batch normalisation from the first convolutions of a VGG-16 without.

VGG's activations grow to the hundreds. A new batch normalisation behind a trained convolution would undo what the
convolution has learned. The program therefore scales each layer so that its activations have a root mean square of 1,
and undoes the scale in the next layer, which ReLU permits. The batch normalisation gets the mean and variance that the
layer has on training photos of the config, and the affine map that undoes both. The rest of the network starts at
random.

Example:
  python -m projects.paper.start_vgg16 configs/classification/vgg16_tiny_imagenet.py vgg16.pth work_dirs/start.pth
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from semrestore.cli.options import count, new_parser
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.errors import UserError
from semrestore.files import check_apart
from semrestore.weights.read import read_weights, save_weights


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument(
        'config', help='config that trains the classifier; gives the network, the preprocessing and the training photos'
    )
    parser.add_argument(
        'weights', help="file with the trained convolutions, named as in torchvision ('features.0.weight' ...)"
    )
    parser.add_argument('checkpoint', help='checkpoint to write, for load_from of the config')
    parser.add_argument(
        '--photos', type=count, default=512, metavar='N', help='training photos to measure the layers on (default: 512)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the photos and of the layers that start at random (default: 0)'
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.paper.start_vgg16``."""
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner, set_random_seed

    from semrestore.config.check import check_inputs, trains_a_task
    from semrestore.tasks.openmmlab import build_network

    options = parse(arguments)
    check_apart(Path(options.checkpoint), options.config, options.weights)
    cfg = load_config(options.config)
    if not trains_a_task(cfg) or (cfg.model.get('backbone') or {}).get('type') != 'VGG':
        raise UserError(f"config '{options.config}' does not train a VGG of mmpretrain")
    check_inputs(cfg, 'train_dataloader')
    set_random_seed(options.seed)
    network = build_network(cfg.model)
    network.init_weights()
    loader = dict(cfg.train_dataloader, batch_size=options.photos, num_workers=0, persistent_workers=False)
    with DefaultScope.overwrite_default_scope('semrestore'):
        batch = next(iter(Runner.build_dataloader(loader, seed=options.seed)))
    images = network.data_preprocessor(batch)['inputs']
    filled = start(network.backbone.features, read_weights(options.weights), images, options.weights)
    save_weights(network.state_dict(), options.checkpoint)
    print(
        f'{options.checkpoint}: {type(network.backbone).__name__}, the first {filled} convolutions from'
        f' {options.weights}'
    )


@torch.no_grad()
def start(features: nn.Sequential, weights: dict[str, Tensor], images: Tensor, source: str = 'the weights') -> int:
    """Fill the first layers of a VGG with trained convolutions; their normalisations change nothing.

    Args:
        features: mmpretrain's VGG as a row of ``ConvModule`` and pooling layers.
        weights: ``features.N.weight`` and ``features.N.bias``; as in torchvision, N counts convolutions, activations
            and poolings.
        images: Photos as the network gets them, ``(N, 3, H, W)``; the batch normalisations get their means and
            variances from these.
        source: What to call the weights in an error.

    Returns:
        How many convolutions were filled.

    Raises:
        UserError: The weights are of another network.
    """
    index = count = 0
    scale = 1.0  # the input is the original network's activations divided by this
    training = features.training
    features.eval()
    for layer in features:
        if not isinstance(layer, ConvModule):
            images, index = layer(images), index + 1
            continue
        names = f'features.{index}.weight', f'features.{index}.bias'
        if not all(name in weights for name in names):
            break
        weight, bias = (weights[name] for name in names)
        for name, value, own in zip(names, (weight, bias), (layer.conv.weight, layer.conv.bias), strict=True):
            if value.shape != own.shape or not value.is_floating_point():
                raise UserError(
                    f"'{name}' in {source} is {tuple(value.shape)} {value.dtype}; expected {tuple(own.shape)} of"
                    ' floating point'
                )
        layer.conv.weight.copy_(weight * scale)
        layer.conv.bias.copy_(bias)
        output = layer.conv(images)
        rms = output.clamp(min=0).square().mean().sqrt().item()
        if layer.with_norm:
            mean, variance = output.mean((0, 2, 3)), output.var((0, 2, 3))
            layer.norm.running_mean.copy_(mean)
            layer.norm.running_var.copy_(variance)
            layer.norm.weight.copy_((variance + layer.norm.eps).sqrt() / rms)
            layer.norm.bias.copy_(mean / rms)
            scale = rms
        images, index, count = layer(images), index + 2, count + 1
    features.train(training)
    if not count:
        raise UserError(
            f"{source} has no 'features.0.weight' and 'features.0.bias'; expected torchvision's names of a VGG's"
            ' convolutions'
        )
    return count


if __name__ == '__main__':
    sys.exit(run(main))
