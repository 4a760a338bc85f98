"""Settings of Sphinx; ``make docs`` builds the site into docs/_build."""

from semrestore import __version__

project = 'semrestore'
author = 'the semrestore authors'
release = version = __version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['_build']
html_theme = 'furo'
myst_heading_anchors = 4
autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
napoleon_google_docstring = True
napoleon_numpy_docstring = False
