"""Measure the noise of photographs, and of a config's degradation (docs/degradations.md).

The table has a row for each camera, for all cameras together, and for each config. These columns describe the noise,
which is the noisy image minus the clean one:

  - standard deviation, on 0..255
  - standard deviation of the luma where the clean luma is below 64, from 64 to 144, and above 144
  - correlation of the noise with itself at a distance of 1, 2, 3 and 4 pixels
  - the same for red minus green, at a distance of 1, 2, 4 and 8 pixels
  - correlation of red with green
  - deviation of red, divided by that of green
  - share of the nine finest coefficients (DCT of the noisy luma, blocks of 8 x 8) below 0.5, which JPEG makes 0
  - mean of the luma's noise in the same three tones

The last column describes the clean image: the root mean square difference of neighbours, divided by the difference of
pixels that are four apart.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from scipy.fft import dctn
from torch import Tensor

import semrestore.degradations  # noqa: F401 (registers them)
from semrestore.config import load_config
from semrestore.datasets import PairFolder, PhotoFolder
from semrestore.degradations.base import image_generator
from semrestore.degradations.camera import LUMA
from semrestore.images import read_photo
from semrestore.registry import MODELS

COLUMNS = ('noise', 'images', 'std', 'std in dark, middle, bright', 'correlation of neighbours at distance 1, 2, 3, 4')
COLUMNS += ('the same of red minus green at 1, 2, 4, 8', 'correlation of red with green', 'noise ratio red to green')
COLUMNS += ('finest JPEG coefficients that are 0 (%)', 'mean in dark, middle, bright')
COLUMNS += ('clean image: difference of neighbours, divided by that of pixels four apart',)
TONES = (64.0, 144.0)  # of the clean luma: dark, middle, bright


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python projects/paper/studies/photographs.py $SEMRESTORE_DATA/cc15 \\\n'
        '      --config configs/denoise/multiscale_real.py --clean $SEMRESTORE_DATA/bsds432',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'pairs',
        type=Path,
        help='folder of pairs NAME_real and NAME_mean; the camera is what stands before the last _ of NAME',
    )
    parser.add_argument(
        '--config',
        action='append',
        default=[],
        help='config whose degradation is compared; may be given several times (default: none)',
    )
    parser.add_argument(
        '--clean', type=Path, help='folder of clean images for --config, which needs it; every 20th image is taken'
    )
    options = parser.parse_args()
    if options.config and options.clean is None:
        parser.error('--config needs --clean')
    print('| ' + ' | '.join(COLUMNS) + ' |\n|' + ' --- |' * len(COLUMNS))
    cameras: dict[str, list] = {}
    pairs = PairFolder(data_root=str(options.pairs.parent), folder=options.pairs.name)
    for pair in map(pairs.get_data_info, range(len(pairs))):
        measured = statistics(image(pair['noisy_path']), image(pair['img_path']))
        cameras.setdefault(pair['name'].rsplit('_', 1)[0], []).append(measured)
    for camera, rows in cameras.items():
        show(camera, rows)
    show('all', [measured for rows in cameras.values() for measured in rows])
    if options.config:
        photos = PhotoFolder(data_root=str(options.clean.parent), folder=options.clean.name)
        names = [photos.get_data_info(index)['img_path'] for index in range(0, len(photos), 20)]
    for config in options.config:
        degradation = MODELS.build(load_config(config).model.degradation)
        clean = {name: image(name)[None] for name in names}
        show(
            Path(config).stem,
            [
                statistics(degradation(each, [image_generator(0, name)]).images[0], each[0])
                for name, each in clean.items()
            ],
        )


def image(path: str) -> Tensor:
    """Return an image of ``(3, H, W)`` in 0..1."""
    return torch.from_numpy(read_photo(path)).permute(2, 0, 1) / 255


def statistics(noisy: Tensor, clean: Tensor) -> list[float]:
    """Return the columns of the table for one image."""
    noise = 255 * (noisy - clean)
    mean, noise = noise, noise - noise.mean((1, 2), keepdim=True)
    luma = 255 * luma_of(noisy).numpy()
    rows, columns = (side // 8 for side in luma.shape)
    blocks = luma[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8)
    finest = dctn(blocks, axes=(1, 3), norm='ortho')[:, 5:, :, 5:]
    tones = torch.bucketize(255 * luma_of(clean), torch.tensor(TONES))
    by_tone = [luma_of(mean)[tones == tone] for tone in range(1 + len(TONES))]
    deviations, means = (
        [getattr(part, measure)().item() if part.numel() >= 1000 else math.nan for part in by_tone]
        for measure in ('std', 'mean')
    )
    red, green = noise[0], noise[1]
    correlation = torch.corrcoef(torch.stack([red.flatten(), green.flatten()]))[0, 1]
    lags = [shared(noise, lag) for lag in (1, 2, 3, 4)] + [shared((red - green)[None], lag) for lag in (1, 2, 4, 8)]
    ratio, zero = (red.std() / green.std()).item(), 100 * (np.abs(finest) < 0.5).mean()
    light = luma_of(clean)
    one, four = (light[:, lag:] - light[:, :-lag] for lag in (1, 4))
    smoothness = (one.square().mean() / four.square().mean()).sqrt().item()
    return [noise.std().item(), *deviations, *lags, correlation.item(), ratio, zero, *means, smoothness]


def luma_of(image: Tensor) -> Tensor:
    """Return the luma ``(H, W)`` of an image ``(3, H, W)``."""
    return torch.einsum('chw,c->hw', image, image.new_tensor(LUMA))


def shared(noise: Tensor, lag: int) -> float:
    """Return the correlation of noise with itself ``lag`` columns on."""
    return ((noise[..., lag:] * noise[..., :-lag]).mean() / noise.square().mean()).item()


def show(name: str, rows: list[list[float]]) -> None:
    """Print the mean of some images."""
    # An image without bright parts says nothing of them.
    std, *others, correlation, ratio, zero, dark, middle, bright, smoothness = np.nanmean(rows, axis=0)
    tones = ' '.join(f'{deviation:.1f}' for deviation in others[:3])
    joined = [' '.join(f'{lag:.2f}' for lag in part) for part in (others[3:7], others[7:])]
    cells = [name, len(rows), f'{std:.1f}', tones, *joined, f'{correlation:.2f}', f'{ratio:.2f}', f'{zero:.0f}']
    cells += [f'{dark:.1f} {middle:.1f} {bright:.1f}', f'{smoothness:.2f}']
    print('| ' + ' | '.join(map(str, cells)) + ' |', flush=True)


if __name__ == '__main__':
    main()
