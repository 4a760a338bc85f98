"""Apply ``--cfg-options KEY=VALUE``: change one value of a config, checked against the present one."""

from mmengine.config import Config, ConfigDict, DictAction

from semrestore.config.keys import top_level
from semrestore.errors import UserError, near

__all__ = ['apply_option']


def apply_option(cfg: Config, option: str) -> None:
    """Set one value of a config, in place.

    Raises:
        UserError: The option is not KEY=VALUE, its key is unknown, or its value is of another kind.
    """
    key, separator, text = option.partition('=')
    if not separator:
        raise UserError(f"--cfg-options: '{option}' cannot be read; expected KEY=VALUE")
    *parents, last = key.split('.')
    node = cfg._cfg_dict
    for depth, name in enumerate(parents):
        node = _child(node, name, '.'.join(parents[:depth]))
    try:
        value = DictAction._parse_iterable(text)  # true, None, numbers and lists, as in OpenMMLab
    except (AssertionError, RecursionError):
        raise UserError(f"--cfg-options: {key} is '{text}'; expected matching brackets") from None
    if isinstance(node, list):
        _child(node, last, '.'.join(parents))
        node[int(last)] = value
    else:
        if not parents and last in node and last not in top_level():
            raise UserError(
                f"--cfg-options: '{last}' is a variable of the config file, so setting it has no effect. Set the"
                f" key that uses it, or write a config of your own that changes '{last}'"
            )
        # check_config knows the arguments of classes. In other dicts only a likely typing error is refused.
        known = [*node, *top_level()] if not parents else list(node)
        if last not in known and 'type' not in node and (not parents or near(last, known, cutoff=0.8)):
            raise UserError(f"--cfg-options: the config has no key '{key}'.{near(last, known)}")
        _check_kind(key, node.get(last), value, text)
        node[last] = value


def _check_kind(key: str, old: object, new: object, text: str) -> None:
    """Raise an error for a text in place of a number, or a value in place of a dict (None is allowed)."""
    if isinstance(old, dict):
        fits, expected = isinstance(new, dict) or (new is None and key != 'model'), 'a dict'
    elif isinstance(old, bool):
        fits, expected = new is None or isinstance(new, bool | int), 'True or False'
    elif isinstance(old, int | float):
        fits, expected = not isinstance(new, str | dict), f'a number, as {old}'
    else:
        return
    if not fits:
        raise UserError(f"--cfg-options: {key} is '{text}'; expected {expected}")


def _child(node: ConfigDict | list, name: str, parent: str) -> ConfigDict | list:
    where = f"'{parent}'" if parent else 'the config'
    if isinstance(node, list):
        if not name.isdecimal() or int(name) >= len(node):
            raise UserError(
                f"--cfg-options: '{name}' is not an index of {where}; expected one of its {len(node)} entries,"
                ' counted from 0'
            )
        return node[int(name)]
    if not isinstance(node, dict) or name not in node:
        raise UserError(
            f"--cfg-options: {where} has no key '{name}'.{near(name, node if isinstance(node, dict) else ())}"
        )
    return node[name]
