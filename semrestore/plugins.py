"""Config names of other packages: what ``_base_ = 'mmpretrain::…'`` and ``_base_ = 'mmseg::…'`` may inherit from."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.config.utils import MODULE2PACKAGE

from semrestore.errors import UserError
from semrestore.registry import MODELS

# MMEngine knows mmseg under the name of the distribution that is no longer maintained; docs/installation.md names the one in use.
MODULE2PACKAGE['mmseg'] = 'mmseg'


def read_config(path: str | Path) -> Config:
    """Read a config file, which may inherit from a library's (``_base_ = 'mmseg::…'``).

    A cascade takes nothing but the model (and its preprocessing) from there: the rest, such as pipelines that load BGR and hooks for
    that library's pictures, belongs to training the task network itself. What the file sets anew stays.
    """
    cfg = Config.fromfile(path)
    model = cfg.get('model') or {}
    if MODELS.get(str(model.get('type'))) is None:  # the library's own model, in its own training
        return cfg
    for name in _library_bases(Path(path)):
        library = Config.fromstring(f'_base_ = {name!r}', '.py')
        preprocessor = library.get('data_preprocessor')
        task = model.get('task') or {}
        if preprocessor and isinstance(task.get('model'), dict):  # mmpretrain's stand beside the model
            task.model.setdefault('data_preprocessor', preprocessor)
        for key in library:
            if key != 'model' and cfg.get(key) == library[key]:
                cfg.pop(key)
        cfg.setdefault('default_scope', 'semrestore')
    return cfg


def _library_bases(path: Path) -> list[str]:
    """Return the configs of libraries that a config file inherits from, by way of its own bases too."""
    names = []
    for base in Config._get_base_files(str(path)):
        names += [base] if '::' in base else _library_bases(path.parent / base)
    return names


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
