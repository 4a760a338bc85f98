"""Build MMEngine's runner and its loops, and explain the errors that a config's values cause."""

import os
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from semrestore import library_patches
from semrestore.cascade import Cascade
from semrestore.errors import UserError, explained
from semrestore.tasks.base import check_class_folders

__all__ = ['bare_model', 'build_loop', 'build_runner', 'launch', 'leave']

library_patches.apply_to_runner()


def launch(launcher: str, cfg: Config) -> None:
    """Join the other processes of a job: by NCCL on GPUs, by gloo on CPUs.

    MMEngine's own start would set a CUDA device, whatever the machine.

    Args:
        launcher: ``'none'``, ``'pytorch'`` (torchrun), ``'slurm'`` or ``'mpi'``.
        cfg: Its ``env_cfg.dist_cfg`` is used on GPUs.

    Raises:
        UserError: The processes were not started by that launcher, or it needs GPUs.
    """
    cfg.launcher = launcher
    if launcher == 'none' or torch.distributed.is_initialized():
        return
    if launcher == 'pytorch' and not {'RANK', 'WORLD_SIZE'} <= set(os.environ):
        raise UserError(
            "--launcher pytorch: the processes were not started by torchrun. Start them by 'torchrun"
            " --nproc-per-node 2 tools/train.py ... --launcher pytorch'"
        )
    with explained(f'--launcher {launcher} cannot start'):
        if torch.cuda.is_available():
            init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', dict(backend='nccl')))
        elif launcher == 'pytorch':
            torch.distributed.init_process_group('gloo')
            # MMEngine would pass the number of a GPU.
            cfg.setdefault('model_wrapper_cfg', dict(type='MMDistributedDataParallel', device_ids=None))
        else:
            raise UserError(
                f'--launcher {launcher} needs GPUs, and there are none. On CPUs start the processes by torchrun,'
                ' with --launcher pytorch'
            )


def leave() -> None:
    """Leave the other processes of a job, because gloo sometimes aborts at the end of the interpreter."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def build_runner(cfg: Config) -> Runner:
    """Build MMEngine's runner.

    Raises:
        UserError: A part of the config does not build.
    """
    with explained(f"config '{cfg.filename}' does not build"):
        runner = Runner.from_cfg(cfg)
        if cfg.get('optim_wrapper'):
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        return runner


def build_loop(runner: Runner, name: str) -> object:
    """Build one of a runner's loops, with its data set.

    Args:
        runner: MMEngine's runner.
        name: ``'train_loop'``, ``'val_loop'`` or ``'test_loop'``.

    Raises:
        UserError: The data cannot be used.
    """
    loader = f'{name.removesuffix("_loop")}_dataloader'
    with explained(f'the data of {loader} cannot be used (docs/data.md)'):
        loop = getattr(runner, name)
    model = bare_model(runner)
    if isinstance(model, Cascade) and loop and (name != 'train_loop' or model.supervision == 'labels'):
        for task in model.tasks.values():
            check_class_folders(loop.dataloader.dataset, task.num_classes)
    return loop


def bare_model(runner: Runner) -> Any:
    """Return a runner's model without the wrapper that several processes put around it."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
