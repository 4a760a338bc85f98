"""Config names of other packages: what ``_base_ = 'mmpretrain::…'`` and ``_base_ = 'mmseg::…'`` may inherit from."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.config.utils import MODULE2PACKAGE

from semrestore.errors import UserError

# MMEngine knows mmseg under the name of the distribution that is no longer maintained; docs/installation.md names the one in use.
MODULE2PACKAGE['mmseg'] = 'mmseg'


def read_config(path: str | Path) -> Config:
    """Read a config file, which may inherit from a library's (``_base_ = 'mmseg::…'``)."""
    return Config.fromfile(path)


def library_model(name: str) -> ConfigDict:
    """Return the model of a library's or a user's own config file, with its data preprocessor.

    Args:
        name: A file, or ``LIBRARY::PATH`` as in ``_base_``, such as ``mmseg::pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py``.

    Raises:
        UserError: There is no such config, or it has no model.
    """
    try:
        # By way of inheritance, which resolves both kinds of names.
        cfg = Config.fromstring(f'_base_ = {name!r}', '.py') if '::' in name else read_config(name)
    except Exception as error:  # a config is Python: anything can go wrong in it
        raise UserError(f"model config '{name}' cannot be read: {type(error).__name__}: {error}") from error
    if 'model' not in cfg:
        raise UserError(f"model config '{name}' has no model")
    if cfg.get('data_preprocessor'):  # mmpretrain's stand beside the model
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return cfg.model
