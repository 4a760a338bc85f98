"""Any classifier of torchvision as an mmpretrain model."""

from typing import Any

from mmpretrain.models.classifiers import BaseClassifier, TimmClassifier
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS
from torchvision.models import get_model

from semrestore.registry import MODELS

AS_PUBLISHED = {name: dict(transform_input=True, init_weights=False) for name in ('googlenet', 'inception_v3')}
"""What torchvision's builders set only where they load weights themselves."""


@MODELS.register_module()
class TorchvisionClassifier(TimmClassifier):
    """A classifier of torchvision, by name, with loss and predictions of mmpretrain's wrapper for timm.

    Like that wrapper it loads the library's own checkpoints as they are, and it builds a network as torchvision does
    for them: Inception v3 and GoogLeNet then bring ImageNet's normalisation to their own inside (``transform_input``).
    For weights of your own training, which want it as torchvision builds it without weights, say
    ``transform_input=False``.

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
        self.model = get_model(model_name, weights=None, **{**AS_PUBLISHED.get(model_name, {}), **kwargs})
        self.num_classes = kwargs.get('num_classes', 1000)  # torchvision's own default
        self.loss_module = MMPRETRAIN_MODELS.build(loss or dict(type='CrossEntropyLoss', _scope_='mmpretrain'))
        self._register_state_dict_hook(self._remove_state_dict_prefix)
        self._register_load_state_dict_pre_hook(self._add_state_dict_prefix)
