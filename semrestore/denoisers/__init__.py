"""Restore degraded images: one file for each published method."""

from semrestore.denoisers.base import Denoiser
from semrestore.denoisers.bm3d import BM3D
from semrestore.denoisers.dncnn import DnCNN
from semrestore.denoisers.drunet import DRUNet
from semrestore.denoisers.ffdnet import FFDNet
from semrestore.denoisers.identity import Identity
from semrestore.denoisers.mcwnnm import MCWNNM
from semrestore.denoisers.module import ModuleDenoiser
from semrestore.denoisers.multiscale import MultiScaleDenoiser
from semrestore.denoisers.noise_level import estimate_sigma
from semrestore.denoisers.spandrel import SpandrelRestorer
from semrestore.denoisers.wavelet import Wavelet

__all__ = [
    'BM3D',
    'MCWNNM',
    'DRUNet',
    'Denoiser',
    'DnCNN',
    'FFDNet',
    'Identity',
    'ModuleDenoiser',
    'MultiScaleDenoiser',
    'SpandrelRestorer',
    'Wavelet',
    'estimate_sigma',
]
