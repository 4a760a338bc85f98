"""Data loading workers that outlive a SIGTERM, and are started anew where one was killed."""

import logging
import multiprocessing
import os
import signal
from multiprocessing.connection import wait

from mmengine.dataset import worker_init_fn
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import FUNCTIONS
from mmengine.runner import IterBasedTrainLoop
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch._C import _error_if_any_worker_fails

from semrestore.errors import UserError
from semrestore.registry import HOOKS

KILLED = 'DataLoader worker'  # how PyTorch's message begins

_released = multiprocessing.RawValue('b', 1)


@FUNCTIONS.register_module()
def train_worker(worker_id: int, num_workers: int, rank: int, seed: int) -> None:
    """Start a data loading worker that outlives a SIGTERM as long as the training does: clusters and torchrun send it to all processes."""
    worker_init_fn(worker_id, num_workers, rank, seed)
    if multiprocessing.get_start_method() == 'fork':  # by which the worker sees what the training sets
        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0) if _released.value else None)


def hold_workers() -> None:
    """Have the workers of :func:`train_worker` outlive a SIGTERM from now on."""
    _released.value = 0


def release_workers() -> None:
    """Have them end by a SIGTERM again, which is how Python ends them when it exits."""
    _released.value = 1


@HOOKS.register_module()
class WorkerHook(Hook):
    """Go on where a data loading worker was killed, as by a machine that runs out of memory: with new workers, from the batch that is due.

    What becomes of an image follows from its place in the stream, so the training takes the very steps that it would have taken.

    Args:
        most: How many times without ten batches in between before it is given up.
    """

    def __init__(self, most: int = 3) -> None:
        self.most = most

    def before_train(self, runner) -> None:
        """Put itself between the training and its data."""
        loop = runner.train_loop
        if not isinstance(loop, IterBasedTrainLoop) or not loop.dataloader.num_workers:
            return
        counted = not (runner.iter and loop.fast_forward_on_resume)  # else the place in the stream is not the iteration
        if counted and hasattr(loop.dataloader.sampler, 'skip'):
            loop.dataloader_iterator = RestartingIterator(loop.dataloader, self.most)

    def before_val(self, runner) -> None:
        """Have a killed worker end the validation, wherever that is."""
        listen()

    def after_val(self, runner) -> None:
        """Be deaf again, since a step of training is not to be cut in two."""
        ignore()


class RestartingIterator(_InfiniteDataloaderIterator):
    """MMEngine's iterator over a stream of batches, with new workers where one was killed.

    Args:
        dataloader: Its sampler has a ``skip``, as :class:`~semrestore.datasets.StreamSampler` does.
        most: See :class:`WorkerHook`.
    """

    def __init__(self, dataloader, most: int) -> None:
        super().__init__(dataloader)
        self.most = most
        self.taken = self.restarts = self._last = 0

    def skip_iter(self, num_iters: int) -> None:
        """Go to a batch of the stream, counted from its beginning."""
        super().skip_iter(num_iters)
        self.taken = num_iters

    def __next__(self) -> object:
        """Return the next batch.

        Raises:
            UserError: Workers are killed again and again.
        """
        while True:
            listen()
            try:
                if self._died(timeout=0):
                    raise RuntimeError(KILLED)
                batch = super().__next__()
            except (RuntimeError, EOFError, OSError) as error:  # the latter where a batch of the dead is fetched
                ignore()
                # A death is seen a moment after what a worker leaves. That of another loader's, or of one that is being made, is heard
                # too, and costs this batch all the same.
                if not self._died(timeout=1) and not str(error).startswith(KILLED):
                    raise
                self._start_anew(error)
            else:
                self.taken += 1
                return batch
            finally:
                ignore()

    def _died(self, timeout: float) -> bool:
        workers = getattr(self._iterator, '_workers', [])
        return bool(workers) and bool(wait([worker.sentinel for worker in workers], timeout))

    def _start_anew(self, error: Exception) -> None:
        self.restarts = self.restarts + 1 if self.taken - self._last < 10 else 1
        self._last = self.taken
        if self.restarts > self.most:
            raise killed() from error
        print_log(f'A {KILLED} was killed. New ones go on from iteration {self.taken + 1}', logger='current', level=logging.WARNING)
        release_workers()  # those that wait for a dead one are ended
        if self._iterator is not None:
            self._iterator._shutdown_workers()
        self._dataloader._iterator = None  # where PyTorch keeps persistent workers
        self._iterator = None
        hold_workers()
        self._resolve_sampler().skip(self.taken * self._resolve_batch_size())


def listen() -> None:
    """Raise, from wherever the process is, when a worker dies: a read from its pipe that it did not finish would wait for ever."""
    signal.signal(signal.SIGCHLD, lambda number, frame: _error_if_any_worker_fails())


def ignore() -> None:
    """Raise no more. PyTorch's own handler would, halfway through a step of training."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def killed() -> UserError:
    """Say what to do where a worker was killed."""
    return UserError(
        f'a {KILLED} was killed. Out of memory? A smaller num_workers or batch_size needs less; a training goes on from its last checkpoint'
        ' with --resume'
    )
