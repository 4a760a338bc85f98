"""Write a denoiser and the network behind it as one file, which takes the network's input.

Input ``images`` is what the network's own file would have: ``(N, 3, H, W)``, normalised for it, at the size it is
evaluated at. Output ``scores`` are the network's, before the softmax. The batch is free.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semrestore.acceleration import InferenceDenoiser
from semrestore.datasets import EmbeddedPhotos
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, explained
from semrestore.tasks import FrozenTask
from semrestore.weights.export import write_compared

__all__ = ['DenoiserAndNetwork', 'export_both']

TOLERANCE = 1e-4
"""Of the largest score."""

CROPS = 8
"""Of noisy photos, on which a file is compared with PyTorch."""


class DenoiserAndNetwork(nn.Module):
    """Join a denoiser and a frozen network in one module, from normalised images to scores.

    Args:
        denoiser: One that needs no noise level.
        task: The network. Its preprocessing has to be a map of each pixel's colour (mean, std, order of channels).
        side: Height and width of the images.

    Shape:
        ``(N, 3, side, side)``, as the network takes it, to ``(N, C, …)``.

    Raises:
        UserError: The preprocessing does more, the denoiser needs the noise level, or, when it is called, the network
            answers by several tensors, as a detector does.
    """

    matrix: Tensor
    inverse: Tensor
    shift: Tensor

    def __init__(self, denoiser: Denoiser, task: FrozenTask, side: int) -> None:
        super().__init__()
        self.denoiser = InferenceDenoiser(denoiser).denoiser.eval()
        if denoiser.needs_sigma:
            raise UserError(
                f'{type(denoiser).__name__} needs the noise level, which the exported file cannot give it. Use a'
                ' blind denoiser'
            )
        matrix, shift = _colours(task, side)
        self.register_buffer('matrix', matrix.view(3, 3, 1, 1))
        self.register_buffer('inverse', matrix.inverse().contiguous().view(3, 3, 1, 1))
        self.register_buffer('shift', shift.view(1, 3, 1, 1))
        self.task = task

    def forward(self, images: Tensor) -> Tensor:
        """Denoise normalised images and return the network's scores."""
        restored = self.denoiser(F.conv2d(images - self.shift, self.inverse))
        scores = self.task.scores(F.conv2d(restored, self.matrix) + self.shift)
        if not isinstance(scores, Tensor):
            raise UserError(
                "the network returns several tensors, as a detector does; expected one, such as a classifier's scores"
            )
        return scores


def _colours(task: FrozenTask, side: int) -> tuple[Tensor, Tensor]:
    """Return a network's preprocessing of a pixel's red, green and blue as a matrix and a shift."""
    colours = torch.cat([torch.zeros(1, 3), torch.eye(3), torch.full((1, 3), 0.5)])
    prepared = task.preprocess(colours[:, :, None, None].expand(-1, -1, side, side).contiguous())
    values = prepared[:, :, side // 2, side // 2] if prepared.shape[-2:] == (side, side) else None
    if values is not None and prepared.eq(values[:, :, None, None]).all():
        # Copies, since torch.export would write the whole tensor that a view is of, with a warning.
        shift, matrix = values[0].clone(), (values[1:4] - values[0]).T.contiguous()
        if torch.allclose(matrix @ colours[4] + shift, values[4], atol=1e-5):
            return matrix, shift
    raise UserError(
        f'the preprocessing of the network does more than normalise: it resizes, pads or cuts images of {side} x'
        f' {side}. Export the denoiser alone, and prepare its results for the network'
    )


@torch.no_grad()
def export_both(denoiser: Denoiser, task: FrozenTask, side: int, path: Path) -> tuple[float, int]:
    """Write both to a file, and compare it with PyTorch on noisy photos before it is kept.

    Args:
        denoiser: One that needs no noise level.
        task: The network.
        side: Of the squares that it looks at.
        path: ``.onnx``, or ``.pt2`` for torch.export.

    Returns:
        The largest difference of a score from PyTorch's, as a part of the largest score, and on how many photos.

    Raises:
        UserError: They cannot be exported (:class:`DenoiserAndNetwork`), or the file does not run or differs too much.
    """
    both = DenoiserAndNetwork(denoiser, task, side).eval()
    both.to(memory_format=torch.contiguous_format)
    example = (torch.zeros(2, 3, side, side),)
    with explained(f"'{path}' cannot be exported"):
        both(*example)  # PyTorch's exporter hides the cause
    shapes = ({0: torch.export.Dim('batch', min=1)},)
    worst = write_compared(
        path, both, example, shapes, ['images'], 'scores', partial(_difference, both, side), TOLERANCE
    )
    return worst, CROPS


def _difference(both: DenoiserAndNetwork, side: int, run: Callable[..., Tensor]) -> float:
    """Return the largest difference of a score between a file and PyTorch, relative to the largest score."""
    images = _noisy_photos(both, side)
    expected, found = both(images), torch.cat([run(images[:1]), run(images[1:])])
    if not found.argmax(1).equal(expected.argmax(1)):
        return float('inf')
    return ((found - expected).abs().max() / expected.abs().max()).item()


def _noisy_photos(both: DenoiserAndNetwork, side: int) -> Tensor:
    """Return crops of the embedded photos with noise, normalised for the network."""
    generator = torch.Generator().manual_seed(0)
    photos = [
        torch.from_numpy(item['img']).permute(2, 0, 1) / 255
        for item in EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')])
    ]
    crops = []
    for number in range(CROPS):
        photo = photos[number % len(photos)][None]
        enlarged = side / min(photo.shape[-2:])
        if enlarged > 1:
            size = [max(side, round(length * enlarged)) for length in photo.shape[-2:]]
            photo = F.interpolate(photo, size=size, mode='bilinear')
        top, left = (int(torch.randint(size - side + 1, (), generator=generator)) for size in photo.shape[-2:])
        crops.append(photo[0, :, top : top + side, left : left + side])
    clean = torch.stack(crops)
    levels = 0.2 * torch.rand(CROPS, 1, 1, 1, generator=generator)
    noisy = clean + levels * torch.randn(clean.shape, generator=generator)
    return F.conv2d(noisy, both.matrix) + both.shift
