"""Make a trained network faster: fold batch normalisation, merge linear layers, choose the memory format."""

from semrestore.acceleration.folding import fold_batch_norms
from semrestore.acceleration.inference_denoiser import InferenceDenoiser, fused
from semrestore.acceleration.memory_format import allow_channels_last

__all__ = ['InferenceDenoiser', 'allow_channels_last', 'fold_batch_norms', 'fused']
