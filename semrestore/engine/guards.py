"""What keeps a training honest: randomness that follows from the iteration, and a stop where the loss is none any more."""

import math
from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from semrestore.datasets.stream import seed_cpu, stream_seed
from semrestore.errors import UserError
from semrestore.registry import HOOKS


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed what an iteration draws besides its data and noise (in a network or a loss) by the run's seed, the iteration and the process."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Seed Python, NumPy and torch."""
        seed = stream_seed(runner.seed or 0, -1 - runner.iter - (get_rank() << 40))
        seed_cpu(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed(seed)


@HOOKS.register_module()
class LossGuardHook(Hook):
    """Stop where the loss is no number, or far above what it was, with the iteration, the terms and the images' names.

    Args:
        interval: Look every so many iterations, on a GPU, where a look waits for the device; what happened between two looks is found at
            the next, and before any checkpoint is written.
        factor: How many times the lowest running mean of the loss is too much.
    """

    priority = 'NORMAL'  # before checkpoints are saved

    def __init__(self, interval: int = 10, factor: float = 1000.0) -> None:
        self.interval = interval
        self.factor = factor
        self._pending: list[tuple[int, dict, Sequence]] = []
        self._mean = self._lowest = math.inf

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Remember, and look."""
        samples = (data_batch or {}).get('data_samples') or ()
        # Kept without what it came from: the graph of a GPU's step is not to live until the next look.
        terms = {key: value.detach() for key, value in (outputs or {}).items() if 'loss' in key}
        self._pending.append((runner.iter + 1, terms, samples))
        last = runner.iter + 1 == runner.max_iters
        saved = any(self._saves(hook, runner) for hook in runner.hooks)
        on_cpu = not torch.cuda.is_available()
        if on_cpu or last or saved or len(self._pending) >= self.interval:
            self.look()

    @staticmethod
    def _saves(hook: Hook, runner) -> bool:
        interval = getattr(hook, 'interval', 0)
        return type(hook).__name__.endswith('CheckpointHook') and interval > 0 and (runner.iter + 1) % interval == 0

    def look(self) -> None:
        """Look at what is pending.

        Raises:
            UserError: A loss is no number, or exploded.
        """
        pending, self._pending = self._pending, []
        for iteration, tensors, samples in pending:
            terms = {key: float(value) for key, value in tensors.items()}
            loss = terms.get('loss', sum(terms.values()))
            wrong = not all(map(math.isfinite, terms.values()))
            if wrong or (self._lowest > 0 and loss > self.factor * self._lowest):
                listed = ', '.join(f'{key} {value:.4g}' for key, value in terms.items())
                names = [str(sample.metainfo.get('name') or sample.metainfo.get('img_path')) for sample in samples]
                what = 'is no number' if wrong else f'is more than {self.factor:g} times its lowest running mean, {self._lowest:.4g}'
                raise UserError(
                    f'training stopped at iteration {iteration}: the loss {what} ({listed}), on {", ".join(names)}. The last checkpoint is'
                    ' from before; try a lower learning rate, or gradient clipping (optim_wrapper.clip_grad)'
                )
            self._mean = loss if math.isinf(self._mean) else 0.98 * self._mean + 0.02 * loss
            self._lowest = min(self._lowest, self._mean)
