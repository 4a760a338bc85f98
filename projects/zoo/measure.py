"""Measure published weights on the test sets, on photos of other colours, and with the self-ensemble."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config

from projects.zoo.pages import BREADTH, CSV, ENSEMBLE, ROOT, read_rows
from semrestore.config import load_config
from semrestore.errors import UserError
from semrestore.files import write_csv
from semrestore.weights.zoo import published

CONFIG, PHOTOGRAPHS = ROOT / 'configs/evaluation/zoo.py', ROOT / 'configs/evaluation/cc15.py'
ALTERED = ROOT / 'configs/evaluation/altered.py'
CAMERA = ROOT / 'configs/_base_/degradations/camera.py'
BLIND_SIGMAS = (15, 25, 30, 35, 50)
RECOGNITION_SIGMAS = (15, 30, 60)
BREADTH_SIGMAS = (0, 5, 15, 25, 50)
HELD_OUT = {
    'breadth': (ROOT / 'configs/evaluation/held_out.py', BREADTH_SIGMAS),
    'closing': (ROOT / 'configs/evaluation/held_out.py', (25,)),
    'recognition': (ROOT / 'configs/evaluation/held_out_recognition.py', (0, 15, 30, 60)),
}
"""By what a run of a study is measured: a config, and noise levels."""
PEERS = {'FFDNet': 'work_dirs/weights/ffdnet.pth'}
"""Denoisers of others in the table of altered photos (docs/results.md says where their weights come from)."""


def measure(names: Sequence[str] = (), only: str | None = None) -> None:
    """Measure published weights, all by default, and put the rows into results/zoo.csv.

    Kodak, CBSD68 and three embedded photos; blind weights also on cc15's photographs.

    Args:
        names: Of the weights.
        only: One noise level, ``'camera'`` or ``'photographs'``; the other rows stay.
    """
    from semrestore.engine import evaluate

    names = names or list(published())
    rows = [row for row in read_rows() if row['weights'] in published() and (only or row['weights'] not in names)]
    for name in names:
        entry = published().get(name) or _unknown(name)
        for sigma, cfg in _noises(name, entry['sigma']):
            if only not in (None, str(sigma)):
                continue
            rows = [row for row in rows if (row['weights'], row['sigma']) != (name, str(sigma))]
            cfg.work_dir, cfg.log_level = str(ROOT / 'work_dirs/zoo/measure'), 'WARNING'
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
    write_rows(CSV, rows)


def _noises(name: str, trained: float | list | None) -> Iterator[tuple[float | str, Config]]:
    """Yield the noise that weights are measured on, with the config."""
    if trained is None:
        cfg = load_config(CONFIG)
        cfg.model.degradation = Config.fromfile(CAMERA).degradation
        yield 'camera', cfg
    else:
        blind = RECOGNITION_SIGMAS if name.startswith('recognition') else BLIND_SIGMAS
        for sigma in blind if isinstance(trained, list) else [trained]:
            yield sigma, load_config(CONFIG, [f'model.degradation.sigma={sigma}'])
    if not isinstance(trained, int | float):
        yield 'photographs', load_config(PHOTOGRAPHS)


def breadth(names: Sequence[str]) -> None:
    """Measure weights on photos as they are and altered, into results/breadth.csv, one noise level after the other.

    Args:
        names: Of published weights, or peers in :data:`PEERS`; all by default.
    """
    names = names or [*published(), *PEERS]
    files = {name: entry['file'] for name, entry in published().items()} | PEERS
    for name in names:
        trained = None if name in PEERS else (published().get(name) or _unknown(name))['sigma']
        sigmas = [trained] if isinstance(trained, int | float) else BREADTH_SIGMAS
        for sigma, found in _by_sigma(ALTERED, PEERS.get(name, f'zoo:{name}'), sigmas):
            rows = [row for row in read_rows(BREADTH) if row['file'] == files.get(row['weights'])]
            rows = [row for row in rows if (row['weights'], row['sigma']) != (name, str(sigma))]
            for key, value in found.items():
                test_set = key.partition('/')[0]
                rows.append(dict(weights=name, file=files[name], test_set=test_set, sigma=sigma, psnr=f'{value:.4f}'))
            write_rows(BREADTH, sorted(rows, key=lambda row: (row['weights'], row['test_set'], float(row['sigma']))))


def rows_of_run(study: str, name: str, folder: Path) -> list[dict]:
    """Return a run's figures on the held-out photos, as rows for the table of a study."""
    from semrestore.weights.read import latest_checkpoint

    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise UserError(f"'{folder}' has no checkpoint")
    config, sigmas = HELD_OUT[study]
    iterations = Path(checkpoint).stem.rpartition('_')[2]
    return [
        dict(training=name, iterations=iterations, sigma=sigma, metric=metric, value=f'{value:.4f}')
        for sigma, metrics in _by_sigma(config, checkpoint, sigmas)
        for metric, value in metrics.items()
    ]


def _by_sigma(config: Path, checkpoint: str, sigmas: Sequence[float]) -> Iterator[tuple[float, dict[str, float]]]:
    from semrestore.engine import evaluate
    from semrestore.weights.build import denoiser_config

    for sigma in sigmas:
        cfg = load_config(config, [f'model.degradation.sigma={sigma}'])
        cfg.model.denoiser = denoiser_config(checkpoint, cfg.model.denoiser)
        cfg.work_dir, cfg.log_level = str(ROOT / 'work_dirs/zoo/measure'), 'WARNING'
        metrics = evaluate(cfg, checkpoint).metrics
        print(Path(checkpoint).name, sigma, {key: round(value, 2) for key, value in metrics.items()}, flush=True)
        yield sigma, metrics


def write_rows(path: Path, rows: Sequence[dict]) -> None:
    """Write a table of results."""
    write_csv(path, rows)
    print(f'wrote {path.relative_to(ROOT)}')


def ensemble(names: Sequence[str], sets: Sequence[str]) -> None:
    """Measure PSNR of whole images with and without the self-ensemble, on the noise of ``measure``."""
    from mmengine.registry import DefaultScope
    from rich.progress import track

    import semrestore
    from semrestore.acceleration import InferenceDenoiser
    from semrestore.degradations import GaussianNoise, image_generator
    from semrestore.evaluation import psnr, to_8_bit
    from semrestore.registry import DATASETS

    names = names or [name for name, entry in published().items() if isinstance(entry['sigma'], int | float)]
    rows = [row for row in read_rows(ENSEMBLE) if row['weights'] not in names or row['test_set'] not in sets]
    for name in names:
        sigma = (published().get(name) or _unknown(name))['sigma']
        noise = GaussianNoise(sigma)
        plain = semrestore.load_denoiser(name)
        runs = [InferenceDenoiser(plain, ensemble=times == 8) for times in (1, 8)]
        for dataset_config in load_config(CONFIG).test_dataloader.dataset.datasets:
            if dataset_config.name not in sets:
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
    write_rows(ENSEMBLE, rows)


def _unknown(name: str):
    raise UserError(f"there are no published weights '{name}'. There are: {', '.join(published())}")
