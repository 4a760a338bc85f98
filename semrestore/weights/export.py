"""Write a denoiser for other programs, as ONNX or as a program of torch.export.

Input ``noisy`` and output ``restored`` are RGB, ``(N, 3, H, W)``, 0..1, for any batch, height and width. Noise may
leave that range; nothing is clipped. A denoiser that needs the noise level has the input ``sigma``, ``(N,)``, on 0..1.
"""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from semrestore.acceleration import InferenceDenoiser
from semrestore.datasets import EmbeddedPhotos
from semrestore.denoisers import Denoiser
from semrestore.errors import UserError, explained, first_line
from semrestore.files import replacing

__all__ = ['export_denoiser']

TOLERANCE = 1e-4
TOLERANCE_FP16 = 1e-2
# Batch, height and width on which the exported file is tested: odd, even, wide, small.
SIZES = ((1, 64, 64), (2, 121, 80), (1, 37, 202), (3, 16, 16))


def export_denoiser(denoiser: Denoiser, path: Path, fp16: bool = False) -> float:
    """Write a denoiser to a file, and keep the file only if it agrees with PyTorch on noisy photos of several sizes.

    Args:
        denoiser: A learned denoiser.
        path: File to write: ``.onnx``, or ``.pt2`` for torch.export.
        fp16: Compute in half precision (ONNX); input and output stay float32.

    Returns:
        The largest difference from PyTorch.

    Raises:
        UserError: The denoiser cannot be exported, or the file differs too much from it.
    """
    sigma = denoiser.needs_sigma
    denoiser = InferenceDenoiser(denoiser).denoiser.eval()
    denoiser.to(memory_format=torch.contiguous_format)
    tolerance = TOLERANCE_FP16 if fp16 else TOLERANCE
    example, shapes = example_of(sigma)
    written = _in_half_precision(denoiser, sigma) if fp16 else denoiser
    inputs = ['noisy', 'sigma'][: len(example)]
    return write_compared(
        path, written, example, shapes, inputs, 'restored', partial(_difference, denoiser, sigma), tolerance
    )


def write_compared(
    path: Path,
    network: nn.Module,
    example: tuple,
    shapes: tuple,
    inputs: list[str],
    output: str,
    difference: Callable[[Callable[..., Tensor]], float],
    tolerance: float,
    finish: Callable[[Path], object] | None = None,
    unit: str = '',
) -> float:
    """Write a network to a file, and keep the file only if it agrees with PyTorch.

    Args:
        path: File to write: ``.onnx``, or ``.pt2`` for torch.export.
        network: In evaluation mode.
        example: Arguments to trace with.
        shapes: Which of their dimensions are free, as :func:`torch.export.export` takes it.
        inputs: Their names (ONNX).
        output: Name of the result (ONNX).
        difference: Returns the difference from PyTorch, given a function that runs the file.
        tolerance: The largest difference that is allowed.
        finish: Changes the file before it is compared.
        unit: Unit of the difference, for the message.

    Returns:
        The difference.

    Raises:
        UserError: The network cannot be exported, or the file does not run or differs too much.
    """
    with replacing(path) as unfinished:
        with explained(f"'{path}' cannot be exported"):
            if path.suffix == '.onnx':
                _write_onnx(network, example, shapes, inputs, output, unfinished)
            else:
                with open(unfinished, 'wb') as file:
                    torch.export.save(torch.export.export(network, example, dynamic_shapes=shapes), file)
            if finish is not None:
                finish(unfinished)
        with explained(f"'{path}' is not written, because the exported file does not run"):
            found = difference(open_exported(unfinished))
        if not found <= tolerance:
            raise UserError(
                f"'{path}' is not written, because its result differs from PyTorch's by {found:.3g}{unit}; expected at"
                f' most {tolerance:g}{unit}'
            )
    return found


def example_of(sigma: bool) -> tuple[tuple, tuple]:
    """Return arguments of a denoiser to trace with, and their free dimensions."""
    batch, any_size = torch.export.Dim('batch', min=1), torch.export.Dim.AUTO
    images, shape = torch.zeros(2, 3, 67, 77), {0: batch, 2: any_size, 3: any_size}
    return ((images, torch.full((2,), 0.1)), (shape, {0: batch})) if sigma else ((images,), (shape,))


def _write_onnx(network: nn.Module, example: tuple, shapes: tuple, inputs: list[str], output: str, path: Path) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401 (PyTorch's exporter needs it)
    except ImportError as error:
        raise UserError(f"ONNX needs {error.name}. Install it: pip install 'semrestore[onnx]'") from None
    program = torch.onnx.export(
        network,
        example,
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=inputs,
        output_names=[output],
        verbose=False,
    )
    assert program is not None  # as with dynamo
    model = program.model_proto
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _in_half_precision(network: nn.Module, sigma: bool) -> nn.Module:
    """Return a copy of a network that computes in float16, with inputs and output in float32."""
    half = copy.deepcopy(network).half()

    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = half

        def forward(self, noisy: Tensor) -> Tensor:
            return self.network(noisy.half()).float()

    class HalfWithSigma(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = half

        def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
            return self.network(noisy.half(), sigma.half()).float()

    return (HalfWithSigma() if sigma else Half()).eval()


def open_exported(path: Path) -> Callable[..., Tensor]:
    """Return a function that runs an exported file: its inputs and its output are tensors on the CPU.

    Args:
        path: A file of :func:`export_denoiser`, or of another exporter of semrestore.
    """
    if path.suffix == '.pt2':
        with open(path, 'rb') as file:
            return torch.export.load(file).module()
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=['CPUExecutionProvider'])
    names = [one.name for one in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        fed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        try:
            return torch.from_numpy(session.run(None, fed)[0])
        except Exception as error:  # ONNX Runtime's errors share no class
            raise RuntimeError(first_line(error)) from error

    return run


def _difference(network: nn.Module, sigma: bool, run: Callable[..., Tensor]) -> float:
    """Return the largest difference between an exported file and PyTorch on noisy photos."""
    items = EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')])
    photos = [torch.from_numpy(item['img']) / 255 for item in items]
    noise = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, height, width in SIZES:
        clean = torch.stack([photos[index % len(photos)][:height, :width] for index in range(batch)])
        clean = clean.permute(0, 3, 1, 2).contiguous()
        levels = torch.rand(batch, generator=noise) * 0.2
        noisy = clean + levels.view(-1, 1, 1, 1) * torch.randn(clean.shape, generator=noise)
        inputs = (noisy, levels) if sigma else (noisy,)
        with torch.no_grad():
            difference = (run(*inputs) - network(*inputs)).abs().max().item()
        worst = max(worst, difference if difference == difference else float('inf'))
    return worst
