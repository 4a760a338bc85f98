"""A page on which to try a denoiser: ``semrestore app``. ``trial.py`` does the work, ``page.py`` is the page itself."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from semrestore.app.page import build_page, launch_options, open_page
    from semrestore.app.trial import Limits, Trial

__all__ = ['Limits', 'Trial', 'build_page', 'launch_options', 'open_page']

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={'page': ['build_page', 'launch_options', 'open_page'], 'trial': ['Limits', 'Trial']}
)
