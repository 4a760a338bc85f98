"""Export a denoiser for other programs: ONNX (FILE.onnx) or torch.export (FILE.pt2), for any batch, height and width.

  semrestore export zoo:multiscale-sigma25 --out multiscale.onnx
  semrestore export zoo:multiscale-sigma25 --out multiscale_fp16.onnx --fp16
  semrestore export recognition-blind --before torchvision:mobilenet_v2 --out robust.onnx
  semrestore export ffdnet.pth --config semrestore::baselines/ffdnet.py --out ffdnet.onnx

Input `noisy` and output `restored` are RGB, (N, 3, H, W), 0..1 (noise may leave that range; nothing is clipped). A
denoiser that needs the noise level has the input `sigma`, (N,), on 0..1. What is written is run on photos of several
sizes and compared with PyTorch before the file is kept.

With --before NETWORK the file holds both: it takes the images that the network takes (normalised, at its size) and
gives the network's scores.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semrestore.errors import UserError

if TYPE_CHECKING:
    from semrestore.denoisers import Denoiser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help="the denoiser's weights: a file or a published name; 'none' for no weights")
    parser.add_argument('--config', metavar='CONFIG', help='config of the denoiser (default: what the file records)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='file to write: .onnx or .pt2')
    parser.add_argument(
        '--before',
        metavar='NETWORK',
        help='write this network behind the denoiser: timm:NAME, torchvision:NAME, hf:NAME, mmpretrain:CONFIG,'
        ' mmseg:CONFIG, or a config file with model.task',
    )
    parser.add_argument(
        '--checkpoint', dest='of_network', metavar='FILE', help="that network's weights (default: its library's)"
    )
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
    if options.fp16 and options.before:
        raise UserError('--fp16 is for the denoiser alone; a file with --before is in float32')
    if options.of_network and not options.before:
        raise UserError(
            "--checkpoint is for the weights of --before's network; the denoiser's come first, without a name"
        )
    if options.out.exists() and not options.overwrite:
        raise UserError(f"'{options.out}' exists; choose another --out, or set --overwrite")

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
        raise UserError(f'{type(denoiser).__name__} is no network; there is nothing to export')
    if options.before:
        _export_both(denoiser, options)
        return
    worst = export_denoiser(denoiser, options.out, options.fp16)
    size = options.out.stat().st_size / 2**20
    print(f'{options.out}: {size:.2f} MiB, within {worst:.1e} of PyTorch on {len(SIZES)} photos of different sizes')


def _export_both(denoiser: 'Denoiser', options: argparse.Namespace) -> None:
    from semrestore.config.named import named_task
    from semrestore.registry import MODELS
    from semrestore.weights.export_both import export_both

    named = named_task(options.before, options.of_network)
    worst, photos = export_both(denoiser, MODELS.build(named.task), named.side, options.out)
    size = options.out.stat().st_size / 2**20
    print(
        f'{options.out}: {size:.2f} MiB, takes (N, 3, {named.side}, {named.side}) normalised as for {options.before};'
        f' scores within {worst:.1e} of PyTorch, the same labels, on {photos} noisy photos'
    )
