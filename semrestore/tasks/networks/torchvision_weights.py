"""Adapt a classifier's weights as torchvision does when it loads them itself."""

import math
import re
from typing import Any

from torch import Tensor, nn

AS_PUBLISHED = {
    name: dict(transform_input=True, init_weights=False, aux_logits=False) for name in ('googlenet', 'inception_v3')
}
"""What torchvision's builders set only when they load weights themselves, without training heads."""

AUXILIARY = ('aux1.', 'aux2.', 'AuxLogits.')
"""Those heads, which a file may have or lack."""

OLD_NAMES = (
    (r'(denselayer\d+\.(?:norm|conv))\.([12]\.)', r'\1\2'),
    (r'\.mlp\.linear_1\.', '.mlp.0.'),
    (r'\.mlp\.linear_2\.', '.mlp.3.'),
)
"""What the files that torchvision publishes call parts of DenseNet and ViT, which it renames while it loads them."""

POSITIONS = 'encoder.pos_embedding'


def as_named_today(network: nn.Module, state: dict[str, Tensor], prefix: str, sized: bool) -> dict[str, Tensor]:
    """Return weights under current names, without training heads; a ViT takes on their image size.

    Args:
        network: A classifier of torchvision.
        state: Weights by name.
        prefix: What this network's names begin with.
        sized: Whether a ViT's image size was asked for, and is kept.
    """
    for old, new in OLD_NAMES:
        state = {re.sub(old, new, key): value for key, value in state.items()}
    own = network.state_dict()
    unused = tuple(prefix + head for head in AUXILIARY if not any(key.startswith(head) for key in own))
    state = {key: value for key, value in state.items() if not key.startswith(unused)}
    positions = state.get(prefix + POSITIONS)
    if not sized and POSITIONS in own and positions is not None and positions.ndim == 3:
        vit: Any = network
        vit.image_size = vit.patch_size * math.isqrt(positions.shape[1] - 1)
        vit.encoder.pos_embedding = nn.Parameter(positions.clone())
    return state
