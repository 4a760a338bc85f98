"""Measure how many training patches a second each way of loading gives on one core: ours and BasicSR-style loading.

In BasicSR-style loading the worker does all of it for each item: it reads the file, crops, turns, converts to float and
adds noise. In ours the patches are 8-bit, from a worker or from photos that lie on the device. Conversion and noise
follow on the device, for a whole batch at once; here that is on the CPU, and its time counts.

All ways take turns in one process with one thread and no workers. The figures are therefore those of one core, and
workers multiply them. With --pipeline the program times nothing but the training pipeline of a config.

Example:
  python -m benchmarks.data --folder $SEMRESTORE_DATA/bsds432 --out results/benchmark/data.json
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import default_collate
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.measuring import machine, ratio, summary, write
from semrestore.cli.options import new_parser
from semrestore.cli.run import run
from semrestore.config import load_config
from semrestore.datasets import DeviceResidentPatches, EmbeddedPhotos, PhotoFolder, StreamDataset, StreamSampler
from semrestore.degradations import GaussianNoise
from semrestore.errors import UserError
from semrestore.preprocessor import ImagePreprocessor

SIGMA = 25
REFERENCE = 'BasicSR style'


class ReadCropAddNoise(Dataset):
    """Load as other denoisers' training code does: everything for each item, in float32 on the CPU."""

    def __init__(self, paths: list[str], patch: int) -> None:
        self.paths, self.patch = paths, patch

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        """Return a noisy and a clean patch, floats in 0..1."""
        image = cv2.imread(self.paths[index]).astype(np.float32) / 255
        top, left = (np.random.randint(length - self.patch + 1) for length in image.shape[:2])
        image = image[top : top + self.patch, left : left + self.patch]
        if np.random.rand() < 0.5:
            image = image[:, ::-1]
        if np.random.rand() < 0.5:
            image = image[::-1]
        if np.random.rand() < 0.5:
            image = image.transpose(1, 0, 2)
        image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2RGB)
        clean = torch.from_numpy(image.transpose(2, 0, 1).copy())
        return dict(clean=clean, noisy=clean + SIGMA / 255 * torch.randn_like(clean))


def loader(dataset, batch: int) -> DataLoader:
    """Return an endless loader of training batches in this process."""
    stream = StreamDataset(dataset)
    return DataLoader(stream, batch, sampler=StreamSampler(stream, seed=0), collate_fn=default_collate)


def ways(options: argparse.Namespace) -> dict:
    """Return an iterator of batches, ready for the denoiser, for every way of loading."""
    load, cached = dict(type='semrestore.LoadPhoto'), dict(type='semrestore.LoadPhoto', cache=True)
    rest = [
        dict(type='semrestore.RandomCrop', crop_size=options.patch),
        dict(type='semrestore.RandomDihedral'),
        dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name')),
    ]

    def photos(*pipeline):
        if options.folder:
            return PhotoFolder(data_root=str(options.folder), pipeline=list(pipeline))
        return EmbeddedPhotos(pipeline=list(pipeline))

    paths = [photos().get_data_info(index)['img_path'] for index in range(len(photos()))]
    preprocess, noise = ImagePreprocessor(), GaussianNoise(SIGMA)

    def ours(dataset):
        for batch in loader(dataset, options.batch):
            clean = preprocess(batch, training=True)['inputs']
            seeds = [sample.metainfo['stream_seed'] for sample in batch['data_samples']]
            yield noise(clean, [torch.Generator().manual_seed(seed) for seed in seeds])

    reference = ReadCropAddNoise(paths, options.patch)
    drawn = RandomSampler(reference, replacement=True, num_samples=1_000_000_000)
    if options.pipeline:
        with DefaultScope.overwrite_default_scope('semrestore'):
            return {
                options.pipeline: ours(photos(*load_config(options.pipeline).train_dataloader.dataset.dataset.pipeline))
            }
    return {
        REFERENCE: iter(DataLoader(reference, options.batch, sampler=drawn)),
        'LoadPhoto': ours(photos(load, *rest)),
        'LoadPhoto(cache=True)': ours(photos(cached, *rest)),
        'DeviceResidentPatches': ours(DeviceResidentPatches(photos(load), options.patch, device='cpu')),
    }


def main(arguments=None) -> None:
    """Measure, print and write."""
    parser = new_parser(__doc__)
    parser.add_argument(
        '--folder', type=Path, metavar='DIR', help='folder of photos, such as bsds432 (default: the embedded photos)'
    )
    parser.add_argument(
        '--pipeline', metavar='CONFIG', help="time this config's training pipeline alone, on the photos of --folder"
    )
    parser.add_argument('--patch', type=int, default=48, help='side of a patch in pixels (default: 48)')
    parser.add_argument('--batch', type=int, default=32, help='patches in a batch (default: 32)')
    parser.add_argument(
        '--seconds', type=float, default=4, help='seconds that each way loads in each round (default: 4)'
    )
    parser.add_argument('--rounds', type=int, default=5, help='rounds to time, at least 2 (default: 5)')
    parser.add_argument('--out', metavar='FILE', help='JSON file to write the figures to (default: none)')
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        raise UserError(f'--rounds is {options.rounds}; expected at least 2, for a spread')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    rates: dict[str, list[float]] = {}
    iterators = ways(options)
    for iterator in iterators.values():  # to warm up, and to fill the cache
        started = time.perf_counter()
        while time.perf_counter() - started < options.seconds:
            next(iterator)
    for _ in range(options.rounds):
        for name, iterator in iterators.items():
            started, count = time.perf_counter(), 0
            while (elapsed := time.perf_counter() - started) < options.seconds:
                count += len(next(iterator)[0]) if name != REFERENCE else len(next(iterator)['noisy'])
            rates.setdefault(name, []).append(count / elapsed)
    where = options.folder or 'embedded photos'
    print(f'{machine("cpu")["processor"]}; {where}, patches of {options.patch}, batches of {options.batch}')
    rows = {}
    for name, values in rates.items():
        rows[name] = summary(values)
        print(f'{name}: {rows[name]["median"]:.0f} patches/s a core ({min(values):.0f} to {max(values):.0f})', end='')
        if name != REFERENCE and REFERENCE in rates:
            rows[name]['over_reference'] = ratio(values, rates[REFERENCE])
            low, high = rows[name]['over_reference']['quartiles']
            print(f', {rows[name]["over_reference"]["by_medians"]:.1f} x (quartiles {low:.1f} to {high:.1f})', end='')
        print()
    given = dict(
        folder=where.name if options.folder else where, patch=options.patch, batch=options.batch, rounds=options.rounds
    )
    write(options.out, dict(machine=machine('cpu'), options=given, patches_per_s=rows))


if __name__ == '__main__':
    sys.exit(run(main))
