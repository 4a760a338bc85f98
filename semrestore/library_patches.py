"""Change other libraries where semrestore needs it, and drop some of their messages. Each change has its reason.

``semrestore.registry`` calls :func:`apply`, so that the changes are in place before any part of semrestore is used.
Whatever imports MMEngine's runner calls :func:`apply_to_runner`, because denoising a photo does without the runner.
"""

import logging
import warnings
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

DROPPED = (
    'FileClient" will be deprecated',  # mmpretrain and mmseg call it, not the user
    'The prefix is not set in metric class',  # a metric without a prefix is meant to have none
    'Distributed training is not used',  # obvious on one device
    '"HardDiskBackend" is the alias',  # caused by MMEngine's own hooks
    'been called more than once',  # MMEngine's own loop over the parts of a model calls it again
    'Using env variable',  # printed for every config, and the user has set the variable
)
"""Messages of MMEngine's logger that no user of semrestore can act on."""

DUMPS = ('Config:\n', 'System environment:', 'Hooks will be executed in the following order:')
"""Names of MMEngine's hundreds of log lines on a run. They go only to the log file; semrestore prints ten lines."""


@cache
def apply() -> None:
    """Make the changes."""
    _name_packages()
    _pass_over_sidecars()
    _pass_over_marks()
    _drop_messages()


def _name_packages() -> None:
    """Let configs inherit from ``mmseg::...`` and ``semrestore::...``.

    MMEngine knows mmseg by the distribution that is no longer maintained (``docs/installation.md`` names the one in
    use), and refuses every package that is not in its table.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.update(mmseg='mmseg', semrestore='semrestore')


def _pass_over_sidecars() -> None:
    """Let the libraries' data sets skip hidden folders and those that a NAS makes.

    mmpretrain numbers the folders that it finds: ``.ipynb_checkpoints`` would be class 0 and shift every label.
    """
    from mmengine.fileio import LocalBackend

    from semrestore.images.listing import is_sidecar

    whole = LocalBackend.list_dir_or_file

    def listed(self: LocalBackend, *arguments: Any, **options: Any) -> Iterator[str]:
        for name in whole(self, *arguments, **options):
            if not any(map(is_sidecar, Path(name).parts)):
                yield name

    LocalBackend.list_dir_or_file = listed


def _pass_over_marks() -> None:
    """Let the libraries' lists begin after a byte order mark, which editors on Windows write.

    MMEngine would take it for the beginning of the first name.
    """
    from mmengine.fileio import LocalBackend

    whole = LocalBackend.get_text

    def text(self: LocalBackend, *arguments: Any, **options: Any) -> str:
        return whole(self, *arguments, **options).removeprefix('\ufeff')

    LocalBackend.get_text = text


def _drop_messages() -> None:
    """Drop the messages of the libraries that no user of semrestore can act on."""
    import mmengine.logging

    # mmcv is installed without its compiled operators, which semrestore does not need (docs/installation.md).
    warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
    mmengine.logging.MMLogger.filter = _is_kept
    # MMEngine prints debugging messages, for example that the optional package OneDL is missing.
    whole = mmengine.logging.print_log

    def print_log(msg: object, logger: object = None, level: int = logging.INFO) -> None:
        if logger is not None or level >= logging.INFO:
            whole(msg, logger, level)

    mmengine.logging.print_log = print_log


def _is_kept(self: logging.Logger, record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if not any(part in message for part in DUMPS):
        return not any(part in message for part in DROPPED)
    for handler in self.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)
    return False


def quieten() -> None:
    """Drop all warnings of the OpenMMLab libraries in commands, because they are for developers of these libraries."""
    warnings.filterwarnings('ignore', module=r'(mmengine|mmcv|mmpretrain|mmseg|modelindex)\b')


@cache
def apply_to_runner() -> None:
    """Let MMEngine read weights as semrestore does, with ``zoo:NAME`` and safetensors.

    MMEngine falls back to running the code in a checkpoint that is more than weights. Everything that it loads
    (``load_from``, ``--resume``, an ``init_cfg``, a library's own training) goes by these three.
    """
    import torch
    from mmengine.runner import checkpoint

    from semrestore.weights.read import read_checkpoint, state_of, unpickle
    from semrestore.weights.zoo import PREFIX, resolve

    def load_from_file(filename: str, map_location: object = None) -> dict:
        checkpoint = read_checkpoint(resolve(filename))
        if 'state_dict' in checkpoint or not (state := state_of(checkpoint)):
            return checkpoint
        return dict(state_dict=state)  # EMAHook looks for that key

    checkpoint.CheckpointLoader.register_scheme(prefixes=['', PREFIX], loader=load_from_file, force=True)
    checkpoint.load_url = partial(torch.hub.load_state_dict_from_url, weights_only=True)
    checkpoint._safe_torch_load = unpickle  # the rest of MMEngine's own schemes
