"""Settings of Sphinx; ``make docs`` builds the site into docs/_build."""

from semrestore import __version__

project = 'semrestore'
author = 'the semrestore authors'
release = version = __version__
extensions = [
    'myst_parser',
    'sphinx_design',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
]
myst_enable_extensions = ['colon_fence']
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'semrestore {version}'
myst_heading_anchors = 4
autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
napoleon_google_docstring = True
napoleon_numpy_docstring = False
html_static_path = ['_static']
html_css_files = ['site.css']
