"""Show the progress and the figures of a training."""

import math
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from semrestore.cascade import Cascade
from semrestore.engine.runner import bare_model
from semrestore.progress import ProgressBar
from semrestore.registry import HOOKS

LEAST_MSE = 1e-12  # 120 dB, for images that are restored exactly


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show a progress bar for training, or a line every ten seconds if the output is not a terminal.

    Args:
        title: What the run is called.
    """

    priority = 'VERY_LOW'

    def __init__(self, title: str) -> None:
        self.title = title
        self._bar: ProgressBar | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the bar."""
        self._bar = ProgressBar(self.title, runner.max_iters).__enter__()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Advance the bar."""
        if self._bar:
            self._bar.advance(note=f'loss {outputs["loss"].detach():.4f}' if outputs else '')

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.__exit__()
            self._bar = None


@HOOKS.register_module()
class FiguresHook(Hook):
    """Log the PSNR (dB) of each training batch (``batch_PSNR``) and the images trained a second (``images/s``).

    The PSNR is that of values on 0..1, neither clipped nor rounded, so it is not a validation's ``PSNR``.
    """

    priority = 'NORMAL'  # after MMEngine's timer, before its log

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Any = None
    ) -> None:
        """Log both figures."""
        hub = runner.message_hub
        model = bare_model(runner)
        if isinstance(model, Cascade) and model.training_mse is not None:
            hub.update_scalar('train/batch_PSNR', -10 * math.log10(max(model.training_mse.item(), LEAST_MSE)))
        images = len((data_batch or {}).get('inputs', ()))
        if images and 'train/time' in hub.log_scalars:
            seconds = hub.get_scalar('train/time').current()
            hub.update_scalar('train/images/s', images * get_world_size() / max(seconds, 1e-9))
