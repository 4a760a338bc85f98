"""semrestore: train an image denoiser for the frozen network that will look at the image."""

__version__ = '0.1.0'
