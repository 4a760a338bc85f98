"""Denoise image files: each becomes a PNG of the same name, folders keep their structure.

  semrestore denoise noisy/ photo.jpg --model zoo:multiscale-sigma25 --out restored
  semrestore denoise noisy/ --model none --config semrestore::baselines/mcwnnm_photographs.py --out restored

A file that cannot be read is reported and the rest goes on; the exit status is then 2.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from semrestore.commands.common import explained, has_weights, load_quietly
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', type=Path, metavar='INPUT', help='image file, or folder that is searched recursively')
    parser.add_argument(
        '--model', required=True, metavar='CKPT', help="a denoiser's weights: a file, or zoo:NAME; 'none' for a method without"
    )
    parser.add_argument('--config', metavar='CONFIG', help="config of the denoiser (default: the paper's network)")
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the restored images')
    parser.add_argument('--sigma', type=float, metavar='S', help='standard deviation of the noise on 0..255, for methods that need it')
    parser.add_argument('--ensemble', action='store_true', help='mean over the eight orientations: eight times the work, a little better')
    parser.add_argument('--overwrite', action='store_true', help='replace files that --out already holds')
    parser.add_argument('--device', help='such as cpu or cuda:1 (default: what there is)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore denoise``."""
    options = parse(arguments)
    if options.sigma is not None and not 0 <= options.sigma < float('inf'):
        raise UserError(f'--sigma is {options.sigma:g}; expected a number of at least 0')
    pairs = list(_pairs(options.inputs, options.out, options.overwrite))
    denoiser, device = _denoiser(options)
    failures = []
    for source, target in _tracked(pairs):
        try:
            _restore(denoiser, device, options.sigma, source, target)
        except UserError as error:
            failures.append(str(error))
            print(f'failed: {error}', file=sys.stderr)
    print(f'{len(pairs) - len(failures)} of {len(pairs)} images restored: {options.out}')
    if failures:
        raise UserError(f'{len(failures)} of {len(pairs)} images could not be restored')


def _pairs(inputs: Sequence[Path], out: Path, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    """Yield each image and where it goes, having checked that no two go to one place and none onto itself."""
    from semrestore.datasets.photo_folder import SUFFIXES

    seen: dict[Path, Path] = {}
    for given in inputs:
        if not given.exists():
            raise UserError(f"'{given}' does not exist")
        sources = sorted(path for path in given.rglob('*') if path.suffix.lower() in SUFFIXES) if given.is_dir() else [given]
        if given.resolve() in out.resolve().parents:  # what an earlier run put into a folder inside the input is no input
            sources = [path for path in sources if out.resolve() not in path.resolve().parents]
        if not sources:
            raise UserError(f"folder '{given}' has no images (looked for {', '.join(sorted(SUFFIXES))})")
        for source in sources:
            target = (out / (source.relative_to(given) if given.is_dir() else source.name)).with_suffix('.png')
            if target.resolve() in (source.resolve(), *seen):
                raise UserError(f"'{seen.get(target.resolve(), source)}' would be overwritten by '{target}', made from '{source}'")
            if target.exists() and not overwrite:
                raise UserError(f"'{target}' exists; choose another --out, or set --overwrite")
            seen[target.resolve()] = source
            yield source, target


def _denoiser(options: argparse.Namespace):
    import torch
    from mmengine.device import get_device
    from mmengine.registry import DefaultScope

    from semrestore.checkpoint import load_denoiser
    from semrestore.denoisers import InferenceDenoiser
    from semrestore.registry import MODELS
    from semrestore.zoo import resolve

    config = dict(type='MultiScaleDenoiser')
    if options.config:
        config = load_quietly(options.config).model.get('denoiser')
    if not config:
        raise UserError(f"config '{options.config}' has no denoiser")
    with DefaultScope.overwrite_default_scope('semrestore'):
        if options.model == 'none' and has_weights(config):
            raise UserError(f'{config["type"]} needs weights: --model CKPT')
        denoiser = MODELS.build(config)
        if options.model != 'none':
            load_denoiser(torch.nn.ModuleDict(dict(denoiser=denoiser)), resolve(options.model))
    device = options.device or get_device()
    with explained(f"--device '{device}' cannot be used"):
        return InferenceDenoiser(denoiser.eval(), ensemble=options.ensemble).to(device), device


def _tracked(pairs: list) -> Iterator:
    from rich.console import Console
    from rich.progress import track

    return track(pairs, 'denoising', console=Console(stderr=True))


def _restore(denoiser, device: str, sigma: float | None, source: Path, target: Path) -> None:
    import torch
    from PIL import Image

    from semrestore.datasets import read_photo
    from semrestore.evaluation import to_8_bit

    noisy = torch.from_numpy(read_photo(source)).to(device).permute(2, 0, 1)[None] / 255
    with explained(f"'{source}' cannot be restored"):
        restored = denoiser(noisy, None if sigma is None else sigma / 255)
    array = to_8_bit(restored[0]).byte().permute(1, 2, 0).cpu().numpy()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(target)
    except OSError as error:
        raise UserError(f"'{target}' cannot be written: {error}") from None
