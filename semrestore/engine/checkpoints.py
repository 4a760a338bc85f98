"""Write checkpoints that a kill, a full disk or a cluster's pre-emption cannot damage."""

import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, all_reduce_params, barrier, get_world_size, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook, EMAHook, Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from semrestore.engine.runner import bare_model
from semrestore.engine.workers import OutliveSigterm, hold_workers, release_workers
from semrestore.errors import UserError
from semrestore.files import replacing
from semrestore.registry import HOOKS
from semrestore.weights.read import RECORD

EXIT_PREEMPTED = 75
"""Exit status after SIGTERM, with a checkpoint saved for ``--resume`` (EX_TEMPFAIL of sysexits.h)."""


class AtomicBackend(LocalBackend):
    """Write files beside their destination, and move them there once they are whole and on the disk."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file."""
        with replacing(Path(filepath)) as partial:
            partial.write_bytes(obj)


register_backend('atomic', AtomicBackend, force=True)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Write MMEngine's checkpoints whole or not at all, and remove an old one only after the new one is written.

    Args:
        minutes: Save whenever so much time went by since the last checkpoint, on one process; ``interval`` counts
            iterations.
        *args: MMEngine's arguments.
        **kwargs: MMEngine's arguments.
    """

    def __init__(self, *args: Any, minutes: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **{'backend_args': dict(backend='atomic'), **kwargs})
        if minutes is not None and not minutes > 0:
            raise ValueError(f'minutes is {minutes}; expected a number above 0')
        self.minutes = minutes
        self._saved = time.monotonic()
        for name, meaning in dict(interval='-1 for at the end alone', max_keep_ckpts='-1 for all').items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
                raise TypeError(f'{name} is {value!r}; expected a whole number, {meaning}')
            setattr(self, name, int(value))  # 1e3 is allowed

    def before_train(self, runner: Runner) -> None:
        """Start, and remove the partial files of a killed run."""
        super().before_train(runner)
        # The base class's queue drops the oldest by itself.
        self.keep_ckpt_ids = deque(getattr(self, 'keep_ckpt_ids', ()))
        if is_main_process():
            for path in Path(self.out_dir).glob('.part-*.pth'):
                path.unlink()
        if self.minutes and get_world_size() > 1:
            raise UserError(
                'default_hooks.checkpoint.minutes works only with one process. Set'
                ' default_hooks.checkpoint.interval instead'
            )
        self._saved = time.monotonic()

    def every_n_train_iters(self, runner: Runner, n: int, start: int = 0) -> bool:
        """Return whether to save after this iteration."""
        late = self.minutes is not None and time.monotonic() - self._saved >= 60 * self.minutes
        return late or super().every_n_train_iters(runner, n, start)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Record the network, and refuse weights that are not finite, so that ``--resume`` finds good ones.

        Raises:
            UserError: The training has diverged.
        """
        for name, parameter in runner.model.named_parameters():
            if not parameter.isfinite().all():
                raise UserError(
                    f"training stopped at iteration {runner.iter + 1}: '{name}' has values that are not finite"
                    ' numbers. The last checkpoint is older than that. Try a lower learning rate, or gradient'
                    ' clipping (optim_wrapper.clip_grad)'
                )
        record = getattr(bare_model(runner), 'denoiser_record', None)
        if record is not None:
            checkpoint['meta'][RECORD] = json.dumps(record, sort_keys=True)

    max_keep_ckpts: int

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self._saved = time.monotonic()
        kept, self.max_keep_ckpts = self.max_keep_ckpts, -1  # so that the base class removes nothing
        if kept > 0 and step not in self.keep_ckpt_ids:
            self.keep_ckpt_ids.append(step)
            # A resumed run removes the checkpoints that are listed in the checkpoint itself.
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids)[-kept:])
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
        except OSError as error:  # from the small files that MMEngine writes beside it
            raise UserError(
                f"'{runner.work_dir}' cannot be written: {error}. Older checkpoints are unchanged"
            ) from error
        finally:
            self.max_keep_ckpts = kept
        while 0 < kept < len(self.keep_ckpt_ids):
            old = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            if is_main_process() and self.file_backend.isfile(old):
                self.file_backend.remove(old)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Save and exit with status 75 on SIGTERM, which a cluster sends before it takes the machine.

    The file that the environment variable ``SEMRESTORE_PREEMPTED`` names is written then, since torchrun has a status
    of its own.

    Args:
        interval: With several GPUs, how many iterations apart they agree on whether one was told; on CPUs it is each.
    """

    priority = 'VERY_LOW'  # after the other hooks of the iteration

    def __init__(self, interval: int = 10) -> None:
        self.interval = interval
        self.told = False
        self._before: Any = None
        self._listens = False

    def before_train(self, runner: Runner) -> None:
        """Listen for the signal, and let the data loading workers outlive it."""
        self._before = signal.signal(signal.SIGTERM, self._note)
        self._listens = True
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None and loop.dataloader.num_workers:
                loop.dataloader.worker_init_fn = OutliveSigterm(loop.dataloader.worker_init_fn)
        hold_workers()

    def after_train(self, runner: Runner) -> None:
        """Stop listening."""
        self.release()

    def release(self) -> None:
        """Restore the signal's previous handler."""
        if self._listens:
            signal.signal(signal.SIGTERM, self._before)
            self._listens = False
        release_workers()

    def _note(self, number: int, frame: object) -> None:
        self.told = True

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Save and exit if a signal came."""
        if (runner.iter + 1) % getattr(runner.optim_wrapper, '_accumulative_counts', 1):
            return  # a checkpoint does not hold the gradients of half a step
        told = self.told
        if get_world_size() > 1:
            device = next(runner.model.parameters()).device
            if device.type != 'cpu' and (runner.iter + 1) % self.interval:
                return
            flag = torch.tensor(int(told), device=device)
            all_reduce(flag, 'max')
            told = bool(flag)
        if told:
            self._stop(runner)

    def _stop(self, runner: Runner) -> None:
        hook = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
        if hook is None:
            raise UserError(
                f'SIGTERM: stopped after iteration {runner.iter + 1}. Nothing was saved, because the config has'
                ' no default_hooks.checkpoint'
            )
        what = f'SIGTERM: stopped after iteration {runner.iter + 1}; --resume continues'
        if hook.by_epoch:
            what += ' from the end of the last whole epoch'
        else:
            average_statistics(runner)
            hook._save_checkpoint(runner)
        runner.logger.warning(what)
        barrier()  # because the first process that leaves ends the others
        if is_main_process() and os.environ.get('SEMRESTORE_PREEMPTED'):
            Path(os.environ['SEMRESTORE_PREEMPTED']).write_text(f'{what}\n', encoding='utf-8')
        sys.exit(EXIT_PREEMPTED)


@HOOKS.register_module()
class CatchUpHook(Hook):
    """Run the validation after ``--resume`` that was due when the run stopped."""

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Validate if it is due."""
        loop = runner.train_loop
        if not isinstance(loop, IterBasedTrainLoop) or runner.iter == 0 or runner.val_loop is None:
            return
        if runner.iter >= loop.val_begin and (runner.iter % loop.val_interval == 0 or runner.iter == loop.max_iters):
            runner.val_loop.run()


@HOOKS.register_module()
class BatchNormHook(Hook):
    """Average batch normalisation's running statistics over the processes before they are used or saved.

    Each process gathers them from its own share of the batches; the moving average of the weights has its own.
    """

    priority = 'LOW'  # after the moving average is updated, before checkpoints

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Average after iterations that are followed by a validation or a checkpoint."""
        if self._due(runner):
            average_statistics(runner)

    def _due(self, runner: Runner) -> bool:
        done = runner.iter + 1
        intervals = [hook.interval for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        intervals += [runner.train_loop.val_interval] if runner.val_loop is not None else []
        return done == runner.max_iters or any(interval > 0 and done % interval == 0 for interval in intervals)


def average_statistics(runner: Runner) -> None:
    """Average the floating point buffers of the model, and of its moving average, over the processes."""
    if get_world_size() == 1:
        return
    models = [runner.model, *(hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook))]
    for model in models:
        all_reduce_params([buffer for buffer in model.buffers() if buffer.is_floating_point()], op='mean')
