"""Sphinx: the pages in this folder, tutorials executed while it builds, the API from the docstrings. `make docs` runs it."""

from __future__ import annotations

import re
from importlib.machinery import PathFinder
from importlib.metadata import version as installed_version

from sphinx.ext.napoleon import Config, NumpyDocstring

project = "na64stat"
author = "The na64stat developers"
version = release = installed_version("na64stat")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
highlight_language = "text"
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

# Pages
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

# Executed pages: always anew, since a cache would not notice that the package has changed.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # of a cell, on a busy machine
nb_execution_show_tb = True
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # tables that a cell displays

# Docstrings
default_role = "code"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# Shown by name, not by what they stand for.
autodoc_type_aliases = {
    name: name
    for name in (
        "Amplitude",
        "Array",
        "ArrayLike",
        "ComplexArray",
        "Figure",
        "Integers",
        "Interval",
        "NDArray",
        "Track",
    )
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

# Every reference has a target, but for types of other packages (no network is needed to build), aliases and inner types.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(abc|collections|concurrent|enum|matplotlib|np|numpy|os|pathlib|typing)\..*"),
    (r"py:.*", "|".join(("Axes", "Path", "TypeAliasForwardRef", *autodoc_type_aliases))),
    (
        r"py:.*",
        r"na64stat\.(stats\.(likelihood\.(fit\.Fits|sample\.ChannelSample|workspace\.CountedRun)|exact\.held\.Counts|toys\.tail\.TailProbability)|files\.saved\..*|study\.signal_test\.SignalTest|records\.answer\.Header)|Compiled",
    ),
]

# MathJax from a package, not from the network: pages can be read offline.
mathjax_offline = PathFinder.find_spec("sphinx-mathjax-offline")
mathjax_path = "mathjax/tex-chtml.js"

html_static_path = ["_static", *(f"{folder}/static" for folder in mathjax_offline.submodule_search_locations)]
html_css_files = ["na64stat.css"]
html_theme = "furo"
html_title = f"na64stat {release}"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False


NUMPY_STYLE = Config(
    napoleon_use_rtype=False,
    napoleon_custom_sections=[(name, "params_style") for name in ("Parameters", "Attributes", "Class attributes")],
)


def numpy_docstring(app, what, name, obj, options, lines):
    """Sections in NumPy style, several names in one entry as they are written.

    Napoleon as an extension would take the words before a colon in the line of an attribute for its type. A bar is a modulus.
    """
    lines[:] = [line.replace("|", r"\|") for line in lines]
    if what not in {"attribute", "data", "property"}:
        lines[:] = NumpyDocstring(lines, NUMPY_STYLE).lines()


def plain_aliases(app, what, name, obj, options, signature, result):
    """Aliases of types within other types, as autodoc leaves them."""
    return tuple(text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, result))


def setup(app):
    """Docstrings pass through napoleon's parser."""
    app.connect("autodoc-process-docstring", numpy_docstring)
    app.connect("autodoc-process-signature", plain_aliases)
