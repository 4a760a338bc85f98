"""A page on which to try a denoiser: ``semrestore app``. ``trial.py`` does the work, ``page.py`` is the page itself."""
