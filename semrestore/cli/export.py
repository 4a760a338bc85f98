"""Export a denoiser for other programs: ONNX (FILE.onnx) or torch.export (FILE.pt2), for any batch, height and width.

  semrestore export zoo:multiscale-sigma25 --out multiscale.onnx
  semrestore export zoo:multiscale-sigma25 --out multiscale_fp16.onnx --fp16
  semrestore export ffdnet.pth --config semrestore::baselines/ffdnet.py --out ffdnet.onnx

Input `noisy` and output `restored` are RGB, (N, 3, H, W), 0..1 (noise may leave that range; nothing is clipped). A
denoiser that needs the noise level has the input `sigma`, (N,), on 0..1. What is written is run on photos of several
sizes and compared with PyTorch before the file is kept.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help="the denoiser's weights: a file or a published name; 'none' for no weights")
    parser.add_argument('--config', metavar='CONFIG', help='config of the denoiser (default: what the file records)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='file to write: .onnx or .pt2')
    parser.add_argument(
        '--fp16', action='store_true', help='compute in half precision (ONNX; input and output: float32)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace the file if it is there')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore export``."""
    options = parse(arguments)
    kind = options.out.suffix
    if kind not in ('.onnx', '.pt2'):
        raise UserError(f"--out is '{options.out}'; expected a name that ends in .onnx or .pt2")
    if options.fp16 and kind == '.pt2':
        raise UserError('--fp16 is for ONNX; a file of torch.export runs in any precision: program.module().half()')
    if options.out.exists() and not options.overwrite:
        raise UserError(f"'{options.out}' exists; choose another --out, or set --overwrite")

    from semrestore.config.libraries import config_path
    from semrestore.weights.zoo import resolve

    source = None if options.checkpoint == 'none' else resolve(options.checkpoint)
    if options.config:
        config_path(options.config)

    from semrestore.config.load import load_denoiser_config
    from semrestore.weights.build import build_denoiser, needs_weights
    from semrestore.weights.export import SIZES, export_denoiser

    config = load_denoiser_config(options.config) if options.config else None
    denoiser = build_denoiser(config, source).eval()
    if not needs_weights(denoiser):
        raise UserError(f'{type(denoiser).__name__} is no network; there is nothing to export')
    worst = export_denoiser(denoiser, options.out, options.fp16)
    size = options.out.stat().st_size / 2**20
    print(f'{options.out}: {size:.2f} MiB, within {worst:.1e} of PyTorch on {len(SIZES)} photos of different sizes')
