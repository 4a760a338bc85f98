"""Denoise real camera noise, on pairs of photographs: PSNR of each noisy image and of what a denoiser without a known sigma makes of it.

python tools/study/real_noise.py DIR [--config configs/baselines/mcwnnm_photographs.py] [--out DIR]

DIR holds pairs ``NAME_real.png`` (noisy) and ``NAME_mean.png`` (the mean of many shots), as the 15 crops of Xu et al. (ICCV 2017) do.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import fmean

import torch
from mmengine.registry import DefaultScope
from PIL import Image

from semrestore.commands.common import explained, has_weights, load_quietly, run
from semrestore.datasets import read_photo
from semrestore.errors import UserError
from semrestore.evaluation import psnr, to_8_bit
from semrestore.registry import MODELS


def main(arguments=None) -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pairs', type=Path, help='folder of the pairs')
    parser.add_argument('--config', default='configs/baselines/mcwnnm_photographs.py', help='config of a denoiser without weights')
    parser.add_argument('--out', type=Path, help='folder for the restored images and result.json')
    parser.add_argument('--device', default='cpu')
    options = parser.parse_args(arguments)
    paths = sorted(options.pairs.glob('*_real.png'))
    if not paths:
        raise UserError(f"'{options.pairs}' holds no NAME_real.png")
    denoiser_config = load_quietly(options.config).model.get('denoiser')
    with DefaultScope.overwrite_default_scope('semrestore'):
        if not denoiser_config or has_weights(denoiser_config):
            raise UserError(
                f"config '{options.config}' has no denoiser that works without weights, such as configs/baselines/mcwnnm_photographs.py"
            )
        with explained(f"the denoiser of '{options.config}' cannot run on '{options.device}'"):
            denoiser = MODELS.build(denoiser_config).eval().to(options.device)
            torch.empty(0, device=options.device)
    if options.out:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--out '{options.out}' cannot be made: {error}") from None
    rows = []
    for path in paths:
        partner = path.with_name(path.name.replace('_real.png', '_mean.png'))
        if not partner.is_file():
            raise UserError(f"'{path}' has no partner '{partner.name}'")
        noisy, clean = (
            torch.from_numpy(read_photo(file).copy()).permute(2, 0, 1)[None].to(options.device) / 255 for file in (path, partner)
        )
        if noisy.shape != clean.shape:
            raise UserError(f"'{path.name}' and '{partner.name}' differ in size: {tuple(noisy.shape[2:])} and {tuple(clean.shape[2:])}")
        start = time.perf_counter()
        with explained(f"'{options.config}' cannot restore '{path}' without a known sigma"):
            restored = denoiser(noisy)
        restored.sum().item()  # waits for the device
        row = dict(image=path.name.removesuffix('_real.png'), seconds=time.perf_counter() - start)
        row |= {name: psnr(to_8_bit(image), to_8_bit(clean)) for name, image in (('noisy', noisy), ('restored', restored))}
        rows.append(row)
        print(f'{row["image"]}: {row["noisy"]:.2f} -> {row["restored"]:.2f} dB in {row["seconds"]:.0f} s', flush=True)
        if options.out:
            Image.fromarray(to_8_bit(restored[0]).byte().permute(1, 2, 0).cpu().numpy()).save(options.out / f'{row["image"]}.png')
    means = {name: fmean(row[name] for row in rows) for name in ('noisy', 'restored')}
    print(f'mean of {len(rows)}: {means["noisy"]:.2f} -> {means["restored"]:.2f} dB')
    if options.out:
        result = dict(denoiser=dict(denoiser_config), rows=rows, means=means)
        (options.out / 'result.json').write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')


if __name__ == '__main__':
    sys.exit(run(main))
