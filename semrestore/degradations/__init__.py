"""Clean to degraded: one file a physical cause."""

from semrestore.degradations.base import Degradation, Degraded, image_generator
from semrestore.degradations.gaussian import GaussianNoise

__all__ = ['Degradation', 'Degraded', 'GaussianNoise', 'image_generator']
