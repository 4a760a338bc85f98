"""Run a command, and turn its errors into a message and an exit status. Imports no PyTorch."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semrestore import library_patches
from semrestore.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['prepare', 'run']


def run(main: Callable[[Sequence[str] | None], None], arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, or 2 with one line on standard error for an error of the user.

    ``SEMRESTORE_TRACEBACK=1`` shows where such an error came from.
    """
    library_patches.quieten()
    try:
        main(arguments)
        if 'semrestore.engine.runner' in sys.modules:  # otherwise no process group was joined
            from semrestore.engine.runner import leave

            leave()
    except UserError as error:
        if os.environ.get('SEMRESTORE_TRACEBACK'):
            raise
        # A data loading worker sends its whole traceback as the message.
        message = re.split(r'semrestore\.errors\.UserError: ', str(error))[-1].strip()
        print(f'error: {message}', file=sys.stderr)
        return 2
    except RuntimeError as error:
        if not str(error).startswith('DataLoader worker'):
            raise
        print(f'error: {error} If the memory is full, use a smaller num_workers or batch_size.', file=sys.stderr)
        return 2
    except SystemExit as end:  # from argparse, or from a training that was told to stop
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except OSError as error:  # a full disk, a folder that may not be read, a name that is too long
        if error.errno is None or os.environ.get('SEMRESTORE_TRACEBACK'):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def prepare(options: argparse.Namespace) -> 'Config':
    """Start the processes, and return the checked config that the common options name."""
    from semrestore.config.load import load_config

    cfg = load_config(options.config, options.cfg_options, options.embedded)

    from semrestore.engine.runner import launch

    # A check with --embedded has its own folder, so that resuming the long job never finds it.
    default = Path('work_dirs') / (Path(options.config).stem + '_embedded' * options.embedded)
    cfg.work_dir = options.work_dir or cfg.get('work_dir') or str(default)
    if Path(cfg.work_dir).resolve() == Path(options.config).resolve().parent:
        # MMEngine writes the config of the run to this folder, under the file's own name.
        raise UserError(
            f"--work-dir '{cfg.work_dir}' is the folder of the config, which would be overwritten. Choose another"
            ' --work-dir'
        )
    os.environ.setdefault('LOCAL_RANK', str(options.local_rank))
    launch(options.launcher, cfg)
    return cfg
