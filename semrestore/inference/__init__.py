"""Denoise a user's images, and put a denoiser before a user's network."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from semrestore.inference.before import DenoiseBefore
    from semrestore.inference.inferencer import DenoiseInferencer

__all__ = ['DenoiseBefore', 'DenoiseInferencer']

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={'before': ['DenoiseBefore'], 'inferencer': ['DenoiseInferencer']}
)
