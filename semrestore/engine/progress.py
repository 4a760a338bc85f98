"""Progress for people who watch a terminal rather than a log."""

import sys
import time

from mmengine.hooks import Hook
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from semrestore.registry import HOOKS

SECONDS_A_LINE = 10


@HOOKS.register_module()
class ProgressHook(Hook):
    """A progress bar for training and testing, or a line every ten seconds where the output is no terminal.

    Args:
        title: What the run is called.
    """

    priority = 'VERY_LOW'

    def __init__(self, title: str) -> None:
        self.title = title
        self._bar: Progress | None = None

    def before_train(self, runner) -> None:
        """Start the bar."""
        self._start(runner.max_iters)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Advance the bar."""
        self._advance(runner.iter + 1, f'loss {outputs["loss"].detach():.4f}' if outputs else '')

    def after_train(self, runner) -> None:
        """Close the bar."""
        self._stop()

    def before_test_epoch(self, runner) -> None:
        """Start the bar."""
        self._start(len(runner.test_dataloader))

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Advance the bar."""
        self._advance(batch_idx + 1)

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Close the bar."""
        self._stop()

    def _start(self, total: int) -> None:
        self._total = total
        self._last_line = time.monotonic()
        if sys.stdout.isatty():
            columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, TextColumn('{task.fields[note]}'))
            self._task = self._bar.add_task(self.title, total=total, note='')
            self._bar.start()

    def _advance(self, done: int, note: str = '') -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, note=note)
        elif done == self._total or time.monotonic() > self._last_line + SECONDS_A_LINE:
            self._last_line = time.monotonic()
            print(f'{self.title}: {done}/{self._total} {note}'.rstrip(), flush=True)

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None
