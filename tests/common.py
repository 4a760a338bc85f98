"""What several test modules use: the data folder, and a small classifier with its losses."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get('SEMRESTORE_DATA', 'data'))
needs_data = pytest.mark.skipif(
    not (DATA / 'heads').is_dir(), reason='SEMRESTORE_DATA names no folder with real photos and weights'
)

CLASSIFIER = dict(
    type='ImageClassifier',
    backbone=dict(type='MobileNetV2', widen_factor=0.1),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=7, in_channels=1280),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)
LOSSES = dict(
    reconstruction=dict(type='ReconstructionLoss'),
    perceptual=dict(type='PerceptualLoss', layers='backbone.layer2', weight=0.5),
    task=dict(type='TaskLoss', weight=0.25),
)
