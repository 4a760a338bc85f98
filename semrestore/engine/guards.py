"""Seed each iteration, and stop a training whose loss is not finite."""

import math
from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from semrestore.datasets.stream import seed_cpu, stream_seed
from semrestore.errors import UserError
from semrestore.registry import HOOKS


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed an iteration's other random draws by the run's seed, the iteration and the process."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed Python, NumPy and torch."""
        seed = stream_seed(runner.seed or 0, -1 - runner.iter - (get_rank() << 40))
        seed_cpu(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed(seed)


@HOOKS.register_module()
class HistoryHook(Hook):
    """Limit how many logged values are kept.

    MMEngine keeps a million of each in an array that is copied at every iteration (14 ms of them at the millionth) and
    goes into every checkpoint.

    Args:
        length: How many to keep; more than ``log_processor.window_size``.
    """

    def __init__(self, length: int = 1000) -> None:
        self.length = length

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Limit new buffers."""
        for buffer in runner.message_hub.log_scalars.values():
            buffer.max_length = self.length


@HOOKS.register_module()
class LossGuardHook(Hook):
    """Stop if the loss is not finite or far above its earlier values, and name the iteration, terms and images.

    It looks at every iteration: MMEngine has waited for the loss by then, to log it.

    Args:
        factor: How many times the lowest running mean of the loss is too much.
    """

    priority = 'NORMAL'  # before checkpoints are saved

    def __init__(self, factor: float = 1000.0) -> None:
        self.factor = factor
        self._mean = self._lowest = math.inf

    def before_train(self, runner: Runner) -> None:
        """Restore the running mean of a resumed run."""
        self._mean, self._lowest = runner.message_hub.runtime_info.get('loss_guard', (math.inf, math.inf))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Look."""
        terms = {key: float(value.detach()) for key, value in (outputs or {}).items() if 'loss' in key}
        if terms:
            self.look(runner.iter + 1, terms, (data_batch or {}).get('data_samples') or ())
            runner.message_hub.update_info('loss_guard', (self._mean, self._lowest))

    def look(self, iteration: int, terms: dict[str, float], samples: Sequence) -> None:
        """Check the terms of one iteration.

        Raises:
            UserError: The loss is not finite, or exploded.
        """
        loss = terms.get('loss', sum(terms.values()))
        wrong = not all(map(math.isfinite, terms.values()))
        if wrong or (self._lowest > 0 and loss > self.factor * self._lowest):
            names = [str(sample.metainfo.get('name') or sample.metainfo.get('img_path')) for sample in samples]
            listed = ', '.join(f'{key} {value:.4g}' for key, value in terms.items())
            what = (
                'is not a finite number'
                if wrong
                else f'is more than {self.factor:g} times its lowest running mean, {self._lowest:.4g}'
            )
            raise UserError(
                f'training stopped at iteration {iteration}: the loss {what} ({listed}), on {", ".join(names)}.'
                ' The last checkpoint is older than that. Try a lower learning rate, or gradient clipping'
                ' (optim_wrapper.clip_grad)'
            )
        self._mean = loss if math.isinf(self._mean) else 0.98 * self._mean + 0.02 * loss
        self._lowest = min(self._lowest, self._mean)
