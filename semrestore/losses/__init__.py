"""Define the terms of the joint loss: reconstruction, perceptual, task."""

from semrestore.losses.base import Loss
from semrestore.losses.perceptual import PerceptualLoss
from semrestore.losses.reconstruction import ReconstructionLoss
from semrestore.losses.step import Step, Supervision
from semrestore.losses.task import TaskLoss

__all__ = ['Loss', 'PerceptualLoss', 'ReconstructionLoss', 'Step', 'Supervision', 'TaskLoss']
