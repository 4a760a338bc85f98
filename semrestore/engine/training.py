"""Train a cascade, or a task network itself, by a config."""

import gc
import re
from collections.abc import Iterator
from traceback import walk_tb

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from semrestore.config.check import check_inputs, trains_a_task
from semrestore.engine.checkpoints import PreemptionHook
from semrestore.engine.runner import bare_model, build_loop, build_runner
from semrestore.engine.summary import summary
from semrestore.errors import UserError
from semrestore.weights.load import check_resumable, load_weights
from semrestore.weights.read import latest_checkpoint, read_checkpoint
from semrestore.weights.zoo import PREFIX, resolve

__all__ = ['resume', 'train']

KILLED = 'DataLoader worker'  # the beginning of PyTorch's message


def resume(cfg: Config, checkpoint: str = 'auto') -> None:
    """Make a config continue from a checkpoint, in place.

    Args:
        cfg: With a ``work_dir``.
        checkpoint: A file, or ``'auto'`` for the last one in ``work_dir`` that can be read; without one the training
            starts anew.
    """
    found = latest_checkpoint(cfg.work_dir) if checkpoint == 'auto' else checkpoint
    if not found:
        cfg.resume = False
        return
    cfg.resume, cfg.load_from = True, found
    # The stream of images continues with the checkpoint's seed, even if the config has another.
    meta = read_checkpoint(found).get('meta')
    if isinstance(meta, dict) and meta.get('seed') is not None:
        cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': meta['seed']}


def train(cfg: Config) -> Runner:
    """Train by a config, and return the runner.

    It is ``Runner.from_cfg(cfg).train()``, with checks beforehand and errors that say what to do.

    Args:
        cfg: What :func:`~semrestore.config.load_config` returns, with a ``work_dir``. ``load_from`` starts from the
            weights of another run or of the zoo; with ``resume`` the training continues from that checkpoint.

    Raises:
        UserError: The config trains nothing, a file is missing, or the training cannot continue.
    """
    if not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise UserError(f"config '{cfg.filename}' has no train_dataloader or no train_cfg; expected both, to train by")
    if not trains_a_task(cfg) and not cfg.model.get('losses'):
        raise UserError(f"config '{cfg.filename}' has no model.losses; expected at least one loss to train by")
    check_inputs(cfg, 'train_dataloader', 'val_dataloader')
    if cfg.get('resume') and str(cfg.get('load_from') or PREFIX).startswith(PREFIX):
        resume(cfg)  # MMEngine would take the last checkpoint even if it is damaged
    start = cfg.get('load_from')
    if start:
        resolve(start)  # raises an error that names a missing file
    runner = build_runner(cfg)
    if trains_a_task(cfg):
        bare_model(runner).to(memory_format=torch.channels_last)  # a VGG-16 takes 0.7 of the time so, on a CPU
    if cfg.get('resume') and start:
        check_resumable(bare_model(runner), start)
    elif start and '://' not in start:  # because MMEngine only warns if weights do not fit
        load_weights(bare_model(runner), resolve(start))
    for loop in ('train_loop', 'val_loop'):
        build_loop(runner, loop)
    runner.logger.info(summary(runner, cfg))
    # Workers share the memory of existing objects. A full collection would write to each page, and end the sharing.
    gc.collect()
    gc.freeze()
    try:
        runner.train()
        runner.logger.info(_finished(runner))
    except UserError:
        raise
    except Exception as error:
        if (understood := _understood(error, start if cfg.get('resume') else None)) is None:
            raise
        raise understood from error
    finally:
        gc.unfreeze()
        for hook in runner.hooks:
            if isinstance(hook, PreemptionHook):
                hook.release()
    return runner


def _finished(runner: Runner) -> str:
    """Return where the results of a training lie."""
    last = runner.message_hub.runtime_info.get('last_ckpt')
    lines = {'weights': last} if last else {}
    lines['log'] = f'{runner.log_dir} (`semrestore curves {runner.work_dir} --out curves.png` draws it)'
    return 'finished\n' + '\n'.join(f'  {name:7}  {text}' for name, text in lines.items())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def _understood(error: BaseException, resumed: str | None) -> UserError | None:
    """Return a message for an error that the user can correct, or ``None`` for other errors."""
    functions = {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)}
    if resumed and 'load_or_resume' in functions:
        return UserError(
            f"checkpoint '{resumed}' belongs to another training, or is damaged: {type(error).__name__}: {error}"
        )
    # PyTorch raises this error anywhere, perhaps where a library turns it into another error.
    if any(str(one).startswith(KILLED) for one in _chain(error)):
        return UserError(
            f'a {KILLED} was killed, perhaps because the memory is full. Use a smaller num_workers or batch_size, and'
            ' --resume, which continues from the last checkpoint.'
        )
    # A worker's error has its traceback in its text.
    if isinstance(error, RuntimeError | TypeError) and 'default_collate' in functions | {
        *re.findall(r'\w+', str(error))
    }:
        reason = str(error).strip().splitlines()[-1]
        return UserError(
            f'the images of train_dataloader do not form a batch ({reason}); expected a pipeline that cuts them to one'
            ' size and packs them. Use RandomCrop with pad_if_needed=True, and mmpretrain.PackInputs.'
        )
    return None
