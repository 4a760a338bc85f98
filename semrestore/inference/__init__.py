"""For people with images: denoise whatever they have, and put a denoiser before a network of their own."""

from semrestore.inference.before import DenoiseBefore
from semrestore.inference.inferencer import DenoiseInferencer

__all__ = ['DenoiseBefore', 'DenoiseInferencer']
