"""Show progress on a terminal."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from semrestore.progress import ProgressBar
from semrestore.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show a progress bar for training and testing, or a line every ten seconds if the output is not a terminal.

    Args:
        title: What the run is called.
    """

    priority = 'VERY_LOW'

    def __init__(self, title: str) -> None:
        self.title = title
        self._bar: ProgressBar | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the bar."""
        self._start(runner.max_iters)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Advance the bar."""
        self._advance(f'loss {outputs["loss"].detach():.4f}' if outputs else '')

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        self._stop()

    def before_test_epoch(self, runner: Runner) -> None:
        """Start the bar."""
        self._start(len(runner.test_dataloader))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Advance the bar."""
        self._advance()

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Close the bar."""
        self._stop()

    def _start(self, total: int) -> None:
        self._bar = ProgressBar(self.title, total).__enter__()

    def _advance(self, note: str = '') -> None:
        if self._bar:
            self._bar.advance(note=note)

    def _stop(self) -> None:
        if self._bar:
            self._bar.__exit__()
            self._bar = None
