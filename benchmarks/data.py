"""Measure the training patches a second of each way of loading, on one core: ours and BasicSR-style loading.

    python -m benchmarks.data [--folder DIR] [--patch 48] [--batch 32] [--pipeline CONFIG] [--out FILE]

BasicSR-style: every item reads its file, crops, turns, converts to float and adds noise, all in the worker. Ours: 8-bit
patches from the worker, or from photos that lie on the device, and conversion and noise there, by the batch (it counts
here, on the CPU). All ways take turns in one process with one thread and no workers, so that the figures are those of
one core; workers multiply them. With --pipeline it is the training pipeline of a config alone that is timed, on the
photos of --folder.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=Path, help='of photos, such as bsds432; without one the embedded photos')
    parser.add_argument('--pipeline', metavar='CONFIG', help='time its training pipeline instead')
    parser.add_argument('--patch', type=int, default=48)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--seconds', type=float, default=4, help='of each turn of each way')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--out', help='write the figures to this JSON file')
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
