"""Degraded to restored: one file a published method."""

from semrestore.denoisers.base import Denoiser
from semrestore.denoisers.bm3d import BM3D
from semrestore.denoisers.identity import Identity
from semrestore.denoisers.multiscale import MultiScaleDenoiser

__all__ = ['BM3D', 'Denoiser', 'Identity', 'MultiScaleDenoiser']
