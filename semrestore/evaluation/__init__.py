"""What a restored image is worth: image quality, and (through the task libraries' own metrics) recognition."""

from semrestore.evaluation.quality import ImageQuality, psnr, ssim, to_8_bit
from semrestore.evaluation.scores import (
    Confidence,
    MeanIoU,
    Score,
    ScoreMetric,
    TaskMetric,
    TopK,
    helped_and_harmed,
)

__all__ = [
    'Confidence',
    'ImageQuality',
    'MeanIoU',
    'Score',
    'ScoreMetric',
    'TaskMetric',
    'TopK',
    'helped_and_harmed',
    'psnr',
    'ssim',
    'to_8_bit',
]
