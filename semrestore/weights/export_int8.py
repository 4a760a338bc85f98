"""Write a denoiser's ONNX file in 8-bit integers, for CPUs that multiply them fast (AVX-512 VNNI and its like).

Weights are rounded by a scale for each output channel. Features are rounded by one scale a tensor, which comes from the
values that the network computes on noisy photos. Convolutions that read or write the image itself stay in float32, as
deconvolutions do: they take little of the time.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.acceleration import InferenceDenoiser
from semrestore.datasets import EmbeddedPhotos, PhotoFolder
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError
from semrestore.padding import reflect_pad
from semrestore.weights.export import example_of, write_compared

__all__ = ['export_int8']

FEATURES = 16
"""A tensor with fewer channels than this is the image, or comes directly from it."""

QUANTISED = ('Conv', 'Add', 'Concat', 'Relu')
PHOTOS, SIDE = 24, 128
"""Crops to take the scales from."""

PERCENTILE = 99.99
"""Share of a tensor's values that its scale spans: cutting off rare large ones rounds the others less coarsely."""

CHECKED_SIDE, CHECKED_LEVELS = 192, (15, 25, 50)
MOST_LOST = 0.25
"""PSNR in dB that the file may lose."""


@torch.no_grad()
def export_int8(
    denoiser: Denoiser, path: Path, photos: Path | None = None, most_lost: float = MOST_LOST, **options: Any
) -> float:
    """Write a denoiser to an ONNX file that computes in 8-bit integers, and measure the PSNR that it costs.

    Args:
        denoiser: A learned denoiser.
        path: File to write: ``.onnx``.
        photos: Folder of clean photos to take the scales from; by default scikit-image's photos.
        most_lost: The largest loss of PSNR in dB at which the file is kept.
        options: Options of ``onnxruntime.quantization.quantize_static``, instead of those that are set here.

    Returns:
        The PSNR that is lost against PyTorch in float32, in dB: the mean over noisy photos.

    Raises:
        UserError: The denoiser cannot be exported, nothing in it can be quantised, or the file loses too much.
    """
    sigma = denoiser.needs_sigma
    denoiser = InferenceDenoiser(denoiser).denoiser.eval()
    denoiser.to(memory_format=torch.contiguous_format)
    example, shapes = example_of(sigma)
    return write_compared(
        path,
        denoiser,
        example,
        shapes,
        ['noisy', 'sigma'][: len(example)],
        'restored',
        partial(_lost, denoiser, sigma),
        most_lost,
        finish=partial(_quantise, photos=photos, sigma=sigma, options=options),
        unit=' dB',
    )


def _quantise(path: Path, photos: Path | None, sigma: bool, options: dict) -> None:
    """Replace an ONNX file by one that computes in integers."""
    from onnx import load
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    nodes = options.pop('nodes_to_quantize', None) or feature_nodes(load(path))
    if not nodes:
        raise UserError('the network has no convolution between features; it gains nothing from 8-bit integers')

    inputs = _noisy_photos(photos, sigma)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict | None:
            return next(inputs, None)

    settings = dict(
        calibrate_method=CalibrationMethod.Percentile,
        extra_options=dict(CalibPercentile=PERCENTILE),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # its messages and prints advise people who call it themselves
    try:
        with redirect_stdout(StringIO()):
            quantize_static(path, path, Reader(), nodes_to_quantize=nodes, **(settings | options))
    finally:
        logging.disable(before)


def feature_nodes(model: Any) -> list[str]:
    """Return the names of an ONNX model's nodes that work on features alone."""
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    shapes = {value.name: value.type.tensor_type.shape.dim for value in values}
    weights = {value.name for value in model.graph.initializer}

    def of_features(name: str) -> bool:
        shape = shapes.get(name, ())
        return len(shape) == 4 and shape[1].dim_value >= FEATURES

    nodes = [node for node in model.graph.node if node.op_type in QUANTISED]
    return [
        node.name
        for node in nodes
        if all(of_features(name) for name in (*node.input, *node.output) if name not in weights)
    ]


def _noisy_photos(folder: Path | None, sigma: bool) -> Iterator[dict]:
    """Yield crops of one size with noise of any level, as the network's inputs. Smaller photos are padded."""
    pipeline = [dict(type='semrestore.LoadPhoto')]
    photos = PhotoFolder(folder=str(folder), pipeline=pipeline) if folder else EmbeddedPhotos(pipeline=pipeline)
    generator = torch.Generator().manual_seed(0)
    for number in range(PHOTOS):
        photo = torch.from_numpy(photos[number * len(photos) // PHOTOS]['img']).permute(2, 0, 1) / 255
        for dim in (1, 2):
            beyond = photo.shape[dim] - SIDE
            if beyond > 0:
                photo = photo.narrow(dim, int(torch.randint(beyond + 1, (), generator=generator)), SIDE)
        photo = reflect_pad(photo[None], 0, SIDE - photo.shape[2], 0, SIDE - photo.shape[1])[0]
        level = torch.rand(1, generator=generator) * 0.2
        noisy = photo[None] + level * torch.randn((1, *photo.shape), generator=generator)
        yield dict(noisy=noisy.numpy()) | (dict(sigma=level.numpy()) if sigma else {})


def _lost(network: nn.Module, sigma: bool, run: Callable[..., Tensor]) -> float:
    """Return the PSNR that a file loses against PyTorch, on photos that gave no scale by default."""
    generator = torch.Generator().manual_seed(0)
    lost = []
    for item in EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')]):
        clean = torch.from_numpy(item['img']).permute(2, 0, 1)[None, :, :CHECKED_SIDE, :CHECKED_SIDE] / 255
        for level in CHECKED_LEVELS:
            noisy = clean + level / 255 * torch.randn(clean.shape, generator=generator)
            inputs = (noisy, torch.tensor([level / 255])) if sigma else (noisy,)
            errors = (F.mse_loss(restored, clean).item() for restored in (run(*inputs), network(*inputs)))
            lost.append(10 * math.log10(next(errors) / next(errors)))
    return sum(lost) / len(lost)
