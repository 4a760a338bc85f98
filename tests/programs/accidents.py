"""What can happen to a training, by the environment variable ACCIDENT: imported beside a config.

``kill:N`` after iteration N, ``write:N`` while its checkpoint is written, ``worker:N`` a data loading worker;
``full:N`` a full disk, ``nan:N`` a loss that is no number, ``wait:N`` for a signal.
"""

import errno
import os
import signal
import time
from pathlib import Path

import torch
from mmengine.hooks import Hook

from semrestore.engine.checkpoints import AtomicBackend
from semrestore.files import replacing
from semrestore.losses import Loss
from semrestore.registry import HOOKS, MODELS

where, _, when = os.environ.get('ACCIDENT', '').partition(':')


@MODELS.register_module()
class DrawingLoss(Loss):
    def forward(self, step):
        value = (torch.rand_like(step.restored) * (step.restored - step.clean)).abs().mean()
        return value * float('nan') if where == 'nan' and hook.iteration == int(when) else value


@HOOKS.register_module()
class Accident(Hook):
    priority = 'LOWEST'
    iteration = 0

    def __init__(self):
        global hook
        hook = self

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.iteration = runner.iter + 1
        if where == 'wait' and self.iteration == int(when):
            open(os.path.join(runner.work_dir, 'waiting'), 'w').close()
            time.sleep(1)
        if where == 'worker' and self.iteration == int(when):
            os.kill(runner.train_loop.dataloader_iterator._iterator._workers[0].pid, signal.SIGKILL)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if where == 'kill' and runner.iter + 1 == int(when):
            os.kill(os.getpid(), signal.SIGKILL)


if where in ('write', 'full'):
    put = AtomicBackend.put

    def torn(self, obj, filepath):
        if not str(filepath).endswith(f'iter_{when}.pth'):
            return put(self, obj, filepath)
        if where == 'full':

            def fsync(number):
                raise OSError(errno.ENOSPC, 'No space left on device')

            os.fsync = fsync
            return put(self, obj, filepath)
        with replacing(Path(filepath)) as partial:
            partial.write_bytes(obj[: len(obj) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    AtomicBackend.put = torn
