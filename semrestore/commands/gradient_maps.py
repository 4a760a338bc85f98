"""Draw where each loss term looks (paper, Fig. 3): its gradient with respect to the noisy image, beside the clean and the noisy one.

  gradient-maps semrestore::study/joint_efficientnet_lite0_sigma30.py zoo:multiscale-sigma30 --out work_dirs/gradients
  gradient-maps semrestore::embedded/joint_efficientnet_lite0_sigma30.py zoo:multiscale-sigma30 --embedded --out work_dirs/gradients

Under each map: which part of its energy the strongest twentieth of the pixels have, 5 % if it were spread evenly. That share and the Gini
coefficient are taken on --images photos of the config's test data and written to gradients.json; the first --rows of them are drawn.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.cells import evenly
from semrestore.commands.common import add_config_options, check_dpi, explained, load_quietly, tracked
from semrestore.errors import UserError
from semrestore.files import replacing, write_text

TITLES = {'reconstruction': 'reconstruction loss', 'perceptual': 'perceptual loss', 'task': 'task loss'}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_options(parser)
    parser.add_argument('checkpoint', help="the denoiser's weights: a file, or zoo:NAME")
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for gradients.png and gradients.json')
    parser.add_argument('--images', type=int, default=100, metavar='N', help='photos to measure, evenly spread (default: 100)')
    parser.add_argument('--names', nargs='+', metavar='NAME', help='measure these photos of the test data instead, by their names')
    parser.add_argument('--rows', type=int, default=4, metavar='N', help='photos to draw (default: 4)')
    parser.add_argument('--dpi', type=int, default=150, help='resolution of the picture (default: 150; 300 for print)')
    parser.add_argument('--device', help='such as cpu or cuda:1 (default: what there is)')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/visualize/gradient_maps.py``."""
    options = parse(arguments)
    check_dpi(options.dpi)
    for name in ('images', 'rows'):
        if getattr(options, name) < 1:
            raise UserError(f'--{name} is {getattr(options, name)}; expected at least 1')
    cfg = load_quietly(options.config, options.cfg_options, options.embedded)
    if not cfg.model.get('losses') or not cfg.get('test_dataloader'):
        raise UserError(
            f"config '{options.config}' has no {'test_dataloader' if cfg.model.get('losses') else 'losses, whose gradients these are'}"
        )
    cascade, dataset, device = _build(cfg, options)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out '{options.out}' cannot be made: {error}") from None
    rows, drawn = _measure(cascade, dataset, device, options)
    _write(rows, drawn, options)


def _build(cfg, options: argparse.Namespace):
    from mmengine.device import get_device
    from mmengine.registry import DefaultScope

    from semrestore.checkpoint import load_denoiser
    from semrestore.registry import DATASETS, MODELS
    from semrestore.zoo import resolve

    device = options.device or get_device()
    with DefaultScope.overwrite_default_scope('semrestore'):
        with explained(f"config '{options.config}' does not build"):
            cascade = MODELS.build(cfg.model).eval()
            dataset = DATASETS.build(cfg.test_dataloader.dataset)
        load_denoiser(cascade, resolve(options.checkpoint))
    with explained(f"--device '{device}' cannot be used"):
        return cascade.requires_grad_(False).to(device), dataset, device


def _measure(cascade, dataset, device: str, options: argparse.Namespace) -> tuple[list[dict], list[list]]:
    """Return a row for each image and term, and the tiles of the images to draw."""
    from semrestore.cascade import image_name
    from semrestore.visualization import Tile
    from semrestore.visualization.gradients import energy, gini, heat, loss_gradients, top_share

    rows, drawn = [], []
    indices = _named(dataset, options.names) if options.names else evenly(len(dataset), options.images)
    shown = set(evenly(len(indices), options.rows))
    with tracked(indices, 'gradients') as remaining:
        for place, index in enumerate(remaining):
            item = dataset[index]
            data = cascade.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
            clean, sample = data['inputs'][0].to(device), data['data_samples'][0]
            with explained(f"the losses of '{options.config}' cannot be taken on '{image_name(sample)}'"):
                noisy, gradients = loss_gradients(cascade, clean, sample)
            tiles = [Tile(clean, image_name(sample)), Tile(noisy)]
            for name, gradient in gradients.items():
                strength = energy(gradient)
                row = dict(image=image_name(sample), term=name, top_share=top_share(strength), gini=gini(strength))
                rows.append(row)
                tiles.append(Tile(heat(strength), f'top 5 %: {100 * row["top_share"]:.0f} % of energy, Gini {row["gini"]:.2f}'))
            if place in shown:
                drawn.append(tiles)
    return rows, drawn


def _named(dataset, names: Sequence[str]) -> list[int]:
    places = {Path(dataset.get_data_info(index)['img_path']).stem: index for index in range(len(dataset))}
    for name in names:
        if name not in places:
            raise UserError(f"--names: the test data has no photo '{name}'; it has {', '.join(list(places)[:3])} and so on")
    return [places[name] for name in names]


def _write(rows: list[dict], drawn: list[list], options: argparse.Namespace) -> None:
    from semrestore.visualization import save_panel
    from semrestore.visualization.gradients import summary

    found = summary(rows)
    with replacing(options.out / 'gradients.png') as path:
        save_panel(drawn, ('clean', 'noisy', *(TITLES.get(name, name) for name in found)), path, options.dpi)
    document = dict(config=str(options.config), checkpoint=options.checkpoint, summary=found, rows=rows)
    write_text(options.out / 'gradients.json', json.dumps(document, indent=2, allow_nan=False) + '\n')
    for name, entry in found.items():
        text = (
            f'{name}: the strongest 5 % of pixels have {100 * entry["top_share"]:.1f} ± {100 * entry["top_share_std"]:.1f} % of the energy'
        )
        text += f', Gini {entry["gini"]:.3f} ± {entry["gini_std"]:.3f}'
        if 'above_reconstruction' in entry:
            text += f'; more concentrated than the reconstruction loss on {100 * entry["above_reconstruction"]:.0f} % of the images'
        print(f'{text} ({entry["images"]} images)')
    print(f'{options.out}: gradients.png, gradients.json')
