"""A frozen detector as a task."""

from collections.abc import Sequence

from mmengine.structures import BaseDataElement, InstanceData
from semrestore.registry import MODELS
from semrestore.tasks import FrozenTask
from semrestore.weights.task_networks import load_network
from torch import Tensor

from semrestore_detection.detectors import build_detector, detect, detection_losses


@MODELS.register_module()
class DetectionTask(FrozenTask):
    """A frozen detector of torchvision's.

    Data samples have ``gt_instances`` with ``bboxes`` (left, top, right, bottom) and ``labels`` from 1. Resizing and
    normalisation are the detector's own, differentiable and inside it.

    Args:
        detector: Arguments of :func:`~semrestore_detection.build_detector`.
        checkpoint: A checkpoint of :class:`~semrestore_detection.DetectorTraining`, or ``'random'``.
        self_label_threshold: Detections of this score and above are the labels of clean photos without any.
    """

    score = 'CocoAP'

    def __init__(self, detector: dict, checkpoint: str, self_label_threshold: float = 0.4) -> None:
        if not 0 <= self_label_threshold <= 1:
            raise ValueError(f'self_label_threshold is {self_label_threshold}; expected 0 to 1')
        network = build_detector(**detector)
        load_network(network, checkpoint, [(r'^network\.', '')])
        super().__init__(network)
        self.num_classes = detector['num_classes']
        self.self_label_threshold = self_label_threshold

    def run(self, images: Tensor) -> tuple:
        """Return what the detector finds, as a tuple: there are no scores of the whole image for a softmax."""
        return tuple(self.network(list(images)))

    def loss(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return the detector's classification and box losses."""
        return detection_losses(self.network, images, data_samples)

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return the samples with ``pred_instances``: ``bboxes``, ``labels`` and ``scores``."""
        for sample, instances in zip(data_samples, detect(self.network, images), strict=True):
            sample.pred_instances = instances
        return list(data_samples)

    def self_label(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> list[BaseDataElement]:
        """Return new samples whose ``gt_instances`` are the confident detections in clean images."""
        labelled = []
        for sample, found in zip(data_samples, detect(self.network, images), strict=True):
            sure = found[found.scores >= self.self_label_threshold]
            truth = InstanceData(bboxes=sure.bboxes, labels=sure.labels)
            labelled.append(BaseDataElement(metainfo=sample.metainfo, gt_instances=truth))
        return labelled
