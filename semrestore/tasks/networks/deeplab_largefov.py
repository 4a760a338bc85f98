"""Define DeepLab-LargeFOV on VGG-16 (Chen et al., ICLR 2015), the paper's segmentation network, for mmseg."""

from typing import Any

from mmpretrain.models.backbones import VGG
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from semrestore.registry import MODELS


@MODELS.register_module()
class LargeFOVVGG16(VGG):
    """VGG-16 at output stride 8: pool4 and pool5 keep the size, conv5 is dilated by 2.

    Every pooling has a 3 x 3 window padded by 1, as in the released networks: 321 pixels become 161, 81, 41 and stay
    41. Layers are named as in mmpretrain's VGG, whose ImageNet weights load (``features.8`` is relu3_3).

    Args:
        init_cfg: How its own training starts; at random by default.
        **kwargs: Of mmpretrain's VGG, such as ``norm_cfg`` and ``frozen_stages``.
    """

    def __init__(self, init_cfg: dict | None = None, **kwargs: Any) -> None:
        init_cfg = init_cfg or dict(type='Kaiming', layer=['Conv2d'])
        super().__init__(depth=16, dilations=(1, 1, 1, 1, 2), out_indices=(4,), init_cfg=init_cfg, **kwargs)
        pools = [index for index, layer in enumerate(self.features) if isinstance(layer, nn.MaxPool2d)]
        for index, stride in zip(pools, (2, 2, 2, 1, 1), strict=True):
            self.features[index] = nn.MaxPool2d(3, stride=stride, padding=1)


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """fc6 as a 3 x 3 convolution dilated by 12, fc7 as 1 x 1, both with 1024 channels, and the 1 x 1 classifier.

    Dropout of 0.5 follows both. The fully connected CRF of the publication is left out, as in Liu et al.
    """

    def __init__(
        self,
        in_channels: int = 512,
        channels: int = 1024,
        num_classes: int = 21,
        dropout_ratio: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, channels, num_classes=num_classes, dropout_ratio=dropout_ratio, **kwargs)
        self.fc6 = nn.Conv2d(in_channels, channels, 3, padding=12, dilation=12)
        self.fc7 = nn.Conv2d(channels, channels, 1)
        self.relu = nn.ReLU(inplace=True)
        # Drops single values as in Caffe; mmseg's dropout drops whole channels. The classifier applies it after fc7.
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the class scores ``(N, num_classes, H, W)`` of features ``(N, in_channels, H, W)``."""
        features = self.dropout(self.relu(self.fc6(self._transform_inputs(inputs))))
        return self.cls_seg(self.relu(self.fc7(features)))
