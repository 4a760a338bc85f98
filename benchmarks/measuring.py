"""Share helpers between benchmarks: the machine's name, peak memory, and ratios."""

import argparse
import ctypes
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch


class Peak:
    """Measure the peak memory from now on, above what is held now."""

    def __init__(self, device: str) -> None:
        self.cuda = torch.cuda if device.startswith('cuda') else None
        if self.cuda:
            self.cuda.reset_peak_memory_stats()
            self.before = self.cuda.memory_allocated()
            return
        try:
            ctypes.CDLL(None).malloc_trim(0)  # what the allocator keeps for later would hide what is needed next
            Path('/proc/self/clear_refs').write_text('5')  # Linux: forget the highest resident size so far
            self.before = self._status('VmRSS')
        except (OSError, AttributeError):  # not Linux with glibc
            self.before = None

    def mib(self) -> float | None:
        """Return the peak in MiB, or ``None`` if the system does not say."""
        if self.cuda:
            return (self.cuda.max_memory_allocated() - self.before) / 2**20
        return None if self.before is None else (self._status('VmHWM') - self.before) / 2**20

    @staticmethod
    def _status(name: str) -> int:
        return 1024 * int(re.search(rf'{name}:\s+(\d+) kB', Path('/proc/self/status').read_text())[1])


def add_data_root(parser: argparse.ArgumentParser, holds: str) -> None:
    """Add ``--data-root``, the folder of the data sets that a benchmark reads."""
    parser.add_argument(
        '--data-root',
        type=Path,
        default=Path(os.environ.get('SEMRESTORE_DATA', 'data')),
        metavar='DIR',
        help=f'folder that holds {holds} (default: $SEMRESTORE_DATA, or data)',
    )


def processor(device: str) -> str:
    """Return the name of the processor, with the threads and PyTorch's version."""
    if device.startswith('cuda'):
        return f'{torch.cuda.get_device_name()}, torch {torch.__version__}'
    try:
        name = re.search(r'model name\s*: (.+)', Path('/proc/cpuinfo').read_text())[1]
    except (OSError, TypeError):
        name = platform.processor()
    return f'{name}, {torch.get_num_threads()} threads, torch {torch.__version__}'


def machine(device: str) -> dict:
    """Return the machine and versions for a table of figures."""
    return dict(processor=processor(device), system=platform.platform(), python=platform.python_version())


def matmul_rate(device: str, dtype: torch.dtype) -> float:
    """Return the floating point operations a second that a large matrix product reaches on this device.

    Args:
        device: Device to compute on.
        dtype: dtype of the matrices.
    """
    side = 8192 if device.startswith('cuda') else 2048
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds = times(lambda: (left @ right)[0, 0].item(), 7)
    return 2 * side**3 / min(seconds)


def times(step: Callable[[], object], repeats: int, warm_up: int = 2) -> list[float]:
    """Return the seconds of each of ``repeats`` calls of ``step``, which has to wait for the device itself."""
    seconds = []
    for _ in range(warm_up + repeats):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return seconds[warm_up:]


def summary(seconds: Sequence[float]) -> dict:
    """Return the median, the fastest and the slowest of repeated measurements."""
    return dict(median=statistics.median(seconds), fastest=min(seconds), slowest=max(seconds), repeats=len(seconds))


def ratio(ours: Sequence[float], reference: Sequence[float]) -> dict:
    """Return the ratio ours / reference of pairs measured in turns: by medians, and the quartiles over the pairs."""
    low, middle, high = statistics.quantiles((one / other for one, other in zip(ours, reference, strict=True)), n=4)
    return dict(
        by_medians=statistics.median(ours) / statistics.median(reference), of_pairs=middle, quartiles=[low, high]
    )


def write(path: str | Path | None, document: dict) -> None:
    """Write a document as JSON, if a path is given."""
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
        print(f'wrote {path}')
