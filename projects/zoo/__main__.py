"""Publish weights, measure what is published, and write the pages that show it.

  python -m projects.zoo publish NAME RUN ... --command "projects/zoo/train.sh NAME"
  python -m projects.zoo measure [NAME ...]    PSNR and SSIM into results/zoo.csv: kodak24, cbsd68, three embedded
                                               photos; blind ones on cc15
  python -m projects.zoo ensemble [NAME ...]   what the x8 self-ensemble adds, into results/ensemble.csv
  python -m projects.zoo page                  docs/model_zoo.md, the table in README.md, and weights/metafile.yml

Published weights are in half precision if that changes PSNR by less than 0.005 dB (measured on the embedded photos),
and in float32 otherwise.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from projects.zoo.pages import CSV, ENSEMBLE, LOGS, SETS, draw, pages, read_rows
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.errors import UserError
from semrestore.weights.zoo import WEIGHTS, published

ROOT = Path(__file__).parents[2]
CONFIG, PHOTOGRAPHS = ROOT / 'configs/evaluation/zoo.py', ROOT / 'configs/evaluation/cc15.py'
CAMERA = ROOT / 'configs/_base_/degradations/camera.py'
BLIND_SIGMAS = (15, 25, 30, 35, 50)
HALF_LOSS_DB = 0.005
COLUMNS = (
    'weights',
    'test_set',
    'images',
    'sigma',
    'metric',
    'value',
    'noise_seed',
    'commit',
    'config',
    'command',
    'seed',
    'iterations',
)
COLUMNS += ('device', 'wall_time_s')


def main(arguments=None) -> None:
    """Run the subcommand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='subcommand', required=True)
    publish_parser = commands.add_parser('publish', help='put the last checkpoint of a run among the published weights')
    publish_parser.add_argument('name', help='method-sigmaS or method-blind')
    publish_parser.add_argument('runs', nargs='+', type=Path, help='the run, after those that it started from')
    publish_parser.add_argument(
        '--earlier', nargs=2, type=int, default=(0, 0), metavar=('ITERATIONS', 'SECONDS'), help='without a log'
    )
    publish_parser.add_argument('--command', required=True, help='what made it')
    measure_parser = commands.add_parser('measure', help='measure published weights')
    measure_parser.add_argument('names', nargs='*', help='default: all')
    measure_parser.add_argument(
        '--only', metavar='NOISE', help="one noise level, 'camera' or 'photographs', and keep the other rows"
    )
    ensemble_parser = commands.add_parser('ensemble', help='measure them with the self-ensemble')
    ensemble_parser.add_argument('names', nargs='*', help='default: all that are for one noise level')
    ensemble_parser.add_argument(
        '--sets', nargs='+', default=list(SETS), choices=list(SETS), help='test sets (default: all)'
    )
    commands.add_parser('page', help='write the pages')
    options = parser.parse_args(arguments)
    dict(publish=publish, measure=measure, ensemble=ensemble, page=page)[options.subcommand](options)


def publish(options: argparse.Namespace) -> None:
    """Put weights into ``weights/``, with how they were made."""
    import torch

    from semrestore.files import sha256
    from semrestore.registry import MODELS
    from semrestore.weights.fit import fit_weights
    from semrestore.weights.read import latest_checkpoint, read_checkpoint, save_weights

    run_folder = options.runs[-1]
    checkpoint = latest_checkpoint(run_folder)
    if checkpoint is None:
        raise UserError(f"'{run_folder}' has no checkpoint")
    cfg = load_config(next(run_folder.glob('*.py')))
    meta = read_checkpoint(checkpoint)['meta']
    cascade = MODELS.build(dict(cfg.model)).eval()
    fit_weights(cascade, checkpoint)
    full = _quality(cascade)
    state = cascade.denoiser.state_dict()
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    cascade.denoiser.load_state_dict(half)
    lost = max(abs(one - other) for one, other in zip(full, _quality(cascade), strict=True))
    kept = half if lost < HALF_LOSS_DB else state
    print(f'half precision changes PSNR by at most {lost:.5f} dB: {"kept" if kept is half else "float32 kept"}')
    zoo = dict(published()) if (WEIGHTS / 'zoo.json').is_file() else {}
    logs = [_log(folder, number) for number, folder in enumerate(options.runs, 1)]
    sigma = cfg.model.degradation.get('sigma')
    entry = dict(
        denoiser=cascade.denoiser_record['denoiser'],
        sigma=sigma if sigma is None or isinstance(sigma, int | float) else list(sigma),
        data='bsds432',
        config=_config_name(run_folder),
        command=options.command,
        commit=subprocess.check_output(['git', 'rev-parse', 'HEAD'], cwd=ROOT, text=True).strip(),
        seed=meta['seed'],
        iterations=options.earlier[0] + sum(rows[-1]['iteration'] for rows in logs),
        device=_device(),
        wall_time_s=options.earlier[1] + round(sum(row['seconds'] for rows in logs for row in rows)),
        half_precision=kept is half,
    )
    partial = WEIGHTS / 'new.safetensors'
    save_weights({f'denoiser.{key}': value for key, value in kept.items()}, partial, dict(name=options.name) | entry)
    digest = sha256(partial)
    file = f'{options.name}-bsds432-{digest[:8]}.safetensors'
    if options.name in zoo:
        (WEIGHTS / zoo[options.name]['file']).unlink(missing_ok=True)
    partial.rename(WEIGHTS / file)
    zoo[options.name] = dict(file=file, sha256=digest) | entry
    (WEIGHTS / 'zoo.json').write_text(json.dumps(dict(sorted(zoo.items())), indent=2) + '\n', encoding='utf-8')
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f'{options.name}.csv', 'w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, ('run', 'iteration', 'lr', 'loss', 'seconds', 'psnr_cbsd68'))
        writer.writeheader()
        writer.writerows(row for rows in logs for row in rows)
    published.cache_clear()
    torch.manual_seed(0)
    print(
        f'weights/{file}: {(WEIGHTS / file).stat().st_size / 2**20:.2f} MiB; now: python -m projects.zoo measure'
        f' {options.name}; python -m projects.zoo page'
    )


def _config_name(folder: Path) -> str:
    return f'configs/denoise/{next(folder.glob("*.py")).name}'


def _device() -> str:
    from mmengine.device import get_device

    from benchmarks.measuring import processor

    return processor(get_device())


def _log(folder: Path, number: int) -> list[dict]:
    """Return the training log of a run: a row for every logged iteration, of a run that went on the later ones."""
    rows: dict[int, dict] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        last = 0
        for line in map(json.loads, path.read_text().splitlines()):
            if 'loss' in line:
                step, last = line['step'] - last, line['step']
                step = min(step, 100)  # of a run that went on, the first logged iteration is not the first of the run
                rows[line['step']] = dict(
                    run=number,
                    iteration=line['step'],
                    lr=line['lr'],
                    loss=line['loss'],
                    seconds=round(line['time'] * step, 2),
                )
            elif 'cbsd68/PSNR' in line and rows:
                rows[max(rows)]['psnr_cbsd68'] = round(line['cbsd68/PSNR'], 4)
    if not rows:
        raise UserError(f"'{folder}' has no training log (vis_data/scalars.json)")
    return [rows[iteration] for iteration in sorted(rows)]


def _quality(cascade) -> list[float]:
    """Return the PSNR on the embedded photos kept apart; of a range of noise, in the middle."""
    import torch

    from semrestore.datasets import EmbeddedPhotos
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.evaluation import psnr, to_8_bit

    own = cascade.degradation
    noise = GaussianNoise((own.low + own.high) / 2) if isinstance(own, GaussianNoise) else own
    values = []
    for photo in EmbeddedPhotos(split='val', pipeline=[dict(type='semrestore.LoadPhoto')]):
        clean = torch.from_numpy(photo['img']).permute(2, 0, 1)[None] / 255
        noisy, sigma = noise(clean, [image_generator(0, photo['name'])])
        with torch.inference_mode():
            values.append(psnr(to_8_bit(cascade.denoiser(noisy, sigma)), to_8_bit(clean)))
    return values


def measure(options: argparse.Namespace) -> None:
    """Measure and put the rows into the CSV, in place of older ones of the same weights."""
    from semrestore.engine import evaluate

    names = options.names or list(published())
    rows = [
        row for row in read_rows() if row['weights'] in published() and (options.only or row['weights'] not in names)
    ]
    for name in names:
        entry = published().get(name) or _unknown(name)
        for sigma, cfg in _noises(entry['sigma']):
            if options.only not in (None, str(sigma)):
                continue
            rows = [row for row in rows if (row['weights'], row['sigma']) != (name, str(sigma))]
            cfg.work_dir = str(ROOT / 'work_dirs/zoo/measure')
            result = evaluate(cfg, f'zoo:{name}')
            counts = {data['name']: data['images'] for data in result.data}
            made = {
                key: entry[key]
                for key in ('commit', 'config', 'command', 'seed', 'iterations', 'device', 'wall_time_s')
            }
            for key, value in result.metrics.items():
                test_set, _, metric = key.partition('/')
                if metric in ('PSNR', 'SSIM'):
                    row = dict(
                        weights=name,
                        test_set=test_set,
                        images=counts[test_set],
                        sigma=sigma,
                        metric=metric,
                        value=f'{value:.4f}',
                    )
                    rows.append(row | dict(noise_seed=result.seed) | made)
                    print(name, test_set, sigma, metric, f'{value:.4f}')
    rows.sort(key=lambda row: (row['weights'], str(row['sigma']), row['test_set'], row['metric']))
    with open(CSV, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    print(f'wrote {CSV.relative_to(ROOT)}')


def _noises(trained: float | list | None) -> Iterator[tuple[float | str, Config]]:
    """Yield the noise that weights are measured on, with the config."""
    if trained is None:
        cfg = load_config(CONFIG)
        cfg.model.degradation = Config.fromfile(CAMERA).degradation
        yield 'camera', cfg
    else:
        for sigma in BLIND_SIGMAS if isinstance(trained, list) else [trained]:
            yield sigma, load_config(CONFIG, [f'model.degradation.sigma={sigma}'])
    if not isinstance(trained, int | float):
        yield 'photographs', load_config(PHOTOGRAPHS)


def ensemble(options: argparse.Namespace) -> None:
    """Measure PSNR of whole images with and without the self-ensemble, on the noise of ``measure``."""
    from mmengine.registry import DefaultScope
    from rich.progress import track

    import semrestore
    from semrestore.acceleration import InferenceDenoiser
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.registry import DATASETS

    rows = []
    for name in options.names or [
        name for name, entry in published().items() if isinstance(entry['sigma'], int | float)
    ]:
        sigma = (published().get(name) or _unknown(name))['sigma']
        noise = GaussianNoise(sigma)
        plain = semrestore.load_denoiser(name)
        runs = [InferenceDenoiser(plain, ensemble=times == 8) for times in (1, 8)]
        for dataset_config in load_config(CONFIG).test_dataloader.dataset.datasets:
            if dataset_config.name not in options.sets:
                continue
            with DefaultScope.overwrite_default_scope('semrestore'):
                dataset = DATASETS.build(dataset_config)
            values = []
            for item in track(list(range(len(dataset))), f'{name} {dataset_config.name}'):
                photo = dataset[item]
                clean = photo['inputs'][None] / 255
                noisy, level = noise(clean, [image_generator(0, photo['data_samples'].name)])
                values.append([psnr(to_8_bit(run_one(noisy, level)), to_8_bit(clean)) for run_one in runs])
            once, eight = (sum(column) / len(values) for column in zip(*values, strict=True))
            gain = [eight - once for once, eight in values]
            row = dict(weights=name, test_set=dataset_config.name, images=len(values), sigma=sigma, psnr=f'{once:.4f}')
            rows.append(row | dict(psnr_x8=f'{eight:.4f}', least_gain=f'{min(gain):.4f}', most_gain=f'{max(gain):.4f}'))
            print(rows[-1], flush=True)
    with open(ENSEMBLE, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _unknown(name: str):
    raise UserError(f"there are no published weights '{name}'; there are: {', '.join(published())}")


def page(options: argparse.Namespace) -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding='utf-8')
        print(f'wrote {path.relative_to(ROOT)}')
    draw()


if __name__ == '__main__':
    sys.exit(run(main))
