"""Publish the weights of a finished training, with how they were made."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from projects.zoo.pages import LOGS
from semrestore.config import load_config
from semrestore.errors import UserError
from semrestore.weights.zoo import WEIGHTS, published

if TYPE_CHECKING:
    from projects.zoo.trainings import Training

HALF_LOSS_DB = 0.005


def publish(training: 'Training', folder: Path) -> None:
    """Copy the last checkpoint of a run into ``weights/``, and its log into ``results/zoo/``.

    Weights are in half precision if that changes PSNR by less than 0.005 dB (measured on the embedded photos), and in
    float32 otherwise.
    """
    from semrestore.files import sha256, write_csv, write_text
    from semrestore.registry import MODELS
    from semrestore.weights.load import load_weights
    from semrestore.weights.read import latest_checkpoint, read_checkpoint, save_weights

    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise UserError(f"'{folder}' has no checkpoint")
    begun = json.loads((folder / 'training.json').read_text(encoding='utf-8'))
    meta = read_checkpoint(checkpoint)['meta']
    cascade = MODELS.build(dict(load_config(next(folder.glob('*.py'))).model)).eval()
    load_weights(cascade, checkpoint)
    full = _quality(cascade)
    state = cascade.denoiser.state_dict()
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    cascade.denoiser.load_state_dict(half)
    lost = max(abs(one - other) for one, other in zip(full, _quality(cascade), strict=True))
    kept = half if lost < HALF_LOSS_DB else state
    print(f'half precision changes PSNR by at most {lost:.5f} dB: {"kept" if kept is half else "float32 kept"}')
    rows = _log(folder)
    entry = dict(
        denoiser=cascade.denoiser_record['denoiser'],
        sigma=training.sigma,
        data=training.data,
        config=f'configs/{training.config}',
        options=training.options,
        command=f'python -m projects.zoo train {training.name}',
        round=training.round,
        start=begun['start'],
        commit=begun['commit'],
        seed=meta['seed'],
        iterations=begun['iterations'] + rows[-1]['iteration'],
        device=begun['device'],
        precision=begun['precision'],
        wall_time_s=begun['wall_time_s'] + round(sum(row['seconds'] for row in rows)),
        half_precision=kept is half,
    )
    partial = WEIGHTS / 'new.safetensors'
    save_weights({f'denoiser.{key}': value for key, value in kept.items()}, partial, dict(name=training.name) | entry)
    digest = sha256(partial)
    file = f'{training.name}-{digest[:8]}.safetensors'
    zoo = dict(published())
    before = zoo.get(training.name, {}).get('file', file)
    partial.rename(WEIGHTS / file)
    zoo[training.name] = dict(file=file, sha256=digest) | entry
    write_csv(LOGS / f'{training.name}.csv', rows)
    write_text(WEIGHTS / 'zoo.json', json.dumps(dict(sorted(zoo.items())), indent=2) + '\n')
    if before != file:
        (WEIGHTS / before).unlink(missing_ok=True)
    published.cache_clear()
    print(f'weights/{file}: {(WEIGHTS / file).stat().st_size / 2**20:.2f} MiB')


def _log(folder: Path) -> list[dict]:
    """Return the training log of a run, a row for every logged iteration; of repeated iterations the later row."""
    rows: dict[int, dict] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        last = 0
        for line in map(json.loads, path.read_text().splitlines()):
            if 'loss' in line:
                if not last:  # what an earlier run logged from here on is not of this one
                    rows = {step: row for step, row in rows.items() if step < line['step']}
                step, last = line['step'] - last, line['step']
                step = min(step, 100)  # of a run that went on, the first logged iteration is not the first of the run
                rows[line['step']] = dict(
                    run=1,
                    iteration=line['step'],
                    lr=line['lr'],
                    loss=line['loss'],
                    seconds=round(line['time'] * step, 2),
                )
            elif 'held_out/PSNR' in line and rows:
                rows[max(rows)]['psnr_held_out'] = round(line['held_out/PSNR'], 4)
    if not rows:
        raise UserError(f"'{folder}' has no training log; expected TIME/vis_data/scalars.json in it")
    return [rows[iteration] for iteration in sorted(rows)]


def _quality(cascade) -> list[float]:
    """Return the PSNR on the embedded test photos; white noise in the middle of its range, other noise by one draw."""
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
