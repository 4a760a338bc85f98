"""Pad by reflection and crop, by any size, also in exported networks."""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['crop', 'reflect_pad']


def reflect_pad(x: Tensor, left: int, right: int, top: int, bottom: int, wide: bool = False) -> Tensor:
    """Pad a batch by reflection, even by more than the image's size.

    Args:
        x: Batch of shape ``(N, C, H, W)``.
        left: Pixels to add on this side.
        right: As ``left``.
        top: As ``left``.
        bottom: As ``left``.
        wide: The padding may be wider than the image in a file that is exported for any size.

    Returns:
        Batch of shape ``(N, C, top + H + bottom, left + W + right)``, the values of ``numpy.pad(mode='reflect')``.

    >>> reflect_pad(torch.arange(3.0).view(1, 1, 1, 3), 2, 3, 0, 0).flatten().tolist()
    [2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0]
    """
    height, width = x.shape[-2:]
    wide = wide and torch.compiler.is_exporting()
    if not wide and max(left, right) < width and max(top, bottom) < height:
        return F.pad(x, (left, right, top, bottom), mode='reflect')
    # torch refuses to pad by the image's size or more, so the index goes back and forth over the image.
    rows = _reflected_indices(height, top, bottom, x.device)
    columns = _reflected_indices(width, left, right, x.device)
    return x.index_select(-2, rows).index_select(-1, columns)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Return the upper left part of a batch.

    While a network is exported for any size it is picked out by indices: the strides of a slice would tie the file to
    the sizes that it was traced with, those that need padding or those that need none.
    """
    if torch.compiler.is_exporting():
        rows, columns = (torch.arange(size, device=x.device) for size in (height, width))
        return x.index_select(-2, rows).index_select(-1, columns)
    return x[..., :height, :width]


def _reflected_indices(size: int, before: int, after: int, device: torch.device) -> Tensor:
    if size == 1:
        return torch.zeros(before + 1 + after, dtype=torch.long, device=device)
    period = 2 * (size - 1)
    position = torch.arange(-before, size + after, device=device)
    # A tensor, because PyTorch's ONNX exporter cannot divide by a size as a number.
    position = position.remainder(torch.full_like(position, period))
    return torch.minimum(position, period - position)
