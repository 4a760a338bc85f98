"""Measure restored images: their quality, and (by the task libraries' own metrics) recognition."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from semrestore.evaluation.detection import CocoAP
    from semrestore.evaluation.harm import calibration_error, exact_p, helped_and_harmed
    from semrestore.evaluation.quality import ImageQuality, psnr, ssim, to_8_bit
    from semrestore.evaluation.scores import (
        Confidence,
        DepthAccuracy,
        MeanIoU,
        Score,
        ScoreMetric,
        TaskMetric,
        TopK,
    )

__all__ = [
    'CocoAP',
    'Confidence',
    'DepthAccuracy',
    'ImageQuality',
    'MeanIoU',
    'Score',
    'ScoreMetric',
    'TaskMetric',
    'TopK',
    'calibration_error',
    'exact_p',
    'helped_and_harmed',
    'psnr',
    'ssim',
    'to_8_bit',
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'detection': ['CocoAP'],
        'harm': ['calibration_error', 'exact_p', 'helped_and_harmed'],
        'quality': ['ImageQuality', 'psnr', 'ssim', 'to_8_bit'],
        'scores': [
            'Confidence',
            'DepthAccuracy',
            'MeanIoU',
            'Score',
            'ScoreMetric',
            'TaskMetric',
            'TopK',
        ],
    },
)
