"""Run the frozen networks that look at the restored image."""

from semrestore.tasks import networks
from semrestore.tasks.base import FrozenTask
from semrestore.tasks.openmmlab import OpenMMLabTask
from semrestore.tasks.scoring import ScoringTask
from semrestore.tasks.torchvision import TorchvisionTask
from semrestore.tasks.transformers import TransformersTask

__all__ = ['FrozenTask', 'OpenMMLabTask', 'ScoringTask', 'TorchvisionTask', 'TransformersTask', 'networks']
