"""Denoise files, folders, globs, arrays, PIL images and videos, and give each back as it came.

Three steps, each a generator over pictures: read, restore, write. So memory holds one batch, whatever the number of
files or frames.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import torch
from mmengine.device import get_device
from PIL import Image
from torch import Tensor

from semrestore.acceleration import InferenceDenoiser
from semrestore.denoisers import Denoiser, estimate_sigma
from semrestore.errors import UserError, explained
from semrestore.images import Picture, find, from_array, from_pil, read, tiles
from semrestore.images.film import writing_film
from semrestore.images.formats import VIDEOS
from semrestore.inference.targets import frame_path, targets
from semrestore.limits import LARGEST_SIGMA, doubt
from semrestore.weights.build import load_denoiser

__all__ = ['DenoiseInferencer', 'Item', 'estimate_level']

TILE = 512
SAMPLE_SIDE, SAMPLES = 256, 16  # of a large image, to estimate its noise


@dataclass(frozen=True)
class Item:
    """A picture on its way."""

    picture: Picture
    path: Path | None = None
    """Where it goes; ``None`` if it is handed back."""
    sigma: float | None = None
    """Noise level on 0..255 that it is restored with."""


Failed = Callable[[str], None] | None


class DenoiseInferencer:
    """Denoise images of any kind.

    Args:
        model: A published name, a checkpoint's file, a :class:`~semrestore.denoisers.Denoiser`, or ``None`` for a
            method without weights.
        config: Config of the denoiser, as in ``model.denoiser`` of a config file. Files that semrestore wrote need
            none.
        device: Such as ``'cuda:1'``; what there is by default.
        dtype: See :class:`~semrestore.acceleration.InferenceDenoiser`.
        ensemble: The same.
        tile: Side in pixels of the tiles that large images are denoised in, with the same result as in one piece.
            ``None`` does not cut, as for denoisers whose ``reach`` is not known.

    Raises:
        UserError: The weights are missing or another network's, the denoiser needs weights, or the device cannot be
            used.

    >>> inferencer = DenoiseInferencer('multiscale-sigma25', device='cpu')
    >>> noisy = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    >>> inferencer(noisy).shape
    (40, 60, 3)
    """

    def __init__(
        self,
        model: str | Path | Denoiser | None,
        config: dict | None = None,
        device: str | None = None,
        dtype: torch.dtype = torch.float32,
        ensemble: bool = False,
        tile: int | None = TILE,
    ) -> None:
        if tile is not None and tile < 1:
            raise UserError(f'the side of a tile is {tile}; expected at least 1 pixel, or None')
        self.tile = tile
        self.device = device or get_device()
        denoiser = load_denoiser(model, config)
        self.network = type(denoiser).__name__
        with explained(f"device '{self.device}' cannot be used"):
            self.model = InferenceDenoiser(denoiser, dtype=dtype, ensemble=ensemble).to(self.device)

    def __call__(self, inputs: object, sigma: float | str | None = None, batch_size: int = 8) -> object:
        """Denoise.

        Args:
            inputs: One or a list of: an array (``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``; uint8, uint16 or floats of
                0..1), a PIL image, or a file. Of a folder (searched recursively), a glob or a video, all images or
                frames are meant.
            sigma: Standard deviation of the noise on 0..255, for methods that need it; ``'auto'`` estimates it for each
                image.
            batch_size: Images of one size that go through the network together, if they are no larger than a tile.

        Returns:
            What was given, restored: for one array, PIL image or image file a PIL image or an array; otherwise a list
            in the same order.

        Raises:
            UserError: An input cannot be read or restored.
        """
        if isinstance(sigma, float) and (reason := doubt(sigma)):
            warnings.warn(reason, stacklevel=2)
        given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        restored = [item.picture.as_given() for item in self.restore(read_inputs(given), sigma, batch_size)]
        alone = not isinstance(inputs, list | tuple) and _is_one(inputs)
        return restored[0] if alone and len(restored) == 1 else restored

    def to_folder(
        self,
        inputs: object,
        out: str | Path,
        sigma: float | str | None = None,
        batch_size: int = 8,
        as_frames: bool = False,
    ) -> list[Path]:
        """Denoise files, folders, globs and videos into files, and return their paths.

        An image becomes a PNG, a film a film with its sound, which needs the extra ``video``.

        Args:
            inputs: As in calling, but no arrays and no PIL images.
            out: Folder for the files.
            sigma: As in calling.
            batch_size: The same.
            as_frames: Write a folder of PNG files for a film.

        Raises:
            UserError: An input cannot be read or restored, a file is there already, or a film cannot be written.
        """
        if isinstance(sigma, float) and (reason := doubt(sigma)):
            warnings.warn(reason, stacklevel=2)
        given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        files = [one for one in given if isinstance(one, str | Path)]
        if len(files) < len(given):
            raise UserError('to_folder takes files; call the inferencer with arrays and PIL images')
        pairs = list(targets(files, Path(out), as_frames=as_frames))
        written = write_files(self.restore(read_files(pairs), sigma, batch_size))
        return list(dict.fromkeys(item.path for item in written if item.path is not None))

    def restore(
        self, items: Iterable[Item], sigma: float | str | None = None, batch_size: int = 8, failed: Failed = None
    ) -> Iterator[Item]:
        """Yield items restored, with the noise level used; neighbours of one size go through together.

        Args:
            items: From :func:`read_inputs` or :func:`read_files`.
            sigma: As in calling.
            batch_size: The same.
            failed: Called with the message of each image that cannot be restored, instead of raising it.
        """
        check_level(sigma)
        if sigma is not None and not self.model.takes_sigma:
            print(f'note: sigma is not used, because {self.network} takes no noise level', file=sys.stderr)
            sigma = None
        levelled = self._with_levels(items, sigma, failed)
        for _, alike in groupby(levelled, lambda item: (item.picture.pixels.shape, item.picture.pixels.dtype)):
            for batch in _chunks(alike, batch_size, self.tile):
                try:
                    yield from self._restored(batch)
                except UserError as error:
                    if failed is None:
                        raise
                    if len(batch) == 1:
                        failed(str(error))
                        continue
                    yield from self._one_by_one(batch, failed)

    def _with_levels(self, items: Iterable[Item], sigma: float | str | None, failed: Failed) -> Iterator[Item]:
        for item in items:
            try:
                yield replace(item, sigma=_level(item.picture, sigma))
            except UserError as error:
                _report(error, failed)

    def _one_by_one(self, batch: Sequence[Item], failed: Callable[[str], None]) -> Iterator[Item]:
        """Retry a failed batch image by image, so that one bad image does not cost the others."""
        for item in batch:
            try:
                yield from self._restored([item])
            except UserError as error:
                failed(str(error))

    def _restored(self, batch: Sequence[Item]) -> list[Item]:
        pictures = self.forward([item.picture for item in batch], [item.sigma for item in batch])
        return [replace(item, picture=picture) for item, picture in zip(batch, pictures, strict=True)]

    def forward(self, pictures: Sequence[Picture], sigmas: Sequence[float | None]) -> list[Picture]:
        """Restore pictures of one size and dtype.

        A picture alone is restored in its own memory, unless it is a caller's array.

        Args:
            pictures: The pictures.
            sigmas: A noise level on 0..255 for each, or ``None``.

        Raises:
            UserError: The denoiser fails, or returns values that are no numbers.
        """
        known = None if None in sigmas else torch.tensor(sigmas, device=self.device) / 255
        first = pictures[0]
        own = len(pictures) == 1 and first.kind != 'array'
        pixels = first.pixels[None] if own else np.stack([picture.pixels for picture in pictures])
        height, width = pixels.shape[1:3]
        reach = self.model.reach
        side = max(height, width) if self.tile is None or reach is None else self.tile
        names = f"'{first.name}'" if len(pictures) == 1 else f'one of {len(pictures)} images from {first.name!r} on'
        waiting: list[tuple[slice, np.ndarray]] = []
        parts_by_band = groupby(
            tiles(height, width, side, reach or 0, self.model.stride), lambda part: part.write[0].start
        )
        for _, parts in parts_by_band:
            band: np.ndarray | None = None
            for part in parts:
                rows, columns = part.write
                if band is None:
                    while waiting and waiting[0][0].stop <= part.read[0].start:  # no tile will read these rows again
                        done, values = waiting.pop(0)
                        pixels[:, done] = values
                    band = np.empty_like(pixels[:, rows])
                    waiting.append((rows, band))
                restored = self._run(pixels[:, *part.read], first.white, known, names)
                band[:, :, columns] = _array(restored[..., *part.keep], pixels)
        for done, values in waiting:
            pixels[:, done] = values
        return [picture.with_pixels(array) for picture, array in zip(pictures, pixels, strict=True)]

    def _run(self, pixels: np.ndarray, white: float, sigma: Tensor | None, names: str) -> Tensor:
        try:
            restored = self.model(_tensor(pixels, white, self.device), sigma)
        except (ValueError, RuntimeError) as error:
            hint = (
                '; give the noise level, --sigma S or --sigma auto' if sigma is None and 'sigma' in str(error) else ''
            )
            raise UserError(f'{names} cannot be restored: {type(error).__name__}: {error}{hint}') from error
        if not restored.isfinite().all():
            raise UserError(f'{names} cannot be restored: the denoiser returns values that are no numbers')
        return restored


def read_inputs(given: Sequence[object]) -> Iterator[Item]:
    """Yield the pictures of arrays, PIL images, files, folders, globs and videos, to be handed back."""
    for number, one in enumerate(given):
        if isinstance(one, str | Path):
            for path, _ in find([one]):
                for picture in read(path):
                    yield Item(picture)
        elif isinstance(one, Image.Image):
            try:
                yield Item(from_pil(one))
            except UserError as error:
                raise UserError(f'image {number} {error}') from None
        elif isinstance(one, np.ndarray):
            yield Item(from_array(one, str(number)))
        else:
            kind = type(one).__name__
            raise UserError(f'input {number} is a {kind}; expected a file, a folder, an array or a PIL image')


def read_files(pairs: Iterable[tuple[Path, Path]], failed: Failed = None) -> Iterator[Item]:
    """Yield the pictures of files with the paths that they go to.

    Args:
        pairs: Sources and targets, as :func:`~semrestore.inference.targets.targets` gives them.
        failed: Called with the message of each image that cannot be read, instead of raising it.
    """
    for source, target in pairs:
        try:
            for picture in read(source):
                yield Item(picture, frame_path(target, picture))
        except UserError as error:
            _report(error, failed)


def write_files(items: Iterable[Item], failed: Failed = None) -> Iterator[Item]:
    """Write items to their paths, and yield those that are written; neighbours of one path are frames of a film.

    Args:
        items: Restored, with paths.
        failed: Called with the message of each image that cannot be written, instead of raising it.
    """
    for path, those in groupby(items, lambda item: item.path):
        assert path is not None
        try:
            if path.suffix not in VIDEOS:
                for item in those:
                    item.picture.save(path)
                    yield item
                continue
            first = next(those)
            with writing_film(path, Path(first.picture.name)) as film:
                for item in chain([first], those):
                    film.write(item.picture)
                    yield item
        except UserError as error:
            _report(error, failed)


def check_level(sigma: float | str | None) -> None:
    """Refuse what is no noise level.

    Raises:
        UserError: It is neither a number of 0 to ``LARGEST_SIGMA``, nor ``'auto'``, nor ``None``.
    """
    if sigma is None or sigma == 'auto':
        return
    if isinstance(sigma, str) or not 0 <= sigma <= LARGEST_SIGMA:
        shown = repr(sigma) if isinstance(sigma, str) else f'{sigma:g}'
        raise UserError(f"sigma is {shown}; expected a number of 0 to {LARGEST_SIGMA:g}, on 0..255, or 'auto'")


def estimate_level(picture: Picture) -> float:
    """Return the standard deviation of a picture's noise on 0..255, the root mean square over its channels.

    It is estimated by :func:`~semrestore.denoisers.estimate_sigma`. Of a large picture 16 parts are looked at, evenly
    spread, and the median is taken.

    Raises:
        ValueError: The picture is too small.
    """
    pixels = picture.pixels if picture.pixels.ndim == 3 else picture.pixels[..., None].repeat(3, axis=2)
    parts = [pixels]
    height, width = pixels.shape[:2]
    if height * width > SAMPLES * SAMPLE_SIDE**2 and min(height, width) >= SAMPLE_SIDE:
        per_side = round(SAMPLES**0.5)
        tops, lefts = (np.linspace(0, size - SAMPLE_SIDE, per_side).astype(int) for size in (height, width))
        parts = [pixels[top : top + SAMPLE_SIDE, left : left + SAMPLE_SIDE] for top in tops for left in lefts]
    images = torch.from_numpy(np.stack(parts).astype(np.float32)).permute(0, 3, 1, 2) / picture.white
    return 255 * estimate_sigma(images).square().mean(1).sqrt().median().item()


def _level(picture: Picture, sigma: float | str | None) -> float | None:
    if not isinstance(sigma, str):
        return sigma
    try:
        return estimate_level(picture)
    except ValueError as error:
        raise UserError(f"'{picture.name}': {error}; give --sigma as a number") from None


def _tensor(pixels: np.ndarray, white: float, device: str) -> Tensor:
    """Return ``(N, 3, H, W)`` of 0..1 on the device; grey is repeated."""
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.int32)
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float() / white
    return images.unsqueeze(1).expand(-1, 3, -1, -1) if images.ndim == 3 else images.permute(0, 3, 1, 2)


def _array(restored: Tensor, like: np.ndarray) -> np.ndarray:
    """Return what ``_tensor`` took; of grey the mean over the channels."""
    images = restored.mean(1) if like.ndim == 3 else restored.permute(0, 2, 3, 1)
    if like.dtype.kind == 'f':
        return images.float().cpu().numpy().astype(like.dtype)
    white = np.iinfo(like.dtype).max
    return images.clamp(0, 1).mul(white).round().to(torch.int32).cpu().numpy().astype(like.dtype)


def _is_one(given: object) -> bool:
    return not isinstance(given, str | Path) or Path(given).is_file()


def _report(error: UserError, failed: Failed) -> None:
    if failed is None:
        raise error
    failed(str(error))


def _chunks(items: Iterable[Item], size: int, tile: int | None) -> Iterator[list[Item]]:
    """Yield lists of up to ``size`` items; an image of several tiles is alone, so that memory holds one of them."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        height, width = item.picture.pixels.shape[:2]
        if len(chunk) == size or (tile is not None and height * width > tile**2):
            yield chunk
            chunk = []
    if chunk:
        yield chunk
