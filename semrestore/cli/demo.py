"""The main job on the embedded photos: train a published denoiser on, jointly with EfficientNet-Lite0, and compare.

semrestore demo --out work_dirs/demo
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semrestore.cli.options import count

if TYPE_CHECKING:
    from mmengine.config import Config
    from rich.table import Table

CONFIG = 'semrestore::embedded/joint_efficientnet_lite0_sigma30.py'
START = 'zoo:multiscale-sigma30'  # trained alone, for hours, on other photos
TITLES = ('noisy', 'denoiser alone', 'jointly trained')
# The picture shows the middle of each photo kept apart.
VIEWS = ('chelsea@75,75', 'coffee@75,150', 'flower@75,225')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/demo'), help='folder for results (default: %(default)s)'
    )
    parser.add_argument('--iterations', type=count, metavar='N', help='shorten the training')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore demo``."""
    from rich.console import Console

    from semrestore.files import make_folder, write_text

    options = parse(arguments)
    started = time.monotonic()
    make_folder(options.out, '--out')
    checkpoints = [None, START, _train(options.out, options.iterations)]
    methods = dict(zip(TITLES, checkpoints, strict=True))
    results = {name: _evaluate(name, checkpoint, options.out) for name, checkpoint in methods.items()}
    write_text(options.out / 'result.json', json.dumps(results, indent=2) + '\n')
    picture = options.out / 'comparison.png'
    _draw(checkpoints, picture)
    console = Console(markup=False)
    console.print(_table(results))
    result = options.out / 'result.json'
    console.print(f'picture: {picture}', f'result:  {result}', sep='\n', highlight=False, soft_wrap=True)
    console.print(f'{time.monotonic() - started:.0f} s in all', highlight=False)


def _train(out: Path, iterations: int | None) -> str:
    from semrestore.engine import bf16_is_fast, train
    from semrestore.engine.optim_wrapper import with_bf16

    cfg = _config('training jointly', out / 'joint')
    if bf16_is_fast():
        cfg.optim_wrapper = with_bf16(cfg.optim_wrapper)
    cfg.load_from = START
    if iterations:
        cfg.train_cfg.max_iters = iterations
    train(cfg)
    return str(Path(cfg.work_dir) / f'iter_{cfg.train_cfg.max_iters}.pth')


def _evaluate(name: str, checkpoint: str | None, out: Path) -> dict:
    from semrestore.engine import evaluate

    cfg = _config(f'evaluating {name}', out / 'test')
    return evaluate(cfg, checkpoint, hooks=cfg.custom_hooks).summary()


def _config(title: str, work_dir: Path) -> 'Config':
    from semrestore.config import load_config

    cfg = load_config(CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'ERROR'
    cfg.custom_hooks = [dict(type='ProgressHook', title=title)]
    return cfg


def _table(results: dict[str, dict]) -> 'Table':
    from rich.table import Table

    first = next(iter(results.values()))
    images, sigma = first['data'][0]['images'], first['noise'][0]['sigma']
    title = f'{images} views of 3 photos kept apart, Gaussian noise of sigma {sigma}, EfficientNet-Lite0'
    table = Table(title=title)
    table.add_column('')
    for column in ('PSNR (dB)', 'SSIM', 'agreement with clean (%)'):
        table.add_column(column, justify='right')
    for name, result in results.items():
        metrics = result['metrics']
        values = f'{metrics["PSNR"]:.2f}', f'{metrics["SSIM"]:.3f}', f'{metrics["accuracy/top1"]:.1f}'
        table.add_row(name, *values)
    return table


def _draw(checkpoints: Sequence[str | None], path: Path) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    from semrestore.config import load_config
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.files import replacing
    from semrestore.registry import DATASETS, MODELS
    from semrestore.visualization import Tile, save_panel
    from semrestore.weights.build import load_denoiser

    def caption(label: Any, image: Any = None, clean: Any = None) -> str:
        name = IMAGENET_CATEGORIES[label.item()].split(',')[0]
        return name if image is None else f'{psnr(to_8_bit(image), to_8_bit(clean)):.1f} dB, {name}'

    cfg = load_config(CONFIG)
    with DefaultScope.overwrite_default_scope('semrestore'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        items = [item for item in map(dataset.__getitem__, range(len(dataset))) if item['data_samples'].name in VIEWS]
        cascade = MODELS.build({**cfg.model, 'denoiser': dict(type='Identity')}).eval()
    rows: list[list[Tile]] = [[] for _ in items]
    for checkpoint in checkpoints:
        if checkpoint is not None:
            cascade.denoiser = load_denoiser(checkpoint)
        batch = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
        for row, sample in zip(rows, cascade.test_step(batch), strict=True):
            agrees = bool(sample.pred_label == sample.gt_label)
            row.append(Tile(sample.restored, caption(sample.pred_label, sample.restored, sample.clean), agrees))
            if checkpoint == checkpoints[-1]:
                row.append(Tile(sample.clean, caption(sample.gt_label)))
    with replacing(path) as partial:
        save_panel(rows, (*TITLES, 'clean'), partial)
