"""Object detection as a task for semrestore: torchvision's detectors, boxes from masks, COCO's mean average precision."""

from semrestore_detection.boxes import BoxesFromMask, EmbeddedBoxes, PackBoxes, VOCBoxes
from semrestore_detection.detectors import DetectorTraining, build_detector
from semrestore_detection.evaluation import CocoAP
from semrestore_detection.task import DetectionTask

__all__ = [
    'BoxesFromMask',
    'CocoAP',
    'DetectionTask',
    'DetectorTraining',
    'EmbeddedBoxes',
    'PackBoxes',
    'VOCBoxes',
    'build_detector',
]
