"""Draw the gradient of each loss term with respect to the noisy image (paper, Fig. 3).

CONFIG needs losses and test data. Below each map stands the share of the energy in the strongest 5 % of the pixels,
which is 5 % if the energy is spread evenly. gradients.json has the mean share and Gini coefficient over --images
photos, gradients.csv those of each photo.

Example:
  semrestore gradient-maps semrestore::study/joint_efficientnet_lite0_sigma30.py multiscale-sigma30 --out work_dirs/maps
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semrestore.cli.options import add_config_options, add_device, add_dpi, count, new_parser
from semrestore.errors import UserError, explained

TITLES = {'reconstruction': 'reconstruction loss', 'perceptual': 'perceptual loss', 'task': 'task loss'}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    add_config_options(parser)
    parser.add_argument(
        'checkpoint', metavar='WEIGHTS', help='weights of the denoiser: a file or a name of `semrestore zoo`'
    )
    measured = parser.add_argument_group('photos')
    measured.add_argument('--images', type=count, default=100, metavar='N', help='photos to measure (default: 100)')
    measured.add_argument('--names', nargs='+', metavar='NAME', help='measure these photos of the test data instead')
    measured.add_argument('--rows', type=count, default=4, metavar='N', help='photos to draw (default: 4)')
    results = parser.add_argument_group('device and results')
    results.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for gradients.png, gradients.json, gradients.csv'
    )
    add_dpi(results)
    add_device(results)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore gradient-maps``."""
    options = parse(arguments)

    from semrestore.config.libraries import config_path
    from semrestore.weights.zoo import resolve

    config_path(options.config)
    resolve(options.checkpoint)

    from semrestore.config import load_config
    from semrestore.evaluation.rows import evenly
    from semrestore.files import make_folder
    from semrestore.progress import ProgressBar
    from semrestore.visualization.gradients import measure

    cfg = load_config(options.config, options.cfg_options, options.embedded)
    if not cfg.model.get('losses') or not cfg.get('test_dataloader'):
        missing = 'test_dataloader' if cfg.model.get('losses') else 'losses, whose gradients these are'
        raise UserError(f"config '{options.config}' has no {missing}")
    cascade, dataset, device = _build(cfg, options)
    make_folder(options.out, '--out')
    indices = _named(dataset, options.names) if options.names else evenly(len(dataset), options.images)
    shown = set(evenly(len(indices), options.rows))
    rows, drawn = [], []
    print(f'measuring the gradients of {len(indices)} photos', flush=True)
    with ProgressBar('gradients', len(indices)) as bar:
        for place, index in enumerate(bar.track(indices)):
            measured, tiles = measure(cascade, dataset[index], device)
            rows += measured
            if place in shown:
                drawn.append(tiles)
    _write(rows, drawn, options)


def _build(cfg: Any, options: argparse.Namespace) -> tuple[Any, Any, str]:
    from mmengine.device import get_device
    from mmengine.registry import DefaultScope

    from semrestore.registry import DATASETS, MODELS
    from semrestore.weights.build import denoiser_config
    from semrestore.weights.load import load_weights
    from semrestore.weights.zoo import resolve

    device = options.device or get_device()
    cfg.model.denoiser = denoiser_config(options.checkpoint, cfg.model.denoiser)
    with DefaultScope.overwrite_default_scope('semrestore'), explained(f"config '{options.config}' does not build"):
        cascade = MODELS.build(cfg.model).eval()
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    load_weights(cascade, resolve(options.checkpoint))
    with explained(f"--device '{device}' cannot be used"):
        return cascade.requires_grad_(False).to(device), dataset, device


def _named(dataset: Any, names: Sequence[str]) -> list[int]:
    places = {Path(dataset.get_data_info(index)['img_path']).stem: index for index in range(len(dataset))}
    for name in names:
        if name not in places:
            raise UserError(
                f"--names: the test data has no photo '{name}'; expected names such as {', '.join(list(places)[:3])}"
            )
    return [places[name] for name in names]


def _write(rows: list[dict], drawn: list[list], options: argparse.Namespace) -> None:
    from semrestore.files import replacing, write_csv, write_text
    from semrestore.visualization.gradients import summary
    from semrestore.visualization.panel import save_panel

    found = summary(rows)
    with replacing(options.out / 'gradients.png') as path:
        save_panel(drawn, ('clean', 'noisy', *(TITLES.get(name, name) for name in found)), path, options.dpi)
    document = dict(config=str(options.config), checkpoint=options.checkpoint, summary=found)
    write_text(options.out / 'gradients.json', json.dumps(document, indent=2, allow_nan=False) + '\n')
    rounded = [row | {name: f'{row[name]:.4f}' for name in ('top_share', 'gini')} for row in rows]
    write_csv(options.out / 'gradients.csv', rounded)
    for name, entry in found.items():
        share = f'{100 * entry["top_share"]:.1f} ± {100 * entry["top_share_std"]:.1f} %'
        text = f'{name}: the strongest 5 % of pixels have {share} of the energy'
        text += f', Gini {entry["gini"]:.3f} ± {entry["gini_std"]:.3f}'
        if 'above_reconstruction' in entry:
            above = f'{100 * entry["above_reconstruction"]:.0f} %'
            text += f'; more concentrated than the reconstruction loss on {above} of the images'
        print(f'{text} ({entry["images"]} images)')
    print(f'results in {options.out}: gradients.png, gradients.json, gradients.csv')
