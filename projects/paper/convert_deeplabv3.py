r"""Convert the TensorFlow Lite DeepLabv3 on MobileNetV2 (depth 0.5, Pascal VOC) to mmseg's names.

The input is a state dict of the network's operations and a JSON list of these operations. The state dict has
``opN.weight`` and ``opN.bias`` in PyTorch's layout. In the list, ``name`` is the scope of an operation in TensorFlow.
The second stage of that network has 12 channels, but mmseg rounds to 16. The converter fills the missing channels with
zeros, which changes no output.

Example:
  python -m projects.paper.convert_deeplabv3 deeplabv3.pth deeplabv3.json \
    work_dirs/weights/deeplabv3_mobilenetv2_dm05_voc.pth
"""

import argparse
import json
import operator
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.files import check_apart, read_text

# Blocks of each stage of MobileNetV2.
STAGES = (1, 2, 3, 4, 3, 3, 1)
HEAD = {
    'image_pooling': 'decode_head.image_pool.1.conv',
    'aspp0': 'decode_head.aspp_modules.0.conv',
    'concat_projection': 'decode_head.bottleneck.conv',
    'logits/semantic': 'decode_head.conv_seg',
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument('weights', help='file with the state dict of the operations (.pth)')
    parser.add_argument('operations', help='file with the list of the operations (.json)')
    parser.add_argument('checkpoint', help='checkpoint to write (.pth)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.paper.convert_deeplabv3``."""
    from mmengine.config import Config

    from semrestore.tasks.openmmlab import build_network
    from semrestore.weights.read import read_weights, save_weights

    options = parse(arguments)
    check_apart(Path(options.checkpoint), options.weights, options.operations)
    weights = read_weights(options.weights)
    operations = read_operations(Path(options.operations))
    model = Config.fromfile(Path(__file__).parents[2] / 'configs/_base_/tasks/deeplabv3_mobilenetv2.py').task.model
    state = convert(weights, operations, build_network(model).state_dict())
    save_weights(state, options.checkpoint)
    print(f'{options.checkpoint}: {len(state)} tensors, {sum(value.numel() for value in state.values()):,} values')


def read_operations(path: Path) -> list[dict[str, Any]]:
    """Read the list of operations.

    Raises:
        UserError: The file is missing, or is no such list.
    """
    text = read_text(path, 'list of operations')
    try:
        operations = json.loads(text)['ops']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"'{path}' is not a list of operations: {error!r}") from None
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise UserError(f"'{path}' is not a list of operations: 'ops' is not a list of dicts")
    return operations


def convert(weights: dict[str, Tensor], operations: list[dict], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return ``weights`` under the names, and in the shapes, of ``target``.

    Raises:
        UserError: An operation has no counterpart, or a counterpart got no weights.
    """
    state = {}
    for operation in operations:
        if 'key' not in operation:
            continue
        layer = _layer(str(operation.get('name')).removesuffix('/weights').removesuffix('/depthwise_weights'))
        for part in ('weight', 'bias'):
            own, value = target.get(f'{layer}.{part}'), weights.get(f'{operation["key"]}.{part}')
            if own is None or value is None or value.ndim != own.ndim or any(map(operator.gt, value.shape, own.shape)):
                raise UserError(
                    f"operation '{operation.get('name')}' does not fit '{layer}.{part}'; expected the weights of"
                    ' this network'
                )
            state[f'{layer}.{part}'] = torch.zeros_like(own)
            state[f'{layer}.{part}'][tuple(slice(size) for size in value.shape)] = value
    missing = [name for name in target if name not in state]
    if missing:
        raise UserError(
            f"the operations have no weights for '{missing[0]}' (and {len(missing) - 1} more); expected weights"
            ' for every layer'
        )
    return state


def _layer(scope: str) -> str:
    """Return mmseg's name of the layer in a TensorFlow scope.

    >>> _layer('MobilenetV2/expanded_conv_4/depthwise')
    'backbone.layer3.1.conv.1.conv'
    """
    if scope == 'MobilenetV2/Conv':
        return 'backbone.conv1.conv'
    block = re.fullmatch(r'MobilenetV2/expanded_conv(?:_(\d+))?/(expand|depthwise|project)', scope)
    if block is None:
        if scope not in HEAD:
            raise UserError(f"operation '{scope}' is not part of DeepLabv3 on MobileNetV2")
        return HEAD[scope]
    index = int(block[1] or 0)
    position = ('expand', 'depthwise', 'project').index(block[2]) - (index == 0)  # the first block does not expand
    for stage, blocks in enumerate(STAGES, start=1):
        if index < blocks:
            return f'backbone.layer{stage}.{index}.conv.{position}.conv'
        index -= blocks
    raise UserError(
        f"operation '{scope}' is behind the last block of MobileNetV2; expected the operations of DeepLabv3 on"
        ' MobileNetV2'
    )


if __name__ == '__main__':
    sys.exit(run(main))
