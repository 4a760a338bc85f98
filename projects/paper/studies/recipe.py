"""Compare the choices of the recipe by short trainings that differ in one thing, measured on 32 photos.

A training whose result is in the folder already is not repeated.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from semrestore.files import write_csv

CONFIG = 'configs/study/recipe.py'
RESULTS = Path(__file__).parents[3] / 'results/recipe.csv'
BASE = 'L1, AdamW 2e-3, cosine, EMA, 16 patches of 48 x 48'
RECIPES = {
    BASE: {},
    'the same, another seed': {'randomness.seed': 1},
    'MSE': {'model.losses.reconstruction.distance': 'mse'},
    'Charbonnier': {'model.losses.reconstruction.distance': 'charbonnier'},
    'learning rate 1e-3': {'optim_wrapper.optimizer.lr': 1e-3},
    'learning rate 4e-3': {'optim_wrapper.optimizer.lr': 4e-3},
    'no averaging of weights': {'custom_hooks': '[]'},
    '36 patches of 32 x 32': {'train_dataloader.batch_size': 36, 'train_dataloader.dataset.patch_size': 32},
    '9 patches of 64 x 64': {'train_dataloader.batch_size': 9, 'train_dataloader.dataset.patch_size': 64},
    'no batch normalisation': {'model.denoiser.norm': False},
    'random last convolution': {'model.denoiser.zero_tail': False},
}
# What more of the same gives: the first recipe, its whole schedule stretched.
LENGTHS = (1 / 2, 2, 4)
COLUMNS = ('recipe', 'psnr', 'ssim', 'iterations', 'sigma', 'options')


def main() -> None:
    """Train what is missing and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python projects/paper/studies/recipe.py --out work_dirs/recipe',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/recipe'), help='folder of the runs (default: work_dirs/recipe)'
    )
    parser.add_argument(
        '--names',
        nargs='+',
        default=list(RECIPES),
        choices=list(RECIPES),
        metavar='NAME',
        help=f'recipes to train, each in quotes (default: all): {", ".join(RECIPES)}',
    )
    parser.add_argument(
        '--results', type=Path, default=RESULTS, help='CSV table to write (default: results/recipe.csv)'
    )
    parser.add_argument('--iterations', type=int, default=400, help='training steps of each recipe (default: 400)')
    options = parser.parse_args()
    if options.results == RESULTS and (options.names != list(RECIPES) or options.iterations != 400):
        parser.error('results/recipe.csv holds all recipes at 400 steps; choose another file as --results')
    rows = []
    runs = [(name, options.iterations) for name in options.names]
    runs += [(BASE, round(length * options.iterations)) for length in LENGTHS if BASE in options.names]
    for name, iterations in runs:
        metrics = train(name, iterations, options.out)
        chosen = ' '.join(f'{key}={value}' for key, value in RECIPES[name].items())
        rows.append(dict(zip(COLUMNS, (name, *metrics, iterations, 30, chosen), strict=True)))
        print(f'{name:52} {iterations:5} iterations: {metrics[0]} dB, SSIM {metrics[1]}', flush=True)
    write_csv(options.results, rows)
    print(f'wrote {options.results}')


def train(name: str, iterations: int, out: Path) -> tuple[str, str]:
    """Return PSNR and SSIM of a recipe, from its folder if it has been run."""
    folder = out / f'{list(RECIPES).index(name):02}-{iterations}'
    settings = dict(recipe=name, iterations=iterations, options=RECIPES[name])
    known = folder / 'result.json'
    if known.is_file():
        result = json.loads(known.read_text(encoding='utf-8'))
        if result['settings'] == settings:
            return f'{result["PSNR"]:.3f}', f'{result["SSIM"]:.4f}'
    warm_up = iterations // 10
    changed = {
        'train_cfg.max_iters': iterations,
        'train_cfg.val_interval': iterations,
        'param_scheduler.0.end': warm_up,
    }
    changed |= {
        'param_scheduler.1.begin': warm_up,
        'param_scheduler.1.end': iterations,
        'param_scheduler.1.T_max': iterations - warm_up,
    }
    arguments = [f'{key}={value}' for key, value in (changed | RECIPES[name]).items()]
    started = time.time()
    command = [
        sys.executable,
        '-W',
        'ignore',
        'tools/train.py',
        CONFIG,
        '--amp',
        '--work-dir',
        str(folder),
        '--cfg-options',
        *arguments,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (log,) = (path for path in folder.glob('*/vis_data/scalars.json') if path.stat().st_mtime > started)
    last = json.loads(log.read_text(encoding='utf-8').splitlines()[-1])
    result = dict(settings=settings, PSNR=last['held_out/PSNR'], SSIM=last['held_out/SSIM'])
    known.write_text(json.dumps(result, indent=2), encoding='utf-8')
    return f'{result["PSNR"]:.3f}', f'{result["SSIM"]:.4f}'


if __name__ == '__main__':
    main()
