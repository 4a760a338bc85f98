"""Clean to degraded: one file a physical cause."""

from semrestore.degradations.base import Degradation, Degraded, image_generator
from semrestore.degradations.camera import CameraNoise
from semrestore.degradations.composition import DegradationChain, RandomDegradation
from semrestore.degradations.from_pairs import FromPairs
from semrestore.degradations.gaussian import CorrelatedNoise, GaussianNoise
from semrestore.degradations.impulse import SaltAndPepper
from semrestore.degradations.jpeg import JPEG
from semrestore.degradations.measured import MeasuredNoise, NoiseModel, measure_noise
from semrestore.degradations.signal_dependent import PoissonGaussianNoise, Speckle

__all__ = [
    'JPEG',
    'CameraNoise',
    'CorrelatedNoise',
    'Degradation',
    'DegradationChain',
    'Degraded',
    'FromPairs',
    'GaussianNoise',
    'MeasuredNoise',
    'NoiseModel',
    'PoissonGaussianNoise',
    'RandomDegradation',
    'SaltAndPepper',
    'Speckle',
    'image_generator',
    'measure_noise',
]
