"""The frozen networks that look at the restored image."""

from semrestore.tasks import networks
from semrestore.tasks.base import FrozenTask
from semrestore.tasks.openmmlab import OpenMMLabTask

__all__ = ['FrozenTask', 'OpenMMLabTask', 'networks']
