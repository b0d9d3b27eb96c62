"""Settings of the documentation: `make docs` builds it, and runs every block of code in it."""

import sys
from pathlib import Path

import gatewise

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gatewise"
author = "the gatewise authors"
version = release = gatewise.__version__
extensions = ["executed", "myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Labelled texts in; an explained classifier out",
    "page_width": "1160px",  # tables of a hundred characters
}
html_static_path = ["_static"]
html_show_copyright = False
html_show_sourcelink = False
numpydoc_show_class_members = False
autodoc_typehints = "none"
