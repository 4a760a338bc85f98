"""Show what a denoiser does for recognition, on photos that come with the package.

The first table takes seconds. It shows the published weights before torchvision's MobileNetV2, which took part in no
training. Then the command trains a published denoiser jointly with EfficientNet-Lite0, and compares it before that
network. Photos, noise and seed are fixed.

Example:
  semrestore demo --out work_dirs/demo
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semrestore.cli.options import count, new_parser
from semrestore.weights.zoo import published

if TYPE_CHECKING:
    from rich.table import Table

    from semrestore.evaluation.matrix import Cell

CONFIG = 'semrestore::embedded/demo.py'
JUDGE = 'semrestore::_base_/tasks/mobilenetv2.py'
SIGMA = 30
NOISY, ALONE, RECOGNITION, JOINT = 'noisy', 'multiscale-blind', 'recognition-blind', 'jointly trained'
NETWORKS = {'mobilenetv2': 'MobileNetV2, which had no part in any training', 'lite0': 'EfficientNet-Lite0'}
# The picture shows the middle of each photo kept apart.
SHOWN = ('chelsea@50,100', 'coffee@100,200', 'flower@100,200')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/demo'),
        metavar='DIR',
        help='folder for the results (default: %(default)s)',
    )
    parser.add_argument('--iterations', type=count, metavar='N', help="length of the training (default: the config's)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``semrestore demo``."""
    from rich.console import Console

    from semrestore.files import make_folder, write_text

    options = parse(arguments)
    started = time.monotonic()
    make_folder(options.out, '--out')
    console = Console(markup=False, highlight=False)
    console.print(f'measuring published weights, then training jointly; results go to {options.out}', soft_wrap=True)
    bench = _Bench()
    shipped = [NOISY, ALONE, *([RECOGNITION] if RECOGNITION in published() else [])]
    for name in shipped:
        bench.measure(name, None if name == NOISY else name)
    figures = _show(console, bench, 'mobilenetv2', shipped)
    bench.draw(options.out / 'comparison.png', 'mobilenetv2', shipped)
    bench.measure(JOINT, _train(options.out, options.iterations))
    figures += _show(console, bench, 'lite0', [NOISY, ALONE, JOINT])
    write_text(options.out / 'result.json', json.dumps(figures, indent=2) + '\n')
    console.print(f'results in {options.out}: comparison.png, result.json', soft_wrap=True)
    console.print(f'{time.monotonic() - started:.0f} s in all')


def _train(out: Path, iterations: int | None) -> str:
    from semrestore.config import load_config
    from semrestore.engine import bf16_is_fast, train
    from semrestore.engine.optim_wrapper import with_bf16

    cfg = load_config(CONFIG)
    cfg.work_dir = str(out / 'joint')
    cfg.log_level = 'ERROR'
    cfg.custom_hooks = [dict(type='ProgressHook', title='training jointly')]
    if bf16_is_fast():
        cfg.optim_wrapper = with_bf16(cfg.optim_wrapper)
    if iterations:
        cfg.train_cfg.max_iters = iterations
    train(cfg)
    return str(Path(cfg.work_dir) / f'iter_{cfg.train_cfg.max_iters}.pth')


class _Bench:
    """Measure denoisers on the demo's views, before both networks."""

    def __init__(self) -> None:
        from mmengine.registry import DefaultScope

        from semrestore.config.libraries import config_path, read_config
        from semrestore.config.load import load_config
        from semrestore.registry import DATASETS, MODELS

        cfg = load_config(CONFIG)
        tasks = dict(lite0=cfg.model.pop('task'), mobilenetv2=read_config(config_path(JUDGE)).task)
        model = {**cfg.model, 'tasks': tasks, 'losses': None, 'denoiser': dict(type='Identity')}
        with DefaultScope.overwrite_default_scope('semrestore'):
            self.views = DATASETS.build(cfg.test_dataloader.dataset)
            self.cascade = MODELS.build(model).eval()
        self.cells: dict[tuple[str, str, str], Cell] = {}
        self.shown: dict[tuple[str, str], Any] = {}

    def measure(self, name: str, weights: str | None) -> None:
        """Restore every view with some weights, or leave it noisy, and keep both networks' answers."""
        from semrestore.acceleration import InferenceDenoiser
        from semrestore.denoisers import Identity
        from semrestore.evaluation import Confidence, TopK, psnr, to_8_bit
        from semrestore.evaluation.matrix import Cell
        from semrestore.progress import ProgressBar
        from semrestore.weights.build import load_denoiser

        self.cascade.denoiser = InferenceDenoiser(load_denoiser(weights)) if weights else Identity()
        scores = TopK(), Confidence()
        rows: dict[tuple[str, str], list] = {
            (network, type(score).__name__): [] for network in NETWORKS for score in scores
        }
        with ProgressBar(f'measuring {name}', len(self.views)) as bar:
            for index in bar.track(range(len(self.views))):
                item = self.views[index]
                (sample,) = self.cascade.test_step(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
                quality = dict(psnr=psnr(to_8_bit(sample.restored), to_8_bit(sample.clean)))
                for network in NETWORKS:
                    for score in scores:
                        kind = type(score).__name__
                        rows[network, kind].append(dict(score=kind) | score.row(sample.get(network), None) | quality)
                if sample.name in SHOWN:
                    self.shown[name, sample.name] = sample
        for (network, kind), found in rows.items():
            self.cells[network, kind, name] = Cell(network, name, SIGMA, list(range(len(found))), found)

    def records(self, network: str, kind: str, methods: Sequence[str]) -> dict[str, dict]:
        """Return the first figure of a score by method, compared with the pixel-trained denoiser."""
        from semrestore.evaluation.matrix import Matrix

        cells = [self.cells[network, kind, method] for method in methods]
        found = Matrix(cells, [SIGMA], ALONE).records()
        return {one['method']: one for one in found if one['metric'] == found[0]['metric']}

    def draw(self, path: Path, network: str, methods: Sequence[str]) -> None:
        """Write a picture of three views, with one column for each method."""
        from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

        from semrestore.evaluation import psnr, to_8_bit
        from semrestore.files import replacing
        from semrestore.visualization.panel import Tile, save_panel

        def name_of(label: Any) -> str:
            return IMAGENET_CATEGORIES[label.item()].split(',')[0]

        def seen(sample: Any) -> str:
            own = sample.get(network)
            return f'{name_of(own.pred_label)} {own.pred_score.max().item():.0%}'

        rows = []
        for view in SHOWN:
            samples = [self.shown[method, view] for method in methods]
            row = [
                Tile(
                    sample.restored,
                    f'{psnr(to_8_bit(sample.restored), to_8_bit(sample.clean)):.1f} dB, {seen(sample)}',
                    bool(sample.get(network).pred_label == sample.get(network).gt_label),
                )
                for sample in samples
            ]
            rows.append([*row, Tile(samples[0].clean, name_of(samples[0].get(network).gt_label))])
        with replacing(path) as partial:
            save_panel(rows, (*methods, 'clean'), partial)


def _show(console: Any, bench: _Bench, network: str, methods: Sequence[str]) -> list[dict]:
    """Print how methods compare before a network, as a table and in a sentence."""
    agreement, confidence = (bench.records(network, kind, methods) for kind in ('TopK', 'Confidence'))
    console.print(_table(bench, network, agreement, confidence))
    last, other = methods[-1], ALONE if methods[-1] != ALONE else NOISY
    one = confidence[last]
    if other == ALONE:
        change, low, high = one['difference'], one['difference_low'], one['difference_high']
    else:  # the reference has no difference to itself
        before = confidence[NOISY]
        change, low, high = (-before[key] for key in ('difference', 'difference_high', 'difference_low'))
    verdict = 'more' if low > 0 else 'less' if high < 0 else 'neither clearly more nor less'
    console.print(
        f"After '{last}' the network gives the clean photo's class {verdict} probability than after '{other}':"
        f' {change:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}.\n',
        soft_wrap=True,
    )
    return [
        dict(network=network, method=method, agreement=agreement[method], probability=confidence[method])
        for method in methods
    ]


def _table(bench: _Bench, network: str, agreement: dict[str, dict], confidence: dict[str, dict]) -> 'Table':
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE,
        title=f'{NETWORKS[network]}\n{len(bench.views)} views of 3 photos kept apart, Gaussian noise of sigma {SIGMA}',
        caption='agreement: the class of the clean photo comes first; probability: of that class;\n'
        f"difference: of the probability to that after '{ALONE}', paired 95 % interval",
    )
    for column in ('', 'PSNR\n(dB)', 'agreement\n(%)', 'probability\n(%)', 'difference\n(points)'):
        table.add_column(column, justify='right' if column else 'left', no_wrap=True)
    for method, record in confidence.items():
        difference = (
            f'{record["difference"]:+.1f} [{record["difference_low"]:+.1f}, {record["difference_high"]:+.1f}]'
            if 'difference' in record
            else ''
        )
        table.add_row(
            method, f'{record["psnr"]:.2f}', f'{agreement[method]["value"]:.1f}', f'{record["value"]:.1f}', difference
        )
    return table
