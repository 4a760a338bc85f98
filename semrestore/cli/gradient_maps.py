"""Draw where each loss term looks (paper, Fig. 3): its gradient with respect to the noisy image.

  semrestore gradient-maps CONFIG multiscale-sigma30 --out work_dirs/gradients

CONFIG is a joint one: semrestore::study/joint_efficientnet_lite0_sigma30.py for ImageNet photos, or
semrestore::embedded/joint_efficientnet_lite0_sigma30.py with --embedded, which needs no data.

Under each map: which part of its energy the strongest twentieth of the pixels have, 5 % if it were spread evenly. That
share and the Gini coefficient are taken on --images photos of the config's test data and written to gradients.json,
those of each photo to gradients.csv; the first --rows of them are drawn.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semrestore.cli.options import add_config_options, add_device, add_dpi, count
from semrestore.errors import UserError, explained

TITLES = {'reconstruction': 'reconstruction loss', 'perceptual': 'perceptual loss', 'task': 'task loss'}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_options(parser)
    parser.add_argument('checkpoint', help="the denoiser's weights: a file or a published name")
    parser.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for gradients.png, gradients.json, gradients.csv'
    )
    parser.add_argument('--images', type=count, default=100, metavar='N', help='photos to measure (default: 100)')
    parser.add_argument('--names', nargs='+', metavar='NAME', help='measure these photos of the test data instead')
    parser.add_argument('--rows', type=count, default=4, metavar='N', help='photos to draw (default: 4)')
    add_dpi(parser)
    add_device(parser)
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
    from semrestore.weights.fit import fit_weights
    from semrestore.weights.zoo import resolve

    device = options.device or get_device()
    cfg.model.denoiser = denoiser_config(options.checkpoint, cfg.model.denoiser)
    with DefaultScope.overwrite_default_scope('semrestore'), explained(f"config '{options.config}' does not build"):
        cascade = MODELS.build(cfg.model).eval()
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    fit_weights(cascade, resolve(options.checkpoint))
    with explained(f"--device '{device}' cannot be used"):
        return cascade.requires_grad_(False).to(device), dataset, device


def _named(dataset: Any, names: Sequence[str]) -> list[int]:
    places = {Path(dataset.get_data_info(index)['img_path']).stem: index for index in range(len(dataset))}
    for name in names:
        if name not in places:
            raise UserError(f"--names: the test data has no photo '{name}'; it has {', '.join(list(places)[:3])} ...")
    return [places[name] for name in names]


def _write(rows: list[dict], drawn: list[list], options: argparse.Namespace) -> None:
    from semrestore.files import replacing, write_csv, write_text
    from semrestore.visualization import save_panel
    from semrestore.visualization.gradients import summary

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
    print(f'{options.out}: gradients.png, gradients.json, gradients.csv')
