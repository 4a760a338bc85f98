"""Build torchvision's detectors by name, and train them on clean photos."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import timm
import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn
from torchvision.models import detection, get_model
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

from semrestore.errors import UserError
from semrestore.registry import MODELS
from semrestore.weights.task_networks import load_network

OURS = 'fcos_efficientnet_lite0'
STRIDES = (8, 16, 32, 64, 128)


def build_detector(name: str, num_classes: int = 91, backbone: str = 'random') -> nn.Module:
    """Build a detector without weights.

    Args:
        name: One of torchvision's, such as ``'fasterrcnn_mobilenet_v3_large_320_fpn'``, or
            ``'fcos_efficientnet_lite0'``: its FCOS (Tian et al., ICCV 2019) on timm's EfficientNet-Lite0 with a feature
            pyramid of 128 channels, for images of about 320 pixels.
        num_classes: With the background, as torchvision counts: 91 for COCO.
        backbone: Weights of the backbone of ``'fcos_efficientnet_lite0'``: ``'efficientnet-lite0'`` (ImageNet's) or
            ``'random'``.
    """
    if name == OURS:
        body = _EfficientNetPyramid(backbone)
        sizes = tuple((stride,) for stride in STRIDES)
        anchors = detection.anchor_utils.AnchorGenerator(sizes, ((1.0,),) * len(STRIDES))
        preprocessing = dict(min_size=320, max_size=320, image_mean=[127 / 255] * 3, image_std=[128 / 255] * 3)
        return detection.FCOS(body, num_classes, anchor_generator=anchors, **preprocessing)
    return get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)


class _EfficientNetPyramid(nn.Module):
    out_channels = 128

    def __init__(self, weights: str) -> None:
        super().__init__()
        whole = timm.create_model('tf_efficientnet_lite0')
        load_network(whole, weights)
        self.body = timm.create_model('tf_efficientnet_lite0', features_only=True, out_indices=(2, 3, 4))
        own = self.body.state_dict()
        self.body.load_state_dict({key: value for key, value in whole.state_dict().items() if key in own})
        extra = LastLevelP6P7(self.out_channels, self.out_channels)
        self.pyramid = FeaturePyramidNetwork(self.body.feature_info.channels(), self.out_channels, extra)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.pyramid({str(level): feature for level, feature in enumerate(self.body(images))})


@contextmanager
def loss_mode(network: nn.Module) -> Iterator[None]:
    """Make a detector in eval mode return losses, although torchvision's only do so in training mode.

    Batch normalisation uses the flag, too, so it is set only in the parts that return losses.
    """
    own = (network, getattr(network, 'rpn', None), getattr(network, 'roi_heads', None))
    parts = [part for part in own if part is not None]
    before = [part.training for part in parts]
    try:
        for part in parts:
            part.training = True
        yield
    finally:
        for part, training in zip(parts, before, strict=True):
            part.training = training


def detection_losses(network: nn.Module, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
    """Return a detector's own losses on a batch, by names that contain ``loss``.

    Raises:
        UserError: The losses need more than boxes.
    """
    if isinstance(network, detection.MaskRCNN | detection.KeypointRCNN):
        raise UserError(
            f'the loss of a {type(network).__name__} needs masks or keypoints, and labels of detection are boxes;'
            ' expected a detector of boxes. Train through fasterrcnn_resnet50_fpn or another one'
        )
    targets = [
        dict(
            boxes=sample.gt_instances.bboxes.to(images).view(-1, 4),
            labels=sample.gt_instances.labels.to(images.device),
        )
        for sample in data_samples
    ]
    with loss_mode(network):
        losses = network(list(images), targets)
    return {f'loss_{name.removeprefix("loss_")}': value for name, value in losses.items()}


def detect(network: nn.Module, images: Tensor) -> list[InstanceData]:
    """Return a detector's boxes, labels (from 1) and scores in each image of a batch."""
    found = network(list(images))
    return [InstanceData(bboxes=one['boxes'], labels=one['labels'], scores=one['scores']) for one in found]


@MODELS.register_module()
class DetectorTraining(BaseModel):
    """Train a detector on clean photos. Batch normalisation stays fixed, because batches are small.

    Args:
        detector: Arguments of :func:`build_detector`.
        data_preprocessor: Config of :class:`~semrestore.preprocessor.ImagePreprocessor`.
    """

    def __init__(self, detector: dict, data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(MODELS.build(data_preprocessor or dict(type='ImagePreprocessor')), init_cfg)
        self.network = build_detector(**detector)

    def train(self, mode: bool = True) -> 'DetectorTraining':
        """Keep batch normalisation in eval mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, inputs: Any, data_samples: Any = (), mode: str = 'tensor') -> dict | list:
        """Return losses (``'loss'``) or data samples with ``pred_instances`` (``'predict'``) for RGB images, 0..1."""
        if mode == 'loss':
            return detection_losses(self.network, inputs, data_samples)
        with torch.no_grad():
            found = detect(self.network, inputs)
        for sample, instances in zip(data_samples, found, strict=True):
            sample.pred_instances = instances
        return list(data_samples)
