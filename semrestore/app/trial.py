"""One photo at a time: noise is added, a denoiser takes it away, and a frozen network looks at all versions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.colors import to_hex
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import center_crop, resize, to_tensor

from semrestore.config.named import CARRIED, NamedTask, named_task
from semrestore.degradations import CameraNoise, Degradation, DegradationChain, GaussianNoise, PoissonGaussianNoise
from semrestore.degradations.base import image_generator
from semrestore.errors import UserError
from semrestore.evaluation import psnr
from semrestore.images import Picture, decode
from semrestore.images.photo import as_photo
from semrestore.images.read import TooManyPixelsError
from semrestore.inference import DenoiseInferencer
from semrestore.inference.pictures import Item
from semrestore.registry import MODELS
from semrestore.weights.carriers import CARRIERS, is_installed
from semrestore.weights.zoo import DEFAULT

__all__ = ['NOISES', 'Limits', 'Restored', 'Segments', 'Trial', 'installed_networks']

NOISES = dict(none='as it is', white='white', sensor='sensor', camera='camera', jpeg='white, then JPEG')
"""Kinds of noise, and what the page calls them."""

SHORT_SIDE = 256
"""Pixels on the shorter side of a photo that is shrunk first: about what classifiers look at."""

LONGEST = 20
"""How many times as long as wide a photo may be for a network, which enlarges it by its shorter side."""

TOP = 5
BACKGROUND = 'background'
COLOURS = [to_hex(colormaps['tab20'](index)) for index in range(20)]


class Limits(NamedTuple):
    """Bound the photos that are taken, and the time for each."""

    megapixels: float = 24
    megabytes: float = 50
    seconds: float = 120
    """Time to restore one photo; checked between its tiles."""


class Restored(NamedTuple):
    """A photo before and after: upright 8-bit RGB of shape ``(H, W, 3)``."""

    noisy: np.ndarray
    restored: np.ndarray
    clean: np.ndarray | None
    """``None`` if no noise was added, because nobody knows it then."""

    file: Path
    """PNG of the restored photo at full resolution."""

    seconds: float

    @property
    def quality(self) -> tuple[float, float] | None:
        """PSNR in dB of the noisy and of the restored photo, if the clean one is known."""
        if self.clean is None:
            return None
        clean, noisy, restored = (_tensor(one) for one in (self.clean, self.noisy, self.restored))
        return psnr(noisy, clean), psnr(restored, clean)


class Segments(NamedTuple):
    """What a segmenter sees."""

    image: np.ndarray
    """What it looked at: RGB ``(H, W, 3)``, uint8."""

    masks: dict[str, np.ndarray]
    """A mask ``(H, W)`` for each class but the background."""

    colours: dict[str, str]
    """The colour of each class, the same for every photo."""


def installed_networks() -> list[str]:
    """Return the networks whose weights an installed package carries, so that nothing is downloaded for them."""
    return [name for name, carrier in reversed(CARRIED.items()) if is_installed(CARRIERS[carrier])]


def named_network(text: str) -> NamedTask:
    """Return the network of ``NAME`` or ``NAME=WEIGHTS``; see :func:`~semrestore.config.named.named_task`."""
    name, _, checkpoint = text.partition('=')
    return named_task(name, checkpoint or None)


class Trial:
    """Restore photos and show them to networks, one after another. The denoiser and the network used last stay loaded.

    Args:
        limits: The largest photo that is taken, and the longest time for it.
        device: Such as ``'cuda:1'``; a GPU by default if there is one.
    """

    def __init__(self, limits: Limits = Limits(), device: str | None = None) -> None:  # noqa: B008 (immutable)
        self.limits = limits
        self.device = device
        self._folder = TemporaryDirectory(prefix='semrestore-')
        self._inferencer: tuple[str, DenoiseInferencer] | None = None
        self._network: tuple[str, Network] | None = None

    def restore(
        self, file: str | Path, noise: str = 'none', level: float = 30, weights: str = DEFAULT, shrink: bool = False
    ) -> Restored:
        """Restore a photo, with noise added to it or as it is.

        As it is, it keeps what ``semrestore denoise`` keeps: 16 bits, alpha, ICC profile, EXIF data. Noise is added to
        the upright 8-bit RGB photo, the same noise each time.

        Args:
            file: The photo's file. Of an animated image the first frame is taken.
            noise: One of :data:`NOISES`.
            level: Standard deviation of the noise at half brightness, on 0..255.
            weights: A published name or a file.
            shrink: Reduce a larger photo first to 256 pixels on its shorter side.

        Raises:
            UserError: The file cannot be read or is larger than the limits, or restoring it takes longer.
        """
        picture = self._read(Path(file))
        clean = None
        if noise != 'none' or shrink:
            photo = as_photo(picture)
            if shrink and min(photo.shape[:2]) > SHORT_SIDE:
                photo = np.asarray(resize(Image.fromarray(photo), SHORT_SIDE, InterpolationMode.BICUBIC))
            clean = None if noise == 'none' else photo
            # A copy, because a picture is restored in its own memory.
            picture = Picture(photo.copy() if clean is None else add_noise(photo, noise, level), name=picture.name)
        noisy = as_photo(picture).copy()
        inferencer = self._denoiser(weights)
        started = time.monotonic()
        with _deadline(inferencer.model, self.limits.seconds):
            (item,) = inferencer.restore([Item(picture)])
        seconds = time.monotonic() - started
        return Restored(noisy, as_photo(item.picture), clean, self._write(item.picture), seconds)

    def look(self, network: str, image: np.ndarray) -> dict[str, float] | Segments:
        """Return what a network sees in an image: the probabilities of up to five classes, or a segmentation.

        Args:
            network: ``NAME`` or ``NAME=WEIGHTS``, as :func:`~semrestore.config.named.named_task` takes them.
            image: RGB ``(H, W, 3)``, uint8.

        Raises:
            UserError: The network does not exist, its weights cannot be loaded, it is neither a classifier nor a
                segmenter, or the image is more than 20 times as long as wide.
        """
        if self._network is None or self._network[0] != network:
            self._network = None  # before the next is loaded
            self._network = (network, Network(network, self.device))
        return self._network[1].look(image)

    def _read(self, file: Path) -> Picture:
        megabytes = file.stat().st_size / 1e6
        if megabytes > self.limits.megabytes:
            raise UserError(
                f"'{file.name}' has {megabytes:.3g} MB; expected at most {self.limits.megabytes:g}. Take a smaller file"
            )
        try:
            with _at_most(self.limits.megapixels):
                return decode(file.read_bytes(), file.name)
        except TooManyPixelsError:
            raise UserError(
                f"'{file.name}' is too large; expected at most {self.limits.megapixels:g} megapixels. Take a smaller"
                ' photo'
            ) from None

    def _denoiser(self, weights: str) -> DenoiseInferencer:
        if self._inferencer is None or self._inferencer[0] != weights:
            self._inferencer = None  # before the next is loaded
            self._inferencer = (weights, DenoiseInferencer(weights, device=self.device))
        return self._inferencer[1]

    def _write(self, picture: Picture) -> Path:
        folder = Path(self._folder.name)
        for old in folder.iterdir():  # the page has a copy of its own
            old.unlink()
        file = folder / f'{Path(picture.name).stem}-restored.png'
        picture.save(file)
        return file


def add_noise(photo: np.ndarray, kind: str, level: float) -> np.ndarray:
    """Return a photo ``(H, W, 3)`` of uint8 with noise, clipped and rounded as a file stores it.

    Args:
        photo: The clean photo.
        kind: One of :data:`NOISES`.
        level: Standard deviation of the noise at half brightness, on 0..255; 0 adds none.
    """
    if level == 0:
        return photo.copy()
    noisy = _degradation(kind, level)(_tensor(photo)[None] / 255, [image_generator(0, 'photo')])[0][0]
    return noisy.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()


def _degradation(kind: str, level: float) -> Degradation:
    """Return the noise of that name in ``configs/_base_/degradations``, at another level."""
    if kind == 'sensor':
        share = level / 25.3
        return PoissonGaussianNoise(gain=0.018 * share**2, read=0.03 * share)
    if kind == 'camera':
        share = level / 11.4
        camera = dict(smooth=0.4, chroma=1.6, chroma_smooth=1.5, tone=0.7, quantise=True)
        noise = dict(type=CameraNoise.__name__, shot=6e-3 * share**2, read=5e-5 * share**2, **camera)
        return _chain(noise, dict(type='JPEG', quality=95))
    if kind == 'jpeg':
        noise = dict(type=GaussianNoise.__name__, sigma=level, quantise=True, grey=True)
        return _chain(noise, dict(type='JPEG', quality=40))
    return GaussianNoise(level, grey=True)


def _chain(*steps: dict) -> Degradation:
    with DefaultScope.overwrite_default_scope('semrestore'):
        return DegradationChain(steps)


@contextmanager
def _at_most(megapixels: float) -> Iterator[None]:
    """Make Pillow refuse larger images."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = int(megapixels * 1e6 / 2)  # Pillow refuses at twice this
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _deadline(model: nn.Module, seconds: float) -> Iterator[None]:
    """Raise a :class:`UserError` at the first tile that would start after ``seconds``."""
    end = time.monotonic() + seconds

    def check(*_: object) -> None:
        if time.monotonic() > end:
            raise UserError(
                f'restoring the photo took too long; expected at most {seconds:g} seconds. Take a smaller photo, or'
                ' shrink it first'
            )

    handle = model.register_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


class Network:
    """Show photos to a frozen network, at the size that it is evaluated at.

    Args:
        name: As for :meth:`Trial.look`.
        device: As for :class:`Trial`.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name = name
        self.device = device or get_device()
        self.named = named_network(name)
        with DefaultScope.overwrite_default_scope('semrestore'):
            self.task = MODELS.build(dict(self.named.task)).eval().to(self.device)

    @torch.no_grad()
    def look(self, image: np.ndarray) -> dict[str, float] | Segments:
        """See :meth:`Trial.look`."""
        seen = self._prepared(Image.fromarray(image))
        (sample,) = self.task.predict(to_tensor(seen)[None].to(self.device), [DataSample()])
        if 'pred_sem_seg' in sample:
            labels = sample.pred_sem_seg.data[0].cpu().numpy()
            found = {index: self._class(index) for index in np.unique(labels) if self._class(index) != BACKGROUND}
            masks = {name: labels == index for index, name in found.items()}
            return Segments(np.asarray(seen), masks, {name: COLOURS[index % 20] for index, name in found.items()})
        if 'pred_score' not in sample:
            raise UserError(
                f"the network '{self.name}' is neither a classifier nor a segmenter; expected one of these. Choose"
                ' another network'
            )
        scores = sample.pred_score.flatten().cpu()
        values, indices = scores.topk(min(TOP, len(scores)))
        # Two classes of ImageNet are called crane: the more probable one comes last, and stays.
        pairs = zip(indices.flip(0).tolist(), values.flip(0).tolist(), strict=True)
        return {self._class(index): value for index, value in pairs}

    def _prepared(self, photo: Image.Image) -> Image.Image:
        if max(photo.size) > LONGEST * min(photo.size):
            raise UserError(
                f'the photo has {photo.width} x {photo.height} pixels; expected at most {LONGEST} times as long as wide'
                ' for a network. Crop the photo, or choose no network'
            )
        named = self.named
        seen = resize(photo, named.short_side, InterpolationMode(named.interpolation))
        # Segmenters look at the whole photo, and a processor of transformers crops by itself.
        whole = self.task.score != 'TopK' or named.task.get('resize')
        return seen if whole else center_crop(seen, [named.side, named.side])

    def _class(self, index: int) -> str:
        names = self.classes
        return names[index].split(',')[0] if index < len(names) else f'class {index}'

    @cached_property
    def classes(self) -> Sequence[str]:
        """Names of the classes, as far as they are known."""
        config = getattr(getattr(self.task, 'network', None), 'config', None)
        if known := getattr(config, 'id2label', None):  # a network of transformers
            return [known[index] for index in sorted(known)]
        if self.task.num_classes == 1000:
            from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

            return IMAGENET_CATEGORIES
        if self.task.num_classes == 21:
            from mmseg.utils import get_classes

            return get_classes('voc')
        return ()


def _tensor(photo: np.ndarray) -> Tensor:
    return torch.from_numpy(photo.copy()).permute(2, 0, 1).float()
