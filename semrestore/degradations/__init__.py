"""Degrade clean images: one file for each physical cause."""

from semrestore.degradations.already import AlreadyDegraded
from semrestore.degradations.base import Degradation, Degraded, image_generator
from semrestore.degradations.blur import DefocusBlur, GaussianBlur
from semrestore.degradations.camera import CameraNoise
from semrestore.degradations.composition import DegradationChain, RandomDegradation
from semrestore.degradations.contrast import LowContrast
from semrestore.degradations.from_pairs import FromPairs
from semrestore.degradations.gaussian import GaussianNoise
from semrestore.degradations.haze import Haze
from semrestore.degradations.imagenet_c import ImageNetC
from semrestore.degradations.impulse import SaltAndPepper
from semrestore.degradations.jpeg import JPEG
from semrestore.degradations.low_light import LowLight
from semrestore.degradations.measured import MeasuredNoise, NoiseModel, measure_noise
from semrestore.degradations.motion import MotionBlur
from semrestore.degradations.resolution import LowResolution
from semrestore.degradations.signal_dependent import PoissonGaussianNoise, Speckle

__all__ = [
    'JPEG',
    'AlreadyDegraded',
    'CameraNoise',
    'DefocusBlur',
    'Degradation',
    'DegradationChain',
    'Degraded',
    'FromPairs',
    'GaussianBlur',
    'GaussianNoise',
    'Haze',
    'ImageNetC',
    'LowContrast',
    'LowLight',
    'LowResolution',
    'MeasuredNoise',
    'MotionBlur',
    'NoiseModel',
    'PoissonGaussianNoise',
    'RandomDegradation',
    'SaltAndPepper',
    'Speckle',
    'image_generator',
    'measure_noise',
]
