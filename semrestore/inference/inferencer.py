"""Denoise files, folders, globs, arrays, PIL images and films, and return each in its own form.

Three steps, each a generator over pictures: read, restore, write (the first and the last: ``pictures.py``). So memory
holds one batch, whatever the number of files or frames.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor

from semrestore.acceleration import InferenceDenoiser
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, explained
from semrestore.images import Picture, tiles
from semrestore.inference.levels import check_level, level_of
from semrestore.inference.pictures import Failed, Item, read_files, read_inputs, report, write_files
from semrestore.inference.targets import targets
from semrestore.limits import doubt
from semrestore.weights.build import load_denoiser

__all__ = ['DenoiseInferencer']

TILE = 512


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
        _warn_of_doubt(sigma)
        given = _listed(inputs)
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
        """Denoise files, folders, globs and films into files, and return their paths.

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
        _warn_of_doubt(sigma)
        given = _listed(inputs)
        files = [one for one in given if isinstance(one, str | Path)]
        if len(files) < len(given):
            raise UserError('to_folder takes files; call the inferencer with arrays and PIL images')
        pairs = list(targets(files, Path(out), as_frames=as_frames))
        written = write_files(self.restore(read_files(pairs), sigma, batch_size))
        return list(dict.fromkeys(item.path for item in written if item.path is not None))

    def restore(
        self, items: Iterable[Item], sigma: float | str | None = None, batch_size: int = 8, failed: Failed = None
    ) -> Iterator[Item]:
        """Yield restored items with the noise level used. Neighbours of one size share a batch.

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
                yield replace(item, sigma=level_of(item.picture, sigma))
            except UserError as error:
                report(error, failed)

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
            UserError: The denoiser fails, or returns values that are not finite.
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
                    while waiting and waiting[0][0].stop <= part.read[0].start:  # no later tile reads these rows
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
                '. Give the noise level by --sigma S or --sigma auto' if sigma is None and 'sigma' in str(error) else ''
            )
            raise UserError(f'{names} cannot be restored: {type(error).__name__}: {error}{hint}') from error
        if not restored.isfinite().all():
            raise UserError(f'{names} cannot be restored: the denoiser returned values that are not finite numbers')
        return restored


def _listed(inputs: object) -> list:
    return list(inputs) if isinstance(inputs, list | tuple) else [inputs]


def _warn_of_doubt(sigma: float | str | None) -> None:
    if isinstance(sigma, int | float) and (reason := doubt(sigma)):
        warnings.warn(reason, stacklevel=3)


def _tensor(pixels: np.ndarray, white: float, device: str) -> Tensor:
    """Return ``(N, 3, H, W)`` of 0..1 on the device; grey is repeated."""
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.int32)
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float() / white
    return images.unsqueeze(1).expand(-1, 3, -1, -1) if images.ndim == 3 else images.permute(0, 3, 1, 2)


def _array(restored: Tensor, like: np.ndarray) -> np.ndarray:
    """Undo ``_tensor``; grey is the mean over the channels."""
    images = restored.mean(1) if like.ndim == 3 else restored.permute(0, 2, 3, 1)
    if like.dtype.kind == 'f':
        return images.float().cpu().numpy().astype(like.dtype)
    white = np.iinfo(like.dtype).max
    return images.clamp(0, 1).mul(white).round().to(torch.int32).cpu().numpy().astype(like.dtype)


def _chunks(items: Iterable[Item], size: int, tile: int | None) -> Iterator[list[Item]]:
    """Yield lists of up to ``size`` items. An image of several tiles is alone, to bound the memory."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        height, width = item.picture.pixels.shape[:2]
        if len(chunk) == size or (tile is not None and height * width > tile**2):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _is_one(given: object) -> bool:
    return not isinstance(given, str | Path) or Path(given).is_file()
