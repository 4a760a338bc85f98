"""DeepLabv3 on MobileNetV2 as TensorFlow's model zoo built it (Chen et al., arXiv:1706.05587).

mmseg has both parts; here is what it builds otherwise: every block of a stage is dilated, and the head has no dilated
branches.
"""

from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.backbones import MobileNetV2
from mmseg.models.decode_heads import ASPPHead
from mmseg.models.utils import InvertedResidual
from torch import Tensor, nn

from semrestore.registry import MODELS


@MODELS.register_module()
class SlimMobileNetV2(MobileNetV2):
    """mmseg's MobileNetV2 at output stride 8, dilated by the rule of TF-slim.

    mmseg dilates the first block of a stage alone. Here the strides of the fourth and sixth stages become dilation of
    all blocks behind them: 1, 2, 2, 2 in the fourth stage, 2 in the fifth and in the first block of the sixth, then 4.

    Args:
        widen_factor: As in mmseg; channels are rounded to multiples of 8.
        **kwargs: ``conv_cfg``, ``norm_cfg``, ``act_cfg`` and ``init_cfg`` of mmseg's class.
    """

    in_channels: int

    def __init__(self, widen_factor: float = 1.0, **kwargs: Any) -> None:
        self._rate = 1
        super().__init__(widen_factor=widen_factor, strides=(1, 2, 2, 1, 1, 1, 1), out_indices=(6,), **kwargs)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the last stage's features as a tuple of one, as mmseg's heads take them."""
        return (super().forward(x),)

    def make_layer(
        self, out_channels: int, num_blocks: int, stride: int, dilation: int, expand_ratio: int
    ) -> nn.Sequential:
        """Stack the blocks of one stage; ``dilation`` is not used."""
        stage = sum(hasattr(self, f'layer{i}') for i in range(1, 8))
        halves_in_tensorflow = stage in (1, 2, 3, 5)
        blocks = []
        for index in range(num_blocks):
            first = index == 0
            blocks.append(
                InvertedResidual(
                    self.in_channels,
                    out_channels,
                    stride if first else 1,
                    expand_ratio,
                    dilation=self._rate,
                    conv_cfg=self.conv_cfg,
                    norm_cfg=self.norm_cfg,
                    act_cfg=self.act_cfg,
                )
            )
            if first and halves_in_tensorflow and stride == 1:
                self._rate *= 2
            self.in_channels = out_channels
        return nn.Sequential(*blocks)


@MODELS.register_module()
class ASPPLiteHead(ASPPHead):
    """mmseg's ASPP head with the pooled image and one 1 x 1 branch, projected by a 1 x 1 convolution."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(dilations=(1,), **kwargs)
        self.bottleneck = ConvModule(
            2 * self.channels, self.channels, 1, conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg
        )
