"""Export a denoiser to ONNX (FILE.onnx) or torch.export (FILE.pt2), for any batch size, height and width.

Input `noisy` and output `restored` are RGB batches (N, 3, H, W) in 0..1; nothing is clipped. A denoiser that needs the
noise level has a second input `sigma` (N,) in 0..1. With --before NETWORK the file takes the network's input instead,
normalised and at its size, and returns the network's scores. Before the file is kept, its results are compared with
PyTorch's on several photos.

With --int8 the file computes in 8-bit integers, which is fast on CPUs with AVX-512 VNNI. The file has to keep PyTorch's
PSNR on noisy photos within a quarter of a decibel, and the command reports the loss.

Example:
  semrestore export multiscale-blind --out multiscale.onnx
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semrestore.cli.options import new_parser
from semrestore.errors import UserError

if TYPE_CHECKING:
    from semrestore.denoisers import Denoiser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument(
        'checkpoint',
        metavar='WEIGHTS',
        help="weights of the denoiser: a file or a name of `semrestore zoo`; 'none' for no weights",
    )
    parser.add_argument('--config', metavar='CONFIG', help='config of the denoiser (default: what the file records)')
    network = parser.add_argument_group('network behind the denoiser')
    network.add_argument(
        '--before',
        metavar='NETWORK',
        help='export this network too: timm:NAME, torchvision:NAME, hf:NAME, mmpretrain:CONFIG, mmseg:CONFIG, or a'
        ' config file with model.task',
    )
    network.add_argument(
        '--checkpoint', dest='of_network', metavar='FILE', help="weights of that network (default: its library's)"
    )
    results = parser.add_argument_group('results')
    results.add_argument('--out', type=Path, required=True, metavar='FILE', help='file to write: .onnx or .pt2')
    precision = results.add_mutually_exclusive_group()
    precision.add_argument(
        '--fp16', action='store_true', help='compute in half precision (ONNX only; inputs and outputs stay float32)'
    )
    precision.add_argument(
        '--int8', action='store_true', help='compute in 8-bit integers (ONNX only; inputs and outputs stay float32)'
    )
    results.add_argument(
        '--calibrate',
        type=Path,
        metavar='DIR',
        help="clean photos that set the scales of --int8 (default: scikit-image's photos)",
    )
    results.add_argument('--overwrite', action='store_true', help='replace the file if it exists')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore export``."""
    options = parse(arguments)
    kind = options.out.suffix
    if kind not in ('.onnx', '.pt2'):
        raise UserError(f"--out is '{options.out}'; expected a name that ends in .onnx or .pt2")
    if options.fp16 and kind == '.pt2':
        raise UserError(
            '--fp16 is only for ONNX. Leave it out: a file of torch.export runs in any precision, by'
            ' program.module().half()'
        )
    if options.int8 and kind == '.pt2':
        raise UserError('--int8 is only for ONNX. Choose an --out that ends in .onnx')
    if (options.fp16 or options.int8) and options.before:
        raise UserError('--fp16 and --int8 cannot be used with --before, which writes float32. Leave out one of them')
    if options.calibrate and not options.int8:
        raise UserError('--calibrate is only for --int8. Add --int8, or leave out --calibrate')
    if options.calibrate and not options.calibrate.is_dir():
        raise UserError(f"--calibrate: folder '{options.calibrate}' does not exist; expected a folder of clean photos")
    if options.of_network and not options.before:
        raise UserError(
            "--checkpoint gives the weights of --before's network, but --before is missing. The denoiser's"
            ' weights are the first argument, without an option'
        )
    if options.out.exists() and not options.overwrite:
        raise UserError(f"'{options.out}' already exists. Choose another --out, or set --overwrite")

    from semrestore.config.libraries import config_path
    from semrestore.weights.carriers import check_weights
    from semrestore.weights.zoo import resolve

    source = None if options.checkpoint == 'none' else resolve(options.checkpoint)
    check_weights(options.of_network)
    if options.config:
        config_path(options.config)

    from semrestore.config.load import load_denoiser_config
    from semrestore.weights.build import build_denoiser, needs_weights
    from semrestore.weights.export import SIZES, export_denoiser

    config = load_denoiser_config(options.config) if options.config else None
    denoiser = build_denoiser(config, source).eval()
    if not needs_weights(denoiser):
        raise UserError(f'{type(denoiser).__name__} has no network to export; expected a learned denoiser')
    if options.before:
        _export_both(denoiser, options)
        return
    print(f'exporting {type(denoiser).__name__} to {options.out}, and comparing it with PyTorch', flush=True)
    if options.int8:
        from semrestore.weights.export_int8 import export_int8

        lost = export_int8(denoiser, options.out, options.calibrate)
        size = options.out.stat().st_size / 2**20
        print(f'result: {options.out}, {size:.2f} MiB, {max(lost, 0):.3f} dB below PyTorch on noisy photos')
        return
    worst = export_denoiser(denoiser, options.out, options.fp16)
    size = options.out.stat().st_size / 2**20
    print(f'result: {options.out}, {size:.2f} MiB, within {worst:.1e} of PyTorch on {len(SIZES)} photos')


def _export_both(denoiser: 'Denoiser', options: argparse.Namespace) -> None:
    from semrestore.config.named import named_task
    from semrestore.registry import MODELS
    from semrestore.weights.export_both import export_both

    named = named_task(options.before, options.of_network)
    print(f'exporting both networks to {options.out}, and comparing them with PyTorch', flush=True)
    worst, photos = export_both(denoiser, MODELS.build(named.task), named.side, options.out)
    size = options.out.stat().st_size / 2**20
    print(
        f'result: {options.out}, {size:.2f} MiB, takes (N, 3, {named.side}, {named.side}) normalised as for'
        f' {options.before}; scores within {worst:.1e} of PyTorch, and the same labels, on {photos} noisy photos'
    )
