"""What several test modules use: the data folder, and a small classifier with its losses."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper

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


def train(cascade, batch, steps=3):
    optimizer = OptimWrapper(torch.optim.AdamW(cascade.parameters(), 1e-3))
    cascade.train()
    return [cascade.train_step(batch, optimizer) for _ in range(steps)]


@torch.no_grad()
def balance(task, *images):
    """Let the scores of CLASSIFIER differ from image to image: as drawn, they differ by no more than 1e-6."""
    head = task.network.head.fc
    head.weight /= task.run(torch.cat(images)).std(0).mean()
    head.bias -= task.run(torch.cat(images)).mean(0)


def count_passes(network):
    passes = []
    network.backbone.conv1.register_forward_hook(lambda *_: passes.append('conv1'))
    network.backbone.layer4.register_forward_hook(lambda *_: passes.append('layer4'))
    return passes
