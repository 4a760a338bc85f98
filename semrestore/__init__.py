"""semrestore: train an image denoiser for the frozen network that will look at the image."""

__version__ = '0.1.0'


def __getattr__(name: str) -> object:
    if name == 'load_denoiser':  # only now, since it imports PyTorch
        from semrestore.zoo import load_denoiser

        return load_denoiser
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
