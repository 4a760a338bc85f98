"""Train configs/study with several values of lambda_H, and compare them in a table and a plot.

Every training starts from CHECKPOINT, a denoiser that was trained alone. A value whose result is in the folder already
is not trained again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from semrestore.files import sha256

CONFIG = 'configs/study/joint_efficientnet_lite0_sigma30.py'
TEST = 'configs/evaluation/efficientnet_lite0_imagenet_samples.py'
# One layer and hard labels, as in the paper.
LOSSES = {
    'model.supervision': 'self',
    'model.losses.perceptual.layers': 'model.blocks.2',
    'model.losses.perceptual.weight': 0.005,
}


def main() -> None:
    """Train, evaluate and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python projects/paper/studies/lambda_h.py CHECKPOINT --out work_dirs/study/lambda_h',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', help='checkpoint of the denoiser to start from')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/study/lambda_h'),
        help='folder for the runs, the table and the plot (default: work_dirs/study/lambda_h)',
    )
    parser.add_argument(
        '--values',
        nargs='+',
        type=float,
        default=[0, 0.002, 0.02, 0.1, 0.2],
        help='values of lambda_H, the weight of the task loss (default: 0 0.002 0.02 0.1 0.2)',
    )
    parser.add_argument('--iterations', type=int, default=150, help='training steps for each value (default: 150)')
    parser.add_argument(
        '--photos',
        type=int,
        default=250,
        help='photos to evaluate on, evenly spread over the 1000 of imagenet_samples (default: 250)',
    )
    options = parser.parse_args()
    if not 1 <= options.photos <= 1000:
        parser.error(f'--photos is {options.photos}; there are 1000')
    options.out.mkdir(parents=True, exist_ok=True)
    runs = {'noisy': 'none', 'alone': options.checkpoint}
    results = {name: evaluate(name, checkpoint, options) for name, checkpoint in runs.items()}
    for value in options.values:
        name = f'lambda_h={value:g}'
        results[name] = evaluate(
            name,
            str(options.out / name / f'iter_{options.iterations}.pth'),
            options,
            LOSSES | {'model.losses.task.weight': value},
        )
    # For comparison: the config as it is, with soft targets, two layers and its own weights.
    results['the study'] = evaluate('study', str(options.out / 'study' / f'iter_{options.iterations}.pth'), options, {})
    rows = [f'| {name} | {result["PSNR"]:.2f} | {result["accuracy/top1"]:.1f} |' for name, result in results.items()]
    table = '\n'.join(['| | PSNR (dB) | top-1 (%) |', '| --- | --- | --- |', *rows])
    (options.out / 'lambda_h.md').write_text(table + '\n', encoding='utf-8')
    draw(options.values, results, options.out / 'lambda_h.png')
    print(table)


def evaluate(
    name: str, checkpoint: str, options: argparse.Namespace, losses: dict[str, object] | None = None
) -> dict[str, float]:
    """Return the metrics of one run, from its file or after training (if it has losses) and evaluating it."""
    path = options.out / f'{name}.json'
    settings = dict(
        start=sha256(options.checkpoint), iterations=options.iterations, photos=options.photos, losses=losses
    )
    known = path.with_suffix('.settings')
    if not path.is_file() or not known.is_file() or json.loads(known.read_text(encoding='utf-8')) != settings:
        # A checkpoint without settings is one whose evaluation was interrupted; with other settings it is of another
        # run.
        if losses is not None and (known.is_file() or not Path(checkpoint).is_file()):
            end = options.iterations
            run(
                ['tools/train.py', CONFIG, '--amp', '--work-dir', str(options.out / name)],
                **losses,
                **{
                    'load_from': options.checkpoint,
                    'train_cfg.max_iters': end,
                    'param_scheduler.1.end': end,
                    'param_scheduler.1.T_max': end - 20,
                },
            )
        indices = [int(i * 1000 / options.photos) for i in range(options.photos)]
        chosen = {
            'test_dataloader.dataset.indices': f'[{",".join(map(str, indices))}]',
            'test_evaluator.0.measures': '[PSNR]',
        }
        run(['tools/test.py', TEST, checkpoint, '--work-dir', str(options.out / 'test'), '--out', str(path)], **chosen)
        known.write_text(json.dumps(settings), encoding='utf-8')
    return json.loads(path.read_text(encoding='utf-8'))['metrics']


def run(command: list[str], **options: object) -> None:
    """Run one of the tools."""
    subprocess.run(
        [sys.executable, *command, '--cfg-options', *(f'{key}={value}' for key, value in options.items())], check=True
    )


def draw(values: list[float], results: dict[str, dict[str, float]], path: Path) -> None:
    """Draw top-1 and PSNR over lambda_H."""
    from matplotlib import pyplot as plt

    figure, left = plt.subplots(figsize=(6, 3.6), layout='constrained')
    right = left.twinx()
    floor = min(value for value in values if value) / 10  # where 0 stands on the logarithmic axis
    for axis, metric, colour in ((left, 'accuracy/top1', 'tab:blue'), (right, 'PSNR', 'tab:red')):
        axis.plot(
            [value or floor for value in values],
            [results[f'lambda_h={value:g}'][metric] for value in values],
            'o-',
            color=colour,
        )
        axis.axhline(results['alone'][metric], color=colour, linestyle=':')
        axis.tick_params(axis='y', labelcolor=colour)
    left.set_xscale('log')
    left.set_xticks([value or floor for value in values], [f'{value:g}' for value in values])
    left.minorticks_off()
    left.set(xlabel=r'$\lambda_H$ (dotted: the denoiser alone)')
    left.set_ylabel('top-1 (%)', color='tab:blue')
    right.set_ylabel('PSNR (dB)', color='tab:red')
    figure.savefig(path, dpi=150)


if __name__ == '__main__':
    main()
