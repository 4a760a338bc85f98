"""Train the denoiser of a config: alone, or jointly with the frozen task network behind it."""

import argparse
import gc
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb

from semrestore.commands.common import add_config_options, bare_model, build_loop, build_runner, explained, prepare, world_size
from semrestore.errors import UserError


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CKPT', help="continue a run: its last checkpoint ('auto'), or the one given"
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate by the total batch over auto_scale_lr.base_batch_size'
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 mixed precision, on GPUs and CPUs')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``tools/train.py``."""
    from semrestore.checkpoint import latest_checkpoint, read_checkpoint
    from semrestore.engine import bf16_is_fast

    options = parse(arguments)
    if options.resume == '':
        raise UserError("--resume is ''; expected a checkpoint, or nothing for the last one of the folder")
    cfg = prepare(options)
    if options.amp:
        if not bf16_is_fast():
            print('warning: this machine has no bfloat16 arithmetic of its own; --amp will be slower than without', file=sys.stderr)
        # Not AmpOptimWrapper's arguments, where the config has that one.
        cfg.optim_wrapper = {key: cfg.optim_wrapper[key] for key in cfg.optim_wrapper if key not in ('dtype', 'loss_scale', 'use_fsdp')}
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
    if options.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise UserError(f"--auto-scale-lr: '{cfg.filename}' has no auto_scale_lr.base_batch_size, the batch its learning rate is for")
        cfg.auto_scale_lr.enable = True
    resume = latest_checkpoint(cfg.work_dir) if options.resume == 'auto' else options.resume
    if resume:
        cfg.resume, cfg.load_from = True, resume
        # The stream of images goes on as it began, whatever seed the config has now.
        meta = read_checkpoint(resume).get('meta')
        seed = meta.get('seed') if isinstance(meta, dict) else None
        cfg.randomness = {**(cfg.get('randomness') or {}), **(dict() if seed is None else dict(seed=seed))}
    train(cfg)


def stream(loader) -> None:
    """Have an infinite stream of images follow from the seed and the place in it alone, and share each batch between the processes."""
    if str((loader.get('sampler') or {}).get('type')).rpartition('.')[2] == 'InfiniteSampler':
        loader.sampler.type = 'StreamSampler'
        loader.dataset = dict(type='StreamDataset', dataset=loader.dataset)
    elif loader.dataset.get('type') == 'DeviceResidentPatches':
        raise UserError("train_dataloader.sampler: DeviceResidentPatches needs an 'InfiniteSampler'")
    total, processes = loader.get('batch_size', 1), world_size()
    if total % processes:
        raise UserError(f'train_dataloader.batch_size is {total}, the batch of all processes, which {processes} cannot share equally')
    loader.batch_size = total // processes


def _shield_workers(cfg) -> None:
    from mmengine.dist import get_rank

    for name in ('train_dataloader', 'val_dataloader'):
        loader = cfg.get(name)
        if loader and loader.get('num_workers') and 'worker_init_fn' not in loader:
            seed = (cfg.get('randomness') or {}).get('seed') or 0
            loader.worker_init_fn = dict(type='train_worker', num_workers=loader.num_workers, rank=get_rank(), seed=seed)


def _explain_resuming(runner, path: str) -> None:
    """Have the runner say what does not fit in a checkpoint's state of the training, where it takes that up."""
    load = runner.load_or_resume

    def load_or_resume() -> None:
        with explained(f"checkpoint '{path}' is of another training, or damaged"):
            load()

    runner.load_or_resume = load_or_resume


def train(cfg) -> None:
    """Train by a config, a cascade or a task network itself; ``load_from`` without ``resume`` starts from another run's weights."""
    from semrestore.checkpoint import check_resumable, latest_checkpoint, load_denoiser
    from semrestore.config import check_inputs, is_foreign
    from semrestore.engine.workers import hold_workers, release_workers
    from semrestore.zoo import resolve

    if not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise UserError(f"config '{cfg.filename}' trains nothing: it has no train_dataloader or no train_cfg")
    if not is_foreign(cfg) and not cfg.model.get('losses'):
        raise UserError(f"config '{cfg.filename}' has no model.losses to train by")
    check_inputs(cfg, 'train_dataloader', 'val_dataloader')
    stream(cfg.train_dataloader)
    _shield_workers(cfg)
    start, cfg.load_from = cfg.get('load_from'), None
    if cfg.get('resume'):
        start, cfg.load_from = None, start or latest_checkpoint(cfg.work_dir)
    if start:
        start = resolve(start)
    if start and not Path(start).is_file():
        raise UserError(f"load_from is '{start}', which does not exist")
    runner = build_runner(cfg)
    if cfg.load_from:
        check_resumable(bare_model(runner), cfg.load_from)
        _explain_resuming(runner, cfg.load_from)
    for loop in ('train_loop', 'val_loop'):
        build_loop(runner, loop)
    if start:
        model = bare_model(runner)
        model.init_weights()  # the runner would do it later, and an init_cfg would undo the loading
        load_denoiser(model, start)
        runner.logger.info(f'{type(model).__name__} starts from {start}')
    hold_workers()
    # What is there by now stays. A full collection, an hour or two later, would write to every page of it, and so end its sharing with
    # the workers: 120 MiB more for the one of the validation.
    gc.collect()
    gc.freeze()
    try:
        runner.train()
    except (RuntimeError, TypeError) as error:
        # A worker's error has its traceback in its text.
        if 'default_collate' not in {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)} | {*re.findall(r'\w+', str(error))}:
            raise
        reason = str(error).strip().splitlines()[-1]
        raise UserError(
            f'the images of train_dataloader do not make a batch ({reason}). Their pipeline ends by packing them, such as by'
            ' mmpretrain.PackInputs, after it has cut them to one size, such as by RandomCrop with pad_if_needed=True'
        ) from error
    finally:
        gc.unfreeze()
        release_workers()
