"""Load a config, as commands run it and as ``Runner.from_cfg`` can run it."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from semrestore.config.libraries import config_path, read_config
from semrestore.config.options import apply_option
from semrestore.errors import UserError, explained

__all__ = ['load_config', 'load_denoiser_config']


def load_config(path: str | Path, options: Sequence[str] = (), embedded: bool = False) -> Config:
    """Read a config file, switch it to the embedded photos if asked, apply options, and check the result.

    ``tools/train.py PATH`` trains what this returns: ``Runner.from_cfg(load_config(PATH)).train()`` takes the same
    steps.

    Args:
        path: A file, or ``PACKAGE::FOLDER/NAME.py`` for one that comes with a package.
        options: ``KEY=VALUE`` texts, as behind ``--cfg-options``.
        embedded: Replace the data by the embedded photos and shorten the schedule: a pre-flight check.

    Raises:
        UserError: The file is missing or not a config, an option names an unknown key, or the config does not fit the
            classes that it names.

    >>> load_config('semrestore::embedded/denoise_sigma30.py').model.degradation.sigma
    30
    """
    file = config_path(path)
    try:
        cfg = read_config(file)
    except UserError:
        raise
    except Exception as error:  # a config is Python, so it can raise any error
        cause = _cause(error)
        raise UserError(f"config '{path}' cannot be read: {type(cause).__name__}: {cause}") from error
    if not isinstance(cfg.get('model'), dict):
        raise UserError(f"config '{path}' has no model")
    if not embedded:
        _apply(options, cfg)

    # Imported late, because these import PyTorch; wrong names and keys are reported before.
    from semrestore.config.check import check_config, check_names, trains_a_task
    from semrestore.config.embedding import embed

    if embedded:
        if trains_a_task(cfg):
            raise UserError(
                f"config '{path}' trains a task network itself; --embedded needs a config that trains a denoiser"
            )
        check_names(cfg)
        with explained(f"config '{path}' cannot be put on the embedded photos"):
            print(embed(cfg), flush=True)
        _apply(options, cfg)
    check_config(cfg)
    return cfg


def load_denoiser_config(path: str | Path) -> dict:
    """Return the denoiser of a config file.

    Raises:
        UserError: As for :func:`load_config`, or the config has no denoiser.
    """
    denoiser = load_config(path).model.get('denoiser')
    if not denoiser:
        raise UserError(f"config '{path}' has no denoiser")
    return dict(denoiser)


def _apply(options: Sequence[str], cfg: Config) -> None:
    for option in options:
        apply_option(cfg, option)


def _cause(error: BaseException) -> BaseException:
    """Return the cause of a failed import, which MMEngine hides in errors of its own."""
    while isinstance(error, ImportError) and error.__context__ is not None:
        error = error.__context__
    return error
