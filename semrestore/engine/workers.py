"""Let data loading workers outlive a SIGTERM as long as the training does."""

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable

_released = multiprocessing.RawValue('b', 1)


class OutliveSigterm:
    """Initialise a data loading worker, because clusters and torchrun send SIGTERM to all processes of a job.

    Args:
        own: What the data loader's workers run first anyway.
    """

    def __init__(self, own: Callable[[int], None] | None) -> None:
        self.own = own

    def __call__(self, worker_id: int) -> None:
        """Start a worker."""
        if self.own is not None:
            self.own(worker_id)
        if multiprocessing.get_start_method() == 'fork':  # a forked worker sees what the training sets
            signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0) if _released.value else None)


def hold_workers() -> None:
    """Let workers outlive a SIGTERM from now on."""
    _released.value = 0


def release_workers() -> None:
    """Let a SIGTERM end workers again, because Python ends them that way when it exits."""
    _released.value = 1


atexit.register(release_workers)  # also after an error of the training
