"""Show a long job's progress on standard error: a bar on a terminal, otherwise a line every ten seconds."""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ['ProgressBar']

SECONDS_A_LINE = 10


class ProgressBar:
    """Show a progress bar, as a context manager.

    It has ended when an error from inside the ``with`` block is reported, so that the two do not mix.

    Args:
        title: What the job is called.
        total: How many steps it has.
        done: How many of them are done already.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title = title
        self.total = total
        self.done = done
        self._last_line = self._started = time.monotonic()
        self._done_before = done
        self._note = ''
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = TextColumn('{task.description}', markup=False), BarColumn(), MofNCompleteColumn()
            times = TimeElapsedColumn(), TimeRemainingColumn(), TextColumn('{task.fields[note]}', markup=False)
            self._bar = Progress(*columns, *times, console=Console(stderr=True))
            self._task = self._bar.add_task(title, total=total, completed=done, note='')

    def __enter__(self) -> 'ProgressBar':
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()
        elif self.done > self._done_before:
            print(f'{self.title}: {self.done}/{self.total} {self._note}'.rstrip(), file=sys.stderr, flush=True)

    def advance(self, steps: int = 1, note: str = '', total: int | None = None) -> None:
        """Count steps, with a note behind the bar; ``total`` corrects how many there are."""
        self.done += steps
        self.total = self.total if total is None else total
        self._note = note
        now = time.monotonic()
        if self._bar:
            self._bar.update(self._task, completed=self.done, total=self.total, note=note)
        elif now > self._last_line + SECONDS_A_LINE and self.done < self.total:
            self._last_line = now
            left = (now - self._started) / (self.done - self._done_before or 1) * (self.total - self.done)
            text = f'{self.title}: {self.done}/{self.total}, {timedelta(seconds=round(left))} left {note}'
            print(text.rstrip(), file=sys.stderr, flush=True)

    def print(self, line: str) -> None:
        """Print a line on standard error, above the bar."""
        if self._bar:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def track(self, items: Iterable) -> Iterator:
        """Yield items and count them."""
        for item in items:
            yield item
            self.advance()
