"""Measure whether a denoiser helps a reader: make the lines, fit a denoiser, run the matrices, write the tables.

Whatever the folder already holds is not made again. The last table needs photos of ImageNet (docs/data.md) and is left
out if SEMRESTORE_DATA is not set.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from semrestore_text.pages import write

from semrestore.__main__ import main as semrestore
from semrestore.config import load_config

CONFIGS = 'semrestore_text::text'
NOISES = dict(
    sensor='semrestore::_base_/degradations/poisson_gaussian.py',
    camera=f'{CONFIGS}/camera.py',
    jpeg=f'{CONFIGS}/jpeg.py',
    low_resolution=f'{CONFIGS}/low_resolution.py',
)
TITLES = {'none': 'none', 50: 'white, sigma 50', 30: 'white, sigma 30', 'low_resolution': 'low resolution'}
CONTROL = """_base_ = './reader.py'
reconstruction = {{_base_.model.losses.reconstruction}}
model = dict(losses=dict(_delete_=True, reconstruction=reconstruction))
"""
ERRORS = {'1-CER': 'Character error rate', '1-WER': 'Word error rate'}


def run(*arguments: str) -> None:
    """Run a command of semrestore."""
    if status := semrestore(list(arguments)):
        raise SystemExit(status)


def without_the_reader(out: Path) -> Path:
    """Return a denoiser that was fitted on the same lines for as many steps, but only by pixels."""
    path = out / 'control.py'
    if not path.is_file():
        path.write_text(CONTROL, encoding='utf-8')
    checkpoint = out / f'control/iter_{load_config(path).train_cfg.max_iters}.pth'
    if not checkpoint.is_file():
        run('train', str(path), '--work-dir', str(out / 'control'))
    return checkpoint


def matrix(out: Path, config: str, denoisers: Sequence[str], *more: str) -> list[dict]:
    """Return the records of a matrix, after running the cells that are missing."""
    run('cross-task', '--tasks', config, '--denoisers', *denoisers, '--reference', 'pixels', '--out', str(out), *more)
    return json.loads((out / 'matrix.json').read_text(encoding='utf-8'))['records']


def table(records: Sequence[dict], metric: str) -> list[str]:
    """Return a metric as Markdown, as an error rate if it is a text's; below it the differences to ``pixels``."""
    own = [record for record in records if record['metric'] == metric]
    methods = list(dict.fromkeys(record['method'] for record in own))
    sign, offset = (-1, 100) if metric in ERRORS else (1, 0)
    title = ERRORS.get(metric, metric)
    lines = [f'{title} in %, {own[0]["images"]} images, with 95 % intervals:', '']
    lines += ['| noise | ' + ' | '.join(methods) + ' |', '| --- |' + ' ---: |' * len(methods)]
    below = [f'Difference in {title[0].lower() + title[1:]} to `pixels`, paired:', '', *lines[2:]]
    for row in dict.fromkeys(record['sigma'] for record in own):
        cells = {record['method']: record for record in own if record['sigma'] == row}
        values, differences = [], []
        for method in methods:
            record = cells.get(method)
            if record is None:
                values.append('-')
                differences.append('-')
                continue
            low, high = sorted(offset + sign * record[end] for end in ('low', 'high'))
            values.append(f'{offset + sign * record["value"]:.1f} [{low:.1f}, {high:.1f}]')
            if 'difference' not in record:
                differences.append('-')
                continue
            low, high = sorted(sign * record[f'difference_{end}'] for end in ('low', 'high'))
            differences.append(f'{sign * record["difference"]:+.1f} [{low:+.1f}, {high:+.1f}]')
        name = TITLES.get(row, str(row))
        lines.append(f'| {name} | ' + ' | '.join(values) + ' |')
        below.append(f'| {name} | ' + ' | '.join(differences) + ' |')
    return [*lines, '', *below, '']


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python measure.py --out work',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work'), metavar='DIR', help='folder for all that is made (default: work)'
    )
    parser.add_argument('--minutes', default='12', help='length of the training of the fit, in minutes (default: 12)')
    parser.add_argument(
        '--lines', type=int, default=80, metavar='N', help='number of lines to read in each cell (default: 80)'
    )
    parser.add_argument(
        '--pages', type=int, default=8, metavar='N', help='number of pages to find text on in each cell (default: 8)'
    )
    parser.add_argument(
        '--photos', type=int, default=60, metavar='N', help='number of photos of ImageNet in each cell (default: 60)'
    )
    options = parser.parse_args(arguments)
    train, test, fitted = options.out / 'train', options.out / 'test', options.out / 'reader.safetensors'
    for folder, texts, count, seed in ((train, 'licence', 400, 0), (test, 'paragraphs', options.lines, 1)):
        if not folder.is_dir():
            write(folder, texts, count, seed)
    os.environ |= dict(TEXT_LINES=str(test / 'lines'), TEXT_PAGES=str(test / 'pages'))
    config = f'{CONFIGS}/recognition.py'
    if not fitted.is_file():
        noise = ['--noise', f'{CONFIGS}/mixture.py', '--minutes', options.minutes]
        run('fit', config, '--photos', str(train / 'lines'), *noise, '--out', str(fitted))
    control = without_the_reader(options.out)
    methods = ['pixels=zoo:multiscale-blind', 'recognition=zoo:recognition-blind', f'fitted={fitted}']
    denoisers = ['noisy', *methods]
    noises = ['--sigma', '50', '--noise', *(f'{name}={path}' for name, path in NOISES.items())]
    lines = ['## Reading', '']
    records = matrix(options.out / 'reading', config, [*denoisers, f'control={control}'], *noises)
    for metric in ERRORS:
        lines += table(records, metric)
    if 'SEMRESTORE_DATA' in os.environ:
        limits = ['--limit', *(f'{name.partition("=")[0]}={options.photos}' for name in denoisers)]
        photos = 'semrestore::evaluation/efficientnet_lite0_imagenet_samples.py'
        records = matrix(options.out / 'photos', photos, denoisers, '--sigma', '30', *limits)
        lines += ['## Photos before EfficientNet-Lite0', '', *table(records, 'top-1')]
    limits = ['--limit', *(f'{name.partition("=")[0]}={options.pages}' for name in denoisers)]
    records = matrix(options.out / 'finding', f'{CONFIGS}/detection.py', denoisers, '--sigma', '50', *limits)
    lines += ['## Finding', '', *table(records, 'text IoU')]
    (options.out / 'figures.md').write_text('\n'.join(lines), encoding='utf-8')


if __name__ == '__main__':
    main()
