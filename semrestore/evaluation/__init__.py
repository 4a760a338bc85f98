"""What a restored image is worth: image quality, and (through the task libraries' own metrics) recognition."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'quality': ['ImageQuality', 'psnr', 'ssim', 'to_8_bit'],
        'scores': ['Confidence', 'MeanIoU', 'Score', 'ScoreMetric', 'TaskMetric', 'TopK', 'helped_and_harmed'],
    },
)
