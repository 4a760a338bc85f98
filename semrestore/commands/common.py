"""What the command lines share."""

import argparse
import importlib
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from semrestore.errors import UserError

LARGEST_DPI = 1200
LONGEST_REASON = 1000  # characters of a library's error that are shown


def run(main: Callable[[Sequence[str] | None], None], arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, or 2 with one line on standard error for what the user can put right.

    ``SEMRESTORE_TRACEBACK=1`` shows where such an error came from.
    """
    # Of the OpenMMLab libraries' own making; nothing a user of semrestore can act on.
    warnings.filterwarnings('ignore', module=r'(mmengine|mmcv|mmpretrain|mmseg|modelindex)\b')
    try:
        main(arguments)
    except UserError as error:
        if os.environ.get('SEMRESTORE_TRACEBACK'):
            raise
        # A data loading worker sends its whole traceback as the message.
        message = re.split(r'semrestore\.errors\.UserError: ', str(error))[-1].strip()
        print(f'error: {message}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except OSError as error:  # a full disk, a folder that may not be read, a name that is too long
        if error.errno is None or os.environ.get('SEMRESTORE_TRACEBACK'):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    except RuntimeError as error:
        from semrestore.engine.workers import KILLED, killed

        if not str(error).startswith(KILLED):
            raise
        print(f'error: {killed()}', file=sys.stderr)
        return 2
    return 0


@contextmanager
def tracked(sequence: Sequence, description: str) -> Iterator[Iterable]:
    """Show on standard error how far a loop over a sequence has come; the bar has ended when an error of the loop is reported."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        yield progress.track(sequence, description=description)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and evaluation have in common."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/CONFIG)')
    parser.add_argument('--embedded', action='store_true', help='run on the embedded photos with a short schedule: a pre-flight check')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override parts of the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def import_libraries() -> None:
    """Import MMPretrain, which prints that an optional package is missing."""
    with redirect_stdout(io.StringIO()):
        importlib.import_module('mmpretrain.datasets')


def load_quietly(path: str | Path, options: Sequence[str] = (), embedded: bool = False):
    """Read and check a config; see :func:`semrestore.config.load_config`."""
    import_libraries()
    from semrestore.config import load_config

    return load_config(path, options, embedded)


def prepare(options: argparse.Namespace):
    """Return the checked config of a command line's common options."""
    cfg = load_quietly(options.config, options.cfg_options, options.embedded)
    cfg.work_dir = (
        options.work_dir
        or cfg.get('work_dir')
        or str(
            # Apart, so that resuming the long job never picks up its pre-flight check.
            Path('work_dirs') / (Path(options.config).stem + '_embedded' * options.embedded)
        )
    )
    if Path(cfg.work_dir).resolve() == Path(options.config).resolve().parent:
        # MMEngine writes the config as it was run there, under the file's own name.
        raise UserError(f"--work-dir is '{cfg.work_dir}', the folder of the config, which would be overwritten; choose another")
    cfg.launcher = options.launcher
    os.environ.setdefault('LOCAL_RANK', str(options.local_rank))
    if options.launcher != 'none':
        _launched(cfg, options.launcher)
    return cfg


def world_size() -> int:
    """Return how many processes train together."""
    import torch.distributed

    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def _launched(cfg, launcher: str) -> None:
    """Join the other processes, on GPUs as MMEngine does, on CPUs by gloo."""
    import torch
    from mmengine.dist import init_dist

    if launcher == 'pytorch' and not {'RANK', 'WORLD_SIZE'} <= set(os.environ):
        raise UserError("--launcher pytorch is for processes that torchrun started: 'torchrun --nproc-per-node 2 tools/train.py ... '")
    with explained(f'--launcher {launcher} cannot start'):
        if torch.cuda.is_available():
            init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', dict(backend='nccl')))
            return
        if launcher != 'pytorch':
            raise UserError(f'--launcher {launcher} needs GPUs; on CPUs processes are started by torchrun, with --launcher pytorch')
        torch.distributed.init_process_group('gloo')
    # MMEngine would set a CUDA device and name it to DistributedDataParallel, whatever the machine.
    own = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = dict(own, device_ids=None)


def build_runner(cfg):
    """Build MMEngine's runner, turning what a config's values can cause into a message."""
    from mmengine.runner import Runner

    with explained(f"config '{cfg.filename}' does not build"):
        runner = Runner.from_cfg(cfg)
        if cfg.get('optim_wrapper'):
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        return runner


def check_dpi(dpi: int) -> None:
    """Refuse a resolution that no picture can have."""
    if not 1 <= dpi <= LARGEST_DPI:
        raise UserError(f'--dpi is {dpi}; expected 1 to {LARGEST_DPI}')


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what a config's values can cause in a library into a message that starts with ``what``."""
    try:
        yield
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        reason = str(error)
        if len(reason) > LONGEST_REASON:  # some quote a whole config, with a thousand names of classes
            reason = f'{reason[:LONGEST_REASON]}... (all of it by SEMRESTORE_TRACEBACK=1)'
        raise UserError(f'{what}: {type(error).__name__}: {reason}') from error


def bare_model(runner):
    """Return a runner's model without the wrapper that several processes put around it."""
    from mmengine.model import is_model_wrapper

    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def build_loop(runner, name: str):
    """Build one of a runner's loops and with it its data set, turning what the files can cause into a message.

    Args:
        runner: MMEngine's runner.
        name: ``'train_loop'``, ``'val_loop'`` or ``'test_loop'``.
    """
    try:
        return getattr(runner, name)
    except (AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(f'the data of {name.removesuffix("_loop")}_dataloader cannot be used: {error}; see docs/data.md') from error


def has_weights(denoiser: dict) -> bool:
    """Whether a denoiser's config is of a learned one, which means nothing without its checkpoint."""
    from semrestore.registry import MODELS

    return any(True for _ in MODELS.build(denoiser).parameters())
