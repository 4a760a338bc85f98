"""Put a trained denoiser before any network, with the network's own normalisation."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semrestore.acceleration import InferenceDenoiser
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError
from semrestore.evaluation.gates import noise_levels, parse_gate
from semrestore.limits import doubt
from semrestore.weights.build import load_denoiser
from semrestore.weights.zoo import PURPOSES

__all__ = ['DenoiseBefore']


class DenoiseBefore(nn.Module):
    """Run a network behind a denoiser. You call it as you called the network.

    It takes what the network takes: images normalised by ``mean`` and ``std``. They are brought back to 0..1, denoised,
    normalised again and handed on. The denoiser is never trained; the network is whatever its owner makes of it.

    Args:
        network: Any module whose first argument is a batch of RGB images ``(N, 3, H, W)``.
        denoiser: A published name, a checkpoint's file, or a :class:`~semrestore.denoisers.Denoiser`; by default the
            weights for recognition, at any noise level. A file of another project's restorer is taken, too
            (:class:`~semrestore.denoisers.SpandrelRestorer`).
        mean: Of the normalisation, on 0..1, one a channel. By default what ``transforms`` says, or timm's
            ``pretrained_cfg`` of the network.
        std: The same.
        transforms: What prepares images for the network: torchvision's weights or their ``transforms()``, a ``Compose``
            with a ``Normalize`` (as ``timm.data.create_transform`` returns), or the processor of a network of
            transformers (``AutoImageProcessor.from_pretrained(NAME)``). If that one flips the channels to BGR, the
            denoiser still sees RGB.
        sigma: Standard deviation of the noise on 0..255, for denoisers that need it.
        gate: When to leave an image alone: ``'noise:SIGMA'`` denoises only images whose estimated noise is at least
            SIGMA on 0..255. ``'confidence:MARGIN'`` runs the network on both versions of the images, and returns what
            it says of the denoised one only if its first guess is more probable by more than MARGIN; the network has
            to return class scores ``(N, classes)`` before the softmax.
        dtype: Compute the denoiser in this dtype: ``torch.bfloat16`` or ``torch.float16`` where the device is faster
            so. The network computes in its own dtype.

    Raises:
        UserError: The normalisation is unknown, the weights cannot be loaded, or the gate does not exist.

    >>> network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> robust = DenoiseBefore(network, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    >>> robust(torch.randn(2, 3, 64, 48)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        network: nn.Module,
        denoiser: str | Denoiser = PURPOSES['recognition'],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        transforms: object | None = None,
        sigma: float | None = None,
        gate: str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not isinstance(dtype, torch.dtype):
            raise UserError(f'dtype is {dtype!r}; expected one of PyTorch, such as torch.bfloat16')
        if sigma is not None and not isinstance(sigma, int | float):
            raise UserError(f'sigma is {sigma!r}; expected a number on 0..255, or None for a blind denoiser')
        self.gate = None if gate is None else parse_gate(gate, 'gate')
        mean, std = _normalisation(network, mean, std, transforms)
        self.network = network
        self.denoiser = InferenceDenoiser(load_denoiser(denoiser), dtype)
        self.denoiser.to(next(network.parameters(), torch.zeros(())).device)
        self.mean, self.std = mean, std
        self.bgr = bool(getattr(transforms, 'do_flip_channel_order', False))
        if sigma is not None and (reason := doubt(sigma)):
            warnings.warn(reason, stacklevel=2)
        self.sigma = None if sigma is None else sigma / 255
        self._looked = False  # at the first images, which costs a wait on a GPU

    def forward(self, *arguments: Any, **options: Any) -> object:
        """Denoise normalised images and return the network's result.

        They are the first argument, by whatever name the network calls it: a batch ``(N, 3, H, W)``, or a list of
        images ``(3, H, W)`` as torchvision's detectors take. Their dtype is kept. No gradient passes through the
        denoiser back to the images.

        Raises:
            UserError: There are no images among the arguments, or they are not normalised RGB images.
        """
        if arguments and arguments[0] is not None:
            return self._run(arguments[0], lambda images: self.network(images, *arguments[1:], **options))
        name = next((name for name, value in options.items() if _is_images(value)), None)
        if name is None:
            raise UserError('DenoiseBefore was called without images; expected them as the first argument')
        return self._run(options[name], lambda images: self.network(*arguments, **{**options, name: images}))

    def _run(self, images: Any, network: Callable[[Any], Any]) -> object:
        restored = network(self._restored(images))
        if self.gate is None or self.gate.kind != 'confidence':
            return restored
        plain = network(images)
        if not all(isinstance(scores, Tensor) and scores.ndim == 2 for scores in (plain, restored)):
            raise UserError(
                f"gate '{self.gate}' needs a network that returns a tensor of class scores (N, classes), but this"
                f' one returns {type(plain).__name__}. Use noise:SIGMA instead'
            )
        sure, surer = (scores.detach().float().softmax(1).amax(1) for scores in (plain, restored))
        return torch.where((surer > sure + self.gate.threshold)[:, None], restored, plain)

    def _restored(self, images: Any) -> Any:
        if isinstance(images, list | tuple):
            return type(images)(self._restored(image[None])[0] for image in images)
        if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            shape = f' of shape {tuple(images.shape)} and {images.dtype}' if isinstance(images, Tensor) else ''
            raise UserError(
                f'DenoiseBefore was given a {type(images).__name__}{shape}; expected normalised RGB images (N, 3, H, W)'
                ' in floating point'
            )
        # In float32 even if the network uses half precision, which would change the noise.
        mean, std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (self.mean, self.std))
        noisy = images.float() * std + mean
        if not self._looked and noisy.numel() and not torch.compiler.is_compiling():
            self._looked = True
            _warn_of_scale(noisy)
        levels = noise_levels(noisy) if self.gate is not None and self.gate.kind == 'noise' else None
        if self.gate is None or levels is None:
            return ((self._denoised(noisy) - mean) / std).to(images.dtype)
        chosen = levels >= self.gate.threshold
        result = images.clone()
        if chosen.any():
            result[chosen] = ((self._denoised(noisy[chosen]) - mean) / std).to(images.dtype)
        return result

    def _denoised(self, images: Tensor) -> Tensor:
        if not self.bgr:
            return self.denoiser(images, self.sigma)
        return self.denoiser(images.flip(1), self.sigma).flip(1)

    def _apply(self, fn: Callable, recurse: bool = True) -> 'DenoiseBefore':
        # half() and similar calls are for the network.
        super()._apply(fn, recurse)
        self.denoiser.float()
        return self

    def train(self, mode: bool = True) -> 'DenoiseBefore':
        """Put the network into training mode; the denoiser stays in evaluation mode."""
        super().train(mode)
        self.denoiser.eval()
        return self


def _warn_of_scale(images: Tensor) -> None:
    """Warn if images that should be in 0..1, with noise, are on another scale."""
    low, high = images.min().item(), images.max().item()
    if low < -3 or high > 4:
        warnings.warn(
            f'the images are {low:.1f} to {high:.1f} after mean and std are taken back; expected about 0 to 1.'
            ' Normalise them as the network expects, from pixels in 0..1',
            stacklevel=5,
        )


def _is_images(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, Tensor) and one.ndim == 3 and len(one) == 3 for one in value)
    return isinstance(value, Tensor) and value.ndim == 4 and value.shape[1] == 3


def _normalisation(
    network: nn.Module, mean: Sequence[float] | None, std: Sequence[float] | None, transforms: object | None
) -> tuple[list[float], list[float]]:
    found = dict(getattr(network, 'pretrained_cfg', None) or {})
    if transforms is not None:
        transforms = getattr(transforms, 'image_processor', transforms)  # from a processor that prepares texts as well
        steps = getattr(transforms, 'transforms', None)
        if callable(steps):  # of torchvision's weights
            transforms = steps()
        elif steps is not None:  # of a Compose
            transforms = next((step for step in steps if hasattr(step, 'mean') and hasattr(step, 'std')), transforms)
        # transformers has image_mean where torchvision has mean.
        found = {
            name: getattr(transforms, name, getattr(transforms, f'image_{name}', None)) for name in ('mean', 'std')
        }
        if not getattr(transforms, 'do_normalize', True):  # it has a mean and std, and does not use them
            found = dict(mean=(0, 0, 0), std=(1, 1, 1))
        again = getattr(transforms, 'image_std', None) if getattr(transforms, 'include_top', False) else None
        if again is not None:  # EfficientNet's processor divides by it once more
            found['std'] = [one * other for one, other in zip(found['std'], again, strict=True)]
        if mean is None or std is None:
            _check_rescaling(transforms)
    mean = found.get('mean') if mean is None else mean
    std = found.get('std') if std is None else std
    if mean is None or std is None:
        raise UserError(
            'the network does not say how it normalises its images. Give mean and std on 0..1, or transforms:'
            " torchvision's weights.transforms() or a processor of transformers. If the network takes images in"
            ' 0..1, give mean=(0, 0, 0), std=(1, 1, 1)'
        )
    mean, std = ([float(value) for value in np.atleast_1d(values)] for values in (mean, std))
    if len(mean) != 3 or len(std) != 3 or not 0 < min(std) <= max(std) <= 1 or not 0 <= min(mean) <= max(mean) <= 1:
        raise UserError(
            f'mean is {mean} and std {std}; expected three numbers each on 0..1, with std above 0. If yours are'
            ' on 0..255, divide both by 255'
        )
    return mean, std


def _check_rescaling(processor: object) -> None:
    """Raise a :class:`UserError` if a processor of transformers does not scale 0..255 to 0..1."""
    for name, expected in (('do_rescale', True), ('rescale_factor', 1 / 255), ('rescale_offset', False)):
        value = getattr(processor, name, None)
        if value is not None and not math.isclose(value, expected, rel_tol=1e-6):
            raise UserError(
                f'the processor has {name}={value}; expected do_rescale=True, rescale_factor=1/255 and no'
                ' rescale_offset, so that mean and std are on 0..1. Give mean and std yourself'
            )
