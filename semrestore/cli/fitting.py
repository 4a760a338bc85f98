"""Options and tables that ``semrestore fit`` and ``semrestore check`` share. Imports no PyTorch."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semrestore.errors import UserError

__all__ = ['add_network_options', 'network_and_photos', 'noise_of', 'print_table', 'verdict']

LEAST_SURE = 0.05


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the network, the photos and the noise."""
    parser.add_argument(
        'network',
        metavar='NETWORK',
        help='timm:NAME, torchvision:NAME, hf:NAME, mmseg:CONFIG, mmpretrain:CONFIG, or a config file with model.task;'
        ' if the data of that file are folders of photos, its pipelines are used',
    )
    data = parser.add_argument_group('network, photos and noise')
    data.add_argument(
        '--checkpoint', metavar='FILE', help="the network's weights: a file, URL or name (default: the library's)"
    )
    data.add_argument('--photos', type=Path, required=True, metavar='DIR', help='folder of clean photos')
    noise = data.add_mutually_exclusive_group()
    noise.add_argument(
        '--noise',
        default='0-60',
        metavar='NOISE',
        help='level on 0..255 such as 25, range such as 0-60, camera, sensor, jpeg, universal, or a config'
        ' (default: 0-60)',
    )
    noise.add_argument(
        '--noise-like', type=Path, metavar='DIR', help='use the noise of the photos in this folder, which is measured'
    )


def network_and_photos(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the network and the photos that the options name, and print the network's weights."""
    from semrestore.images.split import split_photos
    from semrestore.weights.carriers import check_weights

    check_weights(options.checkpoint)  # early, because named_task imports PyTorch
    split = split_photos(options.photos)
    if options.noise_like and not options.noise_like.is_dir():
        raise UserError(f"--noise-like: folder '{options.noise_like}' does not exist")

    from mmengine.registry import DefaultScope

    from semrestore.config.named import named_task
    from semrestore.errors import explained
    from semrestore.registry import MODELS
    from semrestore.weights.carriers import OWN

    named = named_task(options.network, options.checkpoint)
    what = f"the network '{options.network}' cannot be loaded; --checkpoint FILE gives it weights without a download"
    with DefaultScope.overwrite_default_scope('semrestore'), explained(what):
        MODELS.build(named.task)  # before the photos are looked at, because a download may fail
    given = named.task.get('checkpoint') or OWN
    print(f'{options.network}: {"its published weights" if given == OWN else f"weights {given}"}')
    return named, split


def noise_of(options: argparse.Namespace) -> tuple[dict, str]:
    """Return the degradation that the options name, and its name."""
    from semrestore.fitting import noise_config

    if options.noise_like is None:
        return noise_config(options.noise), f'noise {options.noise}'
    import torch

    from semrestore.datasets import PhotoFolder
    from semrestore.degradations import measure_noise
    from semrestore.progress import ProgressBar

    photos = PhotoFolder(folder=str(options.noise_like), pipeline=[dict(type='semrestore.LoadPhoto')])
    with ProgressBar('measuring the noise', len(photos)) as bar:
        images = (torch.from_numpy(photos[index]['img']).permute(2, 0, 1) / 255 for index in range(len(photos)))
        found = measure_noise(bar.track(images))
    levels = ', '.join(f'{found.sigma(brightness):.1f} at {brightness}' for brightness in (0.1, 0.5, 0.9))
    spread = '' if found.strength == (1, 1) else ', times {:.2f} to {:.2f} from photo to photo'.format(*found.strength)
    print(
        f"noise of '{options.noise_like}': sigma {levels} (brightness 0..1){spread}; channels correlate by"
        f' {found.correlation:.2f}; neighbours as after a blur of {found.blur:.1f} pixels'
    )
    if found.blur:
        print(
            "Neighbours share this noise, as they do a camera's after JPEG, of which about a quarter is missed. Compare"
            ' with --noise camera.'
        )
    return {**found.config(), 'quantise': True}, f"noise as in '{options.noise_like}'"


def print_table(records: Sequence[dict], title: str) -> None:
    """Print how the denoisers compare before the network."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, caption='agreement: the same answer as on the clean photo')
    table.add_column('', no_wrap=True)
    for column in ('agreement (%)', 'helped', 'harmed', 'PSNR (dB)'):
        table.add_column(column, justify='right', no_wrap=True)
    for record in records:
        quality = '' if record['psnr'] is None else f'{record["psnr"]:.2f}'
        agreement = f'{record["value"]:.1f} [{record["low"]:.1f}, {record["high"]:.1f}]'
        changes = [str(record.get(name, '')) for name in ('helped', 'harmed')]
        table.add_row(record['method'], agreement, *changes, quality)
    Console(markup=False).print(table)
    if said := verdict(records):
        print(said)


def verdict(records: Sequence[dict]) -> str:
    """Return the result of a table as a sentence, or an empty text if it counts no helped and harmed images.

    >>> noisy = dict(method='noisy', value=40, images=50)
    >>> verdict([noisy, dict(method='mine', value=70, images=50, helped=16, harmed=1)])
    "'mine' helps this network: 16 photos helped, 1 harmed (McNemar's exact test: p < 0.001)."
    """
    from semrestore.evaluation.harm import exact_p, p_text

    compared = [record for record in records if record.get('helped') is not None]
    if not compared:
        return ''
    noisy = next((record for record in records if record['method'] == 'noisy'), compared[0])
    if noisy['value'] > 100 - 100 / noisy['images']:
        return (
            'This noise changes hardly an answer on these photos, so no denoiser can help. If the network fails on your'
            ' own photos, their noise is stronger or of another kind.'
        )
    best = max(compared, key=lambda record: record['value'])
    helped, harmed = best['helped'], best['harmed']
    probability = exact_p(helped, harmed)
    margin = f' by more than {best["margin"]:g} points' if 'margin' in best else ''
    counts = f"{helped} photos helped, {harmed} harmed{margin} (McNemar's exact test: {p_text(probability)})."
    if probability >= LEAST_SURE:
        return f"These {noisy['images']} photos do not decide it: '{best['method']}', {counts} Give more photos."
    if helped > harmed:
        return f"'{best['method']}' helps this network: {counts}"
    return f"'{best['method']}', the best of these denoisers, harms this network under this noise: {counts}"
