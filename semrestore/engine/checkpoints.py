"""Checkpoints that a kill, a full disk or a cluster's pre-emption cannot spoil."""

import contextlib
import os
import signal
import sys
from collections import deque
from pathlib import Path

import torch
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook, Hook

from semrestore.errors import UserError
from semrestore.registry import HOOKS

EXIT_PREEMPTED = 75
"""Exit status after SIGTERM: what was reached is saved, ``--resume`` goes on (EX_TEMPFAIL of sysexits.h)."""


class AtomicBackend(LocalBackend):
    """Files are written beside their destination and moved there once they are whole and on the disk."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file."""
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f'{path.name}.part')
        try:
            with open(partial, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise UserError(f"checkpoint '{path}' cannot be written: {error}; older ones are as they were") from error


register_backend('atomic', AtomicBackend, force=True)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's checkpoints, whole or not there, and an old one removed only when the new one is."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{'backend_args': dict(backend='atomic'), **kwargs})

    def before_train(self, runner) -> None:
        """Start, without what a killed run left half-written."""
        super().before_train(runner)
        self.keep_ckpt_ids = deque(getattr(self, 'keep_ckpt_ids', ()))  # without a length at which it drops the oldest by itself
        if is_main_process():
            for path in Path(self.out_dir).glob('*.pth.part'):
                path.unlink()

    def save(self, runner) -> None:
        """Save now, at the end of an iteration."""
        self._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        kept, self.max_keep_ckpts = self.max_keep_ckpts, -1  # by which the base class removes nothing
        if kept > 0 and step not in self.keep_ckpt_ids:
            self.keep_ckpt_ids.append(step)
            # What is listed in the checkpoint itself is what a resumed run will remove.
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids)[-kept:])
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
        finally:
            self.max_keep_ckpts = kept
        while 0 < kept < len(self.keep_ckpt_ids):
            old = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            if is_main_process() and self.file_backend.isfile(old):
                self.file_backend.remove(old)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Save and exit with status 75 on SIGTERM, which a cluster sends before it takes the machine.

    Args:
        interval: With several processes, how many iterations apart they agree on whether one was told.
    """

    priority = 'VERY_LOW'  # when the others are done with the iteration

    def __init__(self, interval: int = 10) -> None:
        self.interval = interval
        self.told = False
        self._before = None

    def before_train(self, runner) -> None:
        """Listen."""
        self._before = signal.signal(signal.SIGTERM, self._note)

    def after_train(self, runner) -> None:
        """Listen no more."""
        signal.signal(signal.SIGTERM, self._before)

    def _note(self, number: int, frame: object) -> None:
        self.told = True

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Save and exit if told."""
        told = self.told
        if get_world_size() > 1:
            if (runner.iter + 1) % self.interval:
                return
            flag = torch.tensor(int(told), device=next(runner.model.parameters()).device)
            all_reduce(flag, 'max')
            told = bool(flag)
        if told:
            hook = next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)
            if hook:
                hook.save(runner)
            runner.logger.warning(f'SIGTERM: stopped after iteration {runner.iter + 1}; --resume goes on')
            sys.exit(EXIT_PREEMPTED)
