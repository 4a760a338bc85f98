"""Draw a training's images from a stream, in which each image's randomness depends only on its place.

So a killed training continues bit for bit, and takes the same steps on one or several processes.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.structures import BaseDataElement

from semrestore.registry import DATA_SAMPLERS, DATASETS


class StreamIndex(int):
    """Index a data set, and carry the seed of a place in the stream."""

    seed: int


@DATA_SAMPLERS.register_module()
class StreamSampler(InfiniteSampler):
    """Add a seed to each index of MMEngine's infinite sampler: a hash of the run's seed and the place.

    Args:
        dataset: A :class:`StreamDataset`.
        shuffle: Draw each pass over the data in another order.
        seed: The run's seed, equal in all processes.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        super().__init__(dataset, shuffle, seed)
        self.start = 0

    def skip(self, num_samples: int) -> None:
        """Go to a place of this process's part of the stream."""
        super().skip(num_samples)
        self.start = num_samples

    def __iter__(self) -> Iterator[StreamIndex]:
        """Yield the indices of this process: every ``world_size``-th of the stream."""
        for count, index in enumerate(self.indices, self.start):
            place = count * self.world_size + self.rank
            seeded = StreamIndex(index)
            seeded.seed = stream_seed(self.seed, place)
            yield seeded


@DATASETS.register_module()
class StreamDataset:
    """Seed a data set's random transforms by the place in the stream, in whatever worker they run.

    The seed is left with the image as ``stream_seed``, for its noise.

    Args:
        dataset: Config of a data set, or one.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> object:
        if name == 'dataset':  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __getitems__(self, indices: Sequence[int]) -> list[dict]:
        """Return a batch with each image seeded by its own place."""
        return [self[index] for index in indices]

    def __getitem__(self, index: int) -> dict:
        """Return an item."""
        if not isinstance(index, StreamIndex):
            return self.dataset[index]
        seed_cpu(index.seed)
        item = self.dataset[index]
        sample = item.get('data_samples') if isinstance(item, dict) else None
        if isinstance(sample, BaseDataElement):
            sample.set_metainfo(dict(stream_seed=index.seed))
        return item


def seed_cpu(seed: int) -> None:
    """Seed Python, NumPy and torch's generator of the CPU.

    ``torch.manual_seed`` seeds every kind of device, and where one is not in use yet it writes down the whole call
    stack for later: more time than it takes to cut a patch.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


def stream_seed(seed: int, place: int) -> int:
    """Return the seed of a place in a run's stream, of 63 bits.

    >>> stream_seed(0, 1) == stream_seed(0, 1) != stream_seed(0, 2)
    True
    """
    return int.from_bytes(hashlib.sha256(f'{seed}:{place}'.encode()).digest()[:8], 'big') >> 1
