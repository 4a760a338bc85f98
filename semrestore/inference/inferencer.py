"""Denoise files, folders, globs, arrays, PIL images and videos, and give each back as it came."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.registry import DefaultScope
from PIL import Image
from torch import Tensor

from semrestore.checkpoint import load_denoiser
from semrestore.degradations.base import LARGEST_SIGMA
from semrestore.denoisers import Denoiser, InferenceDenoiser, estimate_sigma
from semrestore.errors import UserError
from semrestore.inference.files import find, frame_path, targets
from semrestore.inference.pictures import Picture, from_array, from_pil, read
from semrestore.inference.tiling import tiles
from semrestore.registry import MODELS
from semrestore.zoo import resolve

__all__ = ['DenoiseInferencer']

TILE = 512
SAMPLE_SIDE, SAMPLES = 256, 16  # of a large image, to estimate its noise


class DenoiseInferencer(BaseInferencer):
    """Denoise images of any kind.

    Args:
        model: ``'zoo:NAME'``, a checkpoint's file, a :class:`~semrestore.denoisers.Denoiser`, or ``None`` for a method without weights.
        config: Config of the denoiser, as in ``model.denoiser`` of a config file; the paper's network by default.
        device: Such as ``'cuda:1'``; what there is by default.
        dtype: See :class:`~semrestore.denoisers.InferenceDenoiser`.
        ensemble: The same.
        tile: Side in pixels of the tiles that large images are denoised in, with the same result as in one piece. ``None`` does not cut, as
            for denoisers whose ``reach`` is not known.

    Raises:
        UserError: The weights are missing or another network's, the denoiser needs weights, or the device cannot be used.

    >>> inferencer = DenoiseInferencer('zoo:multiscale-sigma25', device='cpu')
    >>> noisy = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    >>> inferencer(noisy)['predictions'][0].shape
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
        self._options = dict(dtype=dtype, ensemble=ensemble)
        self._given = model
        super().__init__(ConfigDict(denoiser=dict(config or dict(type='MultiScaleDenoiser'))), device=device, scope='semrestore')

    def __call__(
        self,
        inputs: object,
        out: str | Path | None = None,
        sigma: float | str | None = None,
        batch_size: int = 8,
    ) -> dict[str, list]:
        """Denoise.

        Args:
            inputs: One or a list of: a file, folder (searched recursively), glob or video (their frames), an array (``(H, W)``,
                ``(H, W, 3)`` or ``(H, W, 4)``; uint8, uint16 or floats of 0..1), or a PIL image.
            out: Folder for PNG files, of which ``predictions`` then holds the paths. Folders keep their structure.
            sigma: Standard deviation of the noise on 0..255, for methods that need it; ``'auto'`` estimates it for each image.
            batch_size: Images of one size that go through the network together, if they are no larger than a tile.

        Returns:
            ``predictions``: what was given, restored, in the same order. ``sigma``: the noise levels used, ``None`` where there is none.
            ``visualization`` is empty.

        Raises:
            UserError: An input cannot be read or restored.
        """
        given = inputs if isinstance(inputs, list | tuple) else [inputs]
        if out is None:
            done = [
                (one.as_given(), level)
                for one, level, _ in self._restored(((one, None) for one in self.pipeline(given)), sigma, batch_size)
            ]
        elif all(isinstance(one, str | Path) for one in given):
            done = [(str(path), level) for path, level in self.to_files(list(targets(given, Path(out))), sigma, batch_size)]
        else:
            raise UserError('out is for files; arrays and PIL images are returned')
        predictions = [prediction for prediction, _ in done]
        return self.postprocess(predictions, self.visualize(given, predictions)) | dict(sigma=[level for _, level in done])

    def to_files(
        self,
        pairs: Iterable[tuple[Path, Path]],
        sigma: float | str | None = None,
        batch_size: int = 8,
        failed: Callable[[str], None] | None = None,
    ) -> Iterator[tuple[Path, float | None]]:
        """Denoise files to files, and yield where each image or frame went with its noise level.

        Args:
            pairs: Sources and targets, as :func:`targets` gives them.
            sigma: As in calling.
            batch_size: The same.
            failed: Called with the message of each image that cannot be read, restored or written, instead of raising it.
        """

        def pictures() -> Iterator[tuple[Picture, Path]]:
            for source, target in pairs:
                try:
                    for picture in read(source):
                        yield picture, frame_path(target, picture)
                except UserError as error:
                    _report(error, failed)

        for restored, level, path in self._restored(pictures(), sigma, batch_size, failed):
            try:
                restored.save(path)
            except UserError as error:
                _report(error, failed)
                continue
            yield path, level

    def _restored(
        self, items: Iterable[tuple[Picture, Path | None]], sigma: float | str | None, batch_size: int, failed: Callable | None = None
    ) -> Iterator[tuple[Picture, float | None, Path | None]]:
        """Yield each picture restored, with its noise level and its place; neighbours of one size go through together."""
        check_level(sigma)

        def with_levels() -> Iterator[tuple[Picture, float | None, Path | None]]:
            for picture, place in items:
                try:
                    yield picture, self._level(picture, sigma), place
                except UserError as error:
                    _report(error, failed)

        for _, alike in groupby(with_levels(), lambda item: (item[0].pixels.shape, item[0].pixels.dtype)):
            for batch in _chunks(alike, batch_size, self.tile):
                pictures, levels, places = zip(*batch, strict=True)
                try:
                    done = list(zip(self.forward(pictures, levels), levels, places, strict=True))
                except UserError as error:
                    if failed is None or len(pictures) == 1:
                        _report(error, failed)
                        continue
                    done = self._one_by_one(batch, failed)
                yield from done

    def _one_by_one(self, batch: list, failed: Callable[[str], None]) -> Iterator[tuple[Picture, float | None, Path | None]]:
        """Restore what a batch that failed has in it of images that do not."""
        for picture, level, place in batch:
            try:
                yield self.forward([picture], [level])[0], level, place
            except UserError as error:
                failed(str(error))

    def forward(self, inputs: Sequence[Picture], sigmas: Sequence[float | None] | None = None) -> list[Picture]:
        """Restore pictures of one size and dtype. A picture alone, if it is not an array of the caller's, is restored in its own memory."""
        known = None if sigmas is None or None in sigmas else torch.tensor(sigmas, device=self.device) / 255
        first = inputs[0]
        own = len(inputs) == 1 and first.kind != 'array'
        pixels = first.pixels[None] if own else np.stack([picture.pixels for picture in inputs])
        height, width = pixels.shape[1:3]
        reach = self.model.reach
        side = max(height, width) if self.tile is None or reach is None else self.tile
        names = f"'{first.name}'" if len(inputs) == 1 else f'one of {len(inputs)} images from {first.name!r} on'
        waiting: list[tuple[slice, np.ndarray]] = []
        for _, parts in groupby(tiles(height, width, side, reach or 0, self.model.stride), lambda part: part.write[0].start):
            band: np.ndarray | None = None
            for part in parts:
                rows, columns = part.write
                if band is None:
                    while waiting and waiting[0][0].stop <= part.read[0].start:  # no tile will read these rows again
                        done, values = waiting.pop(0)
                        pixels[:, done] = values
                    band = np.empty_like(pixels[:, rows])
                    waiting.append((rows, band))
                try:
                    restored = self.model(self._tensor(pixels[:, *part.read], first.white), known)
                except (ValueError, RuntimeError) as error:
                    hint = '; give the noise level, --sigma S or --sigma auto' if known is None and 'sigma' in str(error) else ''
                    raise UserError(f'{names} cannot be restored: {type(error).__name__}: {error}{hint}') from error
                if not restored.isfinite().all():
                    raise UserError(f'{names} cannot be restored: the denoiser returns values that are no numbers')
                band[:, :, columns] = self._array(restored[..., *part.keep], pixels)
        for done, values in waiting:
            pixels[:, done] = values
        return [picture.with_pixels(array) for picture, array in zip(inputs, pixels, strict=True)]

    def visualize(self, inputs: list, preds: list, show: bool = False, **kwargs) -> list:
        """Return nothing: what is predicted is a picture already."""
        return []

    def postprocess(self, preds: list, visualization: list, return_datasample: bool = False, **kwargs) -> dict:
        """Pack the results."""
        return dict(predictions=preds, visualization=visualization)

    def _init_pipeline(self, cfg: ConfigDict):
        def pictures(given: Sequence) -> Iterator[Picture]:
            for number, one in enumerate(given):
                if isinstance(one, str | Path):
                    for path, _ in find([one]):
                        yield from read(path)
                elif isinstance(one, Image.Image):
                    try:
                        yield from_pil(one)
                    except UserError as error:
                        raise UserError(f'image {number} {error}') from None
                elif isinstance(one, np.ndarray):
                    yield from_array(one, str(number))
                else:
                    raise UserError(f'input {number} is a {type(one).__name__}; expected a file, a folder, an array or a PIL image')

        return pictures

    def _init_collate(self, cfg: ConfigDict) -> None:
        return None

    def _init_visualizer(self, cfg: ConfigDict) -> None:
        return None

    def _init_model(self, cfg: ConfigDict, weights: str | None, device: str) -> InferenceDenoiser:
        self.device = device
        model = self._given
        if not isinstance(model, Denoiser):
            with DefaultScope.overwrite_default_scope('semrestore'):
                denoiser = MODELS.build(dict(cfg.denoiser))
            if model is None and next(denoiser.parameters(), None) is not None:
                raise UserError(f'{type(denoiser).__name__} needs weights: --model CKPT')
            if model is not None:
                load_denoiser(torch.nn.ModuleDict(dict(denoiser=denoiser)), resolve(str(model)))
            model = denoiser
        try:
            return InferenceDenoiser(model.eval(), **self._options).to(device)
        except (RuntimeError, AssertionError, ValueError) as error:
            raise UserError(f"--device '{device}' cannot be used: {error}") from None

    def _level(self, picture: Picture, sigma: float | str | None) -> float | None:
        if sigma != 'auto':
            return sigma
        try:
            return estimate_level(picture)
        except ValueError as error:
            raise UserError(f"'{picture.name}': {error}; give --sigma as a number") from None

    def _tensor(self, pixels: np.ndarray, white: float) -> Tensor:
        """Return ``(N, 3, H, W)`` of 0..1 on the device; grey is repeated."""
        if pixels.dtype == np.uint16:
            pixels = pixels.astype(np.int32)
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).float() / white
        return images.unsqueeze(1).expand(-1, 3, -1, -1) if images.ndim == 3 else images.permute(0, 3, 1, 2)

    @staticmethod
    def _array(restored: Tensor, like: np.ndarray) -> np.ndarray:
        """Return what ``_tensor`` took; of grey the mean over the channels."""
        images = restored.mean(1) if like.ndim == 3 else restored.permute(0, 2, 3, 1)
        if like.dtype.kind == 'f':
            return images.float().cpu().numpy().astype(like.dtype)
        white = np.iinfo(like.dtype).max
        return images.clamp(0, 1).mul(white).round().to(torch.int32).cpu().numpy().astype(like.dtype)


def check_level(sigma: float | str | None) -> None:
    """Refuse what is no noise level.

    Raises:
        UserError: It is neither a number of at least 0 and at most ``LARGEST_SIGMA``, nor ``'auto'``, nor ``None``.
    """
    if sigma is not None and sigma != 'auto' and not (isinstance(sigma, int | float) and 0 <= sigma <= LARGEST_SIGMA):
        shown = f'{sigma:g}' if isinstance(sigma, int | float) else repr(sigma)
        raise UserError(f"--sigma is {shown}; expected a number of at least 0, at most {LARGEST_SIGMA:g}, on 0..255, or 'auto'")


def estimate_level(picture: Picture) -> float:
    """Return the standard deviation of a picture's noise on 0..255, by :func:`~semrestore.denoisers.estimate_sigma`, over its channels.

    Of a large picture 16 parts are looked at, evenly spread, and the median is taken.
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


def _report(error: UserError, failed: Callable[[str], None] | None) -> None:
    if failed is None:
        raise error
    failed(str(error))


def _chunks(items: Iterable[tuple], size: int, tile: int | None) -> Iterator[list]:
    """Yield lists of up to ``size`` items; an image of several tiles is alone in its list, so that memory holds one of them."""
    chunk: list = []
    for item in items:
        chunk.append(item)
        height, width = item[0].pixels.shape[:2]
        if len(chunk) == size or (tile is not None and height * width > tile**2):
            yield chunk
            chunk = []
    if chunk:
        yield chunk
