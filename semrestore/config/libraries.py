"""Find and read config files: a path, or one of a package (``mmseg::...``, ``semrestore::...``)."""

import sys
from pathlib import Path

from mmengine.config import Config, ConfigDict

from semrestore.errors import UserError, near
from semrestore.plugins import load_plugins, own_packages
from semrestore.registry import MODELS

__all__ = ['CONFIGS', 'config_path', 'library_model', 'read_config']

CONFIGS = Path(__file__).parents[1] / '.mim/configs'
"""The configs that come with the package, where MMEngine looks for them."""


def config_path(name: str | Path) -> Path:
    """Return the file of a config, from a path or from ``PACKAGE::FOLDER/NAME.py``.

    Raises:
        UserError: The file does not exist.
    """
    package, separator, below = str(name).partition('::')
    path = Path(name)
    if package == 'semrestore' and separator:
        path = CONFIGS / below
        if not path.is_file():
            hint = near(str(name), own_configs())
            raise UserError(f"config '{name}' does not exist.{hint} `semrestore configs` lists them.")
    elif separator:
        load_plugins()  # their configs may be meant
        try:
            path = Path(Config._get_cfg_path(str(name), '')[0])
        except Exception as error:  # MMEngine's assertions and lookups
            raise UserError(f"config '{name}' cannot be found: {error}") from error
    if not path.is_file():
        raise UserError(f"config '{name}' does not exist")
    return path


def own_configs() -> list[str]:
    """Return the names of semrestore's own configs, ``semrestore::FOLDER/NAME.py``, without ``_base_``."""
    names = (path.relative_to(CONFIGS) for path in CONFIGS.rglob('*.py'))
    return sorted(f'semrestore::{name.as_posix()}' for name in names if name.parts[0] != '_base_')


def first_sentence(name: str) -> str:
    """Return the first sentence of the comment at the beginning of one of semrestore's configs."""
    comment: list[str] = []
    for line in config_path(name).read_text(encoding='utf-8').splitlines():
        if not line.startswith('# '):
            break
        comment.append(line.removeprefix('# '))
    return ' '.join(comment).partition('. ')[0].removesuffix('.') + '.'


def read_config(path: str | Path) -> Config:
    """Read a config file, which may inherit from a library's (``_base_ = 'mmseg::…'``).

    Modules that it names in ``custom_imports`` are looked for beside it (and beside the files that it inherits from),
    too. A cascade takes nothing but the model (and its preprocessing) from a library: the rest, such as pipelines that
    load BGR and hooks for that library's pictures, belongs to training the task network itself. What the file sets anew
    stays.
    """
    load_plugins()  # it may inherit from their configs
    files, libraries = _bases(Path(path))
    folders = list(dict.fromkeys(str(file.resolve().parent) for file in files))
    sys.path += [
        folder for folder in folders if folder not in sys.path
    ]  # last, so that a config's name hides no module
    cfg = Config.fromfile(path)
    _drop_scope(cfg._cfg_dict)
    _check_imports(cfg, folders)
    model = cfg.get('model') or {}
    if not libraries:
        return cfg
    if MODELS.get(str(model.get('type'))) is None:  # the library's own model, in its own training
        return cfg
    for name in libraries:
        library = Config.fromstring(f'_base_ = {name!r}', '.py')
        preprocessor = library.get('data_preprocessor')
        for task in (model.get('task'), *(model.get('tasks') or {}).values()):
            network = (task or {}).get('model')
            if preprocessor and isinstance(network, dict):  # mmpretrain's configs have it beside the model
                network.setdefault('data_preprocessor', preprocessor)
        for key in library:
            if key != 'model' and cfg.get(key) == library[key]:
                cfg.pop(key)
        cfg.setdefault('default_scope', 'semrestore')
    return cfg


def _bases(path: Path) -> tuple[list[Path], list[str]]:
    """Return the files of a config, and the libraries' configs that it inherits from."""
    files, libraries = [path], []
    for base in Config._get_base_files(str(path)):
        if '::' not in base or base.partition('::')[0] in own_packages():
            below, more = _bases(Path(Config._get_cfg_path(base, str(path))[0]))
            files += below
            libraries += more
        else:
            libraries.append(base)
    return files, libraries


def _drop_scope(node: object) -> None:
    """Remove the scope that MMEngine adds to another package's config, if that package uses our registries."""
    if isinstance(node, dict):
        if node.get('_scope_') in own_packages():
            del node['_scope_']
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for value in node:
        _drop_scope(value)


def _check_imports(cfg: Config, folders: list[str]) -> None:
    """Raise an error if an import is not the file beside the config but, say, an installed package."""
    names = (cfg.get('custom_imports') or {}).get('imports') or ()
    for name in [names] if isinstance(names, str) else names:
        beside = next((path for folder in folders if (path := Path(folder) / f'{name}.py').is_file()), None)
        loaded = getattr(sys.modules.get(name), '__file__', None)
        if beside and loaded and Path(loaded).resolve() != beside.resolve():
            raise UserError(
                f"custom_imports of '{cfg.filename}': '{name}' is imported from '{loaded}'; expected '{beside}'."
                ' Give your file another name'
            )


def library_model(name: str) -> ConfigDict:
    """Return the model of a library's or a user's own config file, with its data preprocessor.

    Args:
        name: A file, or ``LIBRARY::PATH`` as in ``_base_``, such as
            ``mmseg::pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py``.

    Raises:
        UserError: The config does not exist, has no model, or is mmdet's.
    """
    if name.startswith('mmdet::'):
        raise no_mmdet(f"model config is '{name}'")
    try:
        # Inheritance resolves both kinds of names.
        cfg = Config.fromstring(f'_base_ = {name!r}', '.py') if '::' in name else read_config(name)
    except Exception as error:  # a config is Python, so it can raise any error
        raise UserError(f"model config '{name}' cannot be read: {type(error).__name__}: {error}") from error
    if 'model' not in cfg:
        raise UserError(f"model config '{name}' has no model")
    if cfg.get('data_preprocessor'):  # mmpretrain's configs have it beside the model
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return cfg.model


def no_mmdet(what: str) -> UserError:
    """Return the error for a network of mmdet.

    Args:
        what: Where it is named, as the beginning of the message.
    """
    return UserError(
        f"{what}, a network of mmdet. These need mmcv's compiled operations (mmcv._ext), which the package from PyPI"
        ' lacks. Use TorchvisionTask or TransformersTask, whose detectors need no'
        ' such operations; to use mmdet, build mmcv with MMCV_WITH_OPS=1 and a C++ compiler, and write a task of your'
        ' own (docs/your_own_task.md)'
    )
