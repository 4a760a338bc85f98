"""Export a denoiser for other programs: ONNX (FILE.onnx) or torch.export (FILE.pt2), for any batch, height and width.

  export zoo:multiscale-sigma25 --out multiscale.onnx
  export zoo:multiscale-sigma25 --out multiscale_fp16.onnx --fp16
  export ffdnet.pth --config semrestore::baselines/ffdnet.py --out ffdnet.onnx

Input `noisy` and output `restored` are RGB, (N, 3, H, W), 0..1 (noise may leave that range; nothing is clipped). A denoiser that needs the
noise level has the input `sigma`, (N,), on 0..1. What is written is run on photos of several sizes and compared with PyTorch before the
file is kept.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.common import explained, has_weights, load_quietly
from semrestore.errors import UserError
from semrestore.files import replacing

TOLERANCE = 1e-4
TOLERANCE_FP16 = 1e-2
# Batch, height and width that the exported file is tried on: odd, even, wide, small.
SIZES = ((1, 64, 64), (2, 121, 80), (1, 37, 202), (3, 16, 16))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help="the denoiser's weights: a file, or zoo:NAME; 'none' for a network without")
    parser.add_argument('--config', metavar='CONFIG', help="config of the denoiser (default: the paper's network)")
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='file to write: .onnx, or .pt2 for torch.export')
    parser.add_argument(
        '--fp16', action='store_true', help='weights and arithmetic in half precision (ONNX; input and output stay float32)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace the file if it is there')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/export_onnx.py``."""
    options = parse(arguments)
    kind = options.out.suffix
    if kind not in ('.onnx', '.pt2'):
        raise UserError(f"--out is '{options.out}'; expected a name that ends in .onnx or .pt2")
    if options.fp16 and kind == '.pt2':
        raise UserError('--fp16 is for ONNX; a file of torch.export runs in any precision: program.module().half()')
    if options.out.exists() and not options.overwrite:
        raise UserError(f"'{options.out}' exists; choose another --out, or set --overwrite")
    network, needs_sigma = _network(options)
    with replacing(options.out) as partial:
        with explained(f"'{options.checkpoint}' cannot be exported"):
            (_write_onnx if kind == '.onnx' else _write_program)(network, needs_sigma, partial, options.fp16)
        worst = _compare(network, needs_sigma, partial, kind)
        tolerance = TOLERANCE_FP16 if options.fp16 else TOLERANCE
        if not worst <= tolerance:
            raise UserError(f'the exported file differs from PyTorch by {worst:.1e}, where {tolerance:g} is allowed; nothing is written')
    size = options.out.stat().st_size / 2**20
    print(f'{options.out}: {size:.2f} MiB, within {worst:.1e} of PyTorch on {len(SIZES)} photos of different sizes')


def _network(options: argparse.Namespace):
    """Return the denoiser, folded and fused, and whether it needs the noise level."""
    import torch
    from mmengine.registry import DefaultScope

    from semrestore.checkpoint import load_denoiser
    from semrestore.denoisers import InferenceDenoiser
    from semrestore.registry import MODELS
    from semrestore.zoo import resolve

    config = load_quietly(options.config).model.get('denoiser') if options.config else dict(type='MultiScaleDenoiser')
    if not config:
        raise UserError(f"config '{options.config}' has no denoiser")
    if not has_weights(config):
        raise UserError(f'{config["type"]} is no network; there is nothing to export')
    with DefaultScope.overwrite_default_scope('semrestore'):
        denoiser = MODELS.build(config)
    if options.checkpoint != 'none':
        load_denoiser(torch.nn.ModuleDict(dict(denoiser=denoiser)), resolve(options.checkpoint))
    denoiser = InferenceDenoiser(denoiser.eval()).denoiser.to(memory_format=torch.contiguous_format).eval()
    try:
        with torch.no_grad():
            denoiser(torch.zeros(1, 3, 16, 16))
    except ValueError:
        return denoiser, True
    return denoiser, False


def _example(needs_sigma: bool):
    """Return arguments to trace with, and which of their dimensions are free."""
    import torch

    batch, any_size = torch.export.Dim('batch', min=1), torch.export.Dim.AUTO
    images, shape = torch.zeros(2, 3, 67, 77), {0: batch, 2: any_size, 3: any_size}
    return ((images, torch.full((2,), 0.1)), (shape, {0: batch})) if needs_sigma else ((images,), (shape,))


def _write_onnx(network, needs_sigma: bool, path: Path, fp16: bool) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401 (PyTorch's exporter needs it)
    except ImportError as error:
        raise UserError(f"ONNX needs {error.name}: pip install 'semrestore[onnx]'") from None
    import torch

    arguments, shapes = _example(needs_sigma)
    names = ['noisy', 'sigma'] if needs_sigma else ['noisy']
    program = torch.onnx.export(
        _in_half_precision(network, needs_sigma) if fp16 else network,
        arguments,
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=names,
        output_names=['restored'],
        verbose=False,
    )
    model = program.model_proto
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _in_half_precision(network, needs_sigma: bool):
    """Return a copy of a network that computes in float16, between inputs and an output in float32."""
    import torch

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = copy.deepcopy(network).half()

        def forward(self, noisy):
            return self.network(noisy.half()).float()

    class HalfWithSigma(Half):
        def forward(self, noisy, sigma):
            return self.network(noisy.half(), sigma.half()).float()

    return (HalfWithSigma if needs_sigma else Half)().eval()


def _write_program(network, needs_sigma: bool, path: Path, fp16: bool) -> None:
    import torch

    arguments, shapes = _example(needs_sigma)
    with open(path, 'wb') as file:
        torch.export.save(torch.export.export(network, arguments, dynamic_shapes=shapes), file)


def _compare(network, needs_sigma: bool, path: Path, kind: str) -> float:
    """Return the largest difference between the file and PyTorch on noisy photos."""
    import torch

    from semrestore.datasets import EmbeddedPhotos

    if kind == '.onnx':
        import onnxruntime

        session = onnxruntime.InferenceSession(path.read_bytes(), providers=['CPUExecutionProvider'])

        def run(*inputs):
            fed = dict(zip((one.name for one in session.get_inputs()), (value.numpy() for value in inputs), strict=True))
            return torch.from_numpy(session.run(None, fed)[0])
    else:
        with open(path, 'rb') as file:
            run = torch.export.load(file).module()
    photos = [torch.from_numpy(item['img']) / 255 for item in EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')])]
    noise = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, height, width in SIZES:
        clean = torch.stack([photos[index % len(photos)][:height, :width] for index in range(batch)]).permute(0, 3, 1, 2).contiguous()
        levels = torch.rand(batch, generator=noise) * 0.2
        noisy = clean + levels.view(-1, 1, 1, 1) * torch.randn(clean.shape, generator=noise)
        inputs = (noisy, levels) if needs_sigma else (noisy,)
        with torch.no_grad():
            difference = (run(*inputs) - network(*inputs)).abs().max().item()
        worst = max(worst, difference if difference == difference else float('inf'))
    return worst
