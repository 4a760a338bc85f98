"""Any classifier of torchvision as an mmpretrain model, for configs older than TorchvisionTask."""

import math
import re
from typing import Any

from mmpretrain.models.classifiers import BaseClassifier, TimmClassifier
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS
from torch import Tensor, nn
from torchvision.models import get_model

from semrestore.registry import MODELS

AS_PUBLISHED = {
    name: dict(transform_input=True, init_weights=False, aux_logits=False) for name in ('googlenet', 'inception_v3')
}
"""What torchvision's builders set only where they load weights themselves; and no heads for training alone."""

AUXILIARY = ('aux1.', 'aux2.', 'AuxLogits.')
"""Those heads, which a file may have or lack."""

OLD_NAMES = (
    (r'(denselayer\d+\.(?:norm|conv))\.([12]\.)', r'\1\2'),
    (r'\.mlp\.linear_1\.', '.mlp.0.'),
    (r'\.mlp\.linear_2\.', '.mlp.3.'),
)
"""What the files that torchvision publishes call parts of DenseNet and ViT, which it renames while it loads them."""

POSITIONS = 'encoder.pos_embedding'


@MODELS.register_module()
class TorchvisionClassifier(TimmClassifier):
    """A classifier of torchvision, by name, with loss and predictions of mmpretrain's wrapper for timm.

    Like that wrapper it loads the library's own checkpoints as they are, and it builds a network as torchvision does
    for them. Inception v3 and GoogLeNet bring ImageNet's normalisation to their own inside (``transform_input``), and a
    vision transformer takes images of the size that its weights were trained for. For weights of your own training,
    which want Inception v3 or GoogLeNet as torchvision builds them without weights, say ``transform_input=False``.

    Args:
        model_name: A name that ``torchvision.models.list_models`` knows.
        loss: Config of the loss.
        data_preprocessor: Config of the preprocessing: mean, std, channel order (``ClsDataPreprocessor``).
        **kwargs: Arguments of the torchvision model.
    """

    def __init__(
        self, model_name: str, loss: dict | None = None, data_preprocessor: dict | None = None, **kwargs: Any
    ) -> None:
        # Past TimmClassifier's own __init__, which would build a model of timm.
        BaseClassifier.__init__(
            self, data_preprocessor={'type': 'mmpretrain.ClsDataPreprocessor', **(data_preprocessor or {})}
        )
        published = AS_PUBLISHED.get(model_name.removeprefix('quantized_'), {})
        self.model = get_model(model_name, weights=None, **{**published, **kwargs})
        self.sized = 'image_size' in kwargs
        self.num_classes = kwargs.get('num_classes', 1000)  # torchvision's own default
        self.loss_module = MMPRETRAIN_MODELS.build(loss or dict(type='CrossEntropyLoss', _scope_='mmpretrain'))
        self._register_state_dict_hook(_without_prefix)
        self._register_load_state_dict_pre_hook(self._add_state_dict_prefix)

    def adapt_state(self, state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """Return weights under today's names, without heads for training; a ViT takes on their image size.

        Args:
            state: Weights by name.
            prefix: What this network's names begin with.
        """
        return as_named_today(self.model, state, prefix, self.sized)


def as_named_today(network: nn.Module, state: dict[str, Tensor], prefix: str, sized: bool) -> dict[str, Tensor]:
    """Return weights under today's names, without heads for training; a ViT takes on their image size.

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


def _without_prefix(network: nn.Module, state: Any, prefix: str, metadata: dict) -> Any:
    # mmpretrain's hook loses the versions of the parts, for which MNASNet asks.
    short = TimmClassifier._remove_state_dict_prefix(network, state, prefix, metadata)
    vars(short).update(vars(state))  # state_dict's _metadata
    return short
