"""The main job on the embedded photos: train a published denoiser on, jointly with EfficientNet-Lite0, and compare what each is worth."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from semrestore.commands.common import load_quietly
from semrestore.errors import UserError
from semrestore.files import write_text
from semrestore.plugins import CONFIGS

START = 'zoo:multiscale-sigma30'  # trained alone, for hours, on other photos

# The picture shows the middle of each photo kept apart.
VIEWS = ('chelsea@75,75', 'coffee@75,150', 'flower@75,225')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='work_dirs/demo', help='folder for checkpoints, table and picture (default: %(default)s)')
    parser.add_argument('--iterations', type=int, metavar='N', help='shorten the training')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/demo.py``."""
    from rich.console import Console

    options = parse(arguments)
    if options.iterations is not None and options.iterations < 1:
        raise UserError(f'--iterations is {options.iterations}; expected at least 1')
    started = time.monotonic()
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"'{out}' cannot be made: {error}") from None
    config = CONFIGS / 'embedded/joint_efficientnet_lite0_sigma30.py'
    checkpoints = [START, _train(config, out, options.iterations)]
    methods = dict(zip(('noisy', 'denoiser alone', 'jointly trained'), ('none', *checkpoints), strict=True))
    results = {name: _evaluate(config, name, checkpoint, out) for name, checkpoint in methods.items()}
    write_text(out / 'result.json', json.dumps(results, indent=2) + '\n')
    picture = out / 'comparison.png'
    _draw(config, checkpoints, picture)
    console = Console(markup=False)
    console.print(_table(results))
    console.print(f'picture: {picture}', f'result:  {out / "result.json"}', sep='\n', highlight=False, soft_wrap=True)
    console.print(f'{time.monotonic() - started:.0f} s in all', highlight=False)


def _train(config: Path, out: Path, iterations: int | None) -> str:
    from semrestore.commands.train import train
    from semrestore.engine import bf16_is_fast

    cfg = _config(config, 'training jointly', out / 'joint')
    if bf16_is_fast():
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
    cfg.load_from = START
    if iterations:
        cfg.train_cfg.max_iters = iterations
    train(cfg)
    return str(Path(cfg.work_dir) / f'iter_{cfg.train_cfg.max_iters}.pth')


def _evaluate(config: Path, name: str, checkpoint: str, out: Path) -> dict:
    from semrestore.commands.test import evaluate

    cfg = _config(config, f'evaluating {name}', out / 'test')
    return evaluate(cfg, checkpoint, hooks=cfg.custom_hooks)


def _config(config: Path, title: str, work_dir: Path):
    cfg = load_quietly(config)
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'ERROR'
    cfg.custom_hooks = [dict(type='ProgressHook', title=title)]
    return cfg


def _table(results: dict[str, dict]):
    from rich.table import Table

    first = next(iter(results.values()))
    images, sigma = first['data'][0]['images'], first['noise'][0]['sigma']
    table = Table(title=f'{images} views of 3 photos kept apart, Gaussian noise of sigma {sigma}, EfficientNet-Lite0')
    table.add_column('')
    for column in ('PSNR (dB)', 'SSIM', 'agreement with clean (%)'):
        table.add_column(column, justify='right')
    for name, result in results.items():
        metrics = result['metrics']
        table.add_row(name, f'{metrics["PSNR"]:.2f}', f'{metrics["SSIM"]:.3f}', f'{metrics["accuracy/top1"]:.1f}')
    return table


def _draw(config: Path, checkpoints: Sequence[str], path: Path) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    from semrestore.checkpoint import load_denoiser
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.registry import DATASETS, MODELS
    from semrestore.visualization import Tile, save_panel
    from semrestore.zoo import resolve

    cfg = load_quietly(config)

    def caption(label, image=None, clean=None) -> str:
        name = IMAGENET_CATEGORIES[label.item()].split(',')[0]
        return name if image is None else f'{psnr(to_8_bit(image), to_8_bit(clean)):.1f} dB, {name}'

    with DefaultScope.overwrite_default_scope('semrestore'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        items = [item for item in map(dataset.__getitem__, range(len(dataset))) if item['data_samples'].name in VIEWS]
        rows: list[list[Tile]] = [[] for _ in items]
        for denoiser, checkpoint in [(dict(type='Identity'), None), *((cfg.model.denoiser, path) for path in checkpoints)]:
            cascade = MODELS.build({**cfg.model, 'denoiser': denoiser}).eval()
            if checkpoint:
                load_denoiser(cascade, resolve(checkpoint))
            batch = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
            for row, sample in zip(rows, cascade.test_step(batch), strict=True):
                agrees = bool(sample.pred_label == sample.gt_label)
                row.append(Tile(sample.restored, caption(sample.pred_label, sample.restored, sample.clean), agrees))
                clean = Tile(sample.clean, caption(sample.gt_label))
                if checkpoint == checkpoints[-1]:
                    row.append(clean)
    save_panel(rows, ('noisy', 'denoiser alone', 'jointly trained', 'clean'), path)
