"""Load configs, check them, and switch them to the embedded photos."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from semrestore.config.load import load_config

__all__ = ['load_config']

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={'load': ['load_config']})
