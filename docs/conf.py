"""Configuration of Sphinx. It reads the tree that `docs/build.py` puts together."""

import re
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from site_pages.equations import register as register_equations

from pab_bench.cli import version as pab_bench_version

project = "pab_bench"
author = "the authors of pab_bench"
version = release = pab_bench_version().split()[-1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
nitpicky = False
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_default_options = {"no-value": True}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
# `bytes` in a signature is Python's own, whatever fields of ours are called so.
suppress_warnings = ["ref.python"]
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

toc_object_entries = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "pab_bench"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_MARKUP = re.compile(r"([*|])|(?<=\w)(_)(?!\w)")


def _as_restructured_text(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Our docstrings are Markdown where they mark code; autodoc reads reStructuredText."""
    del app, name, thing, options
    if what in ("data", "attribute") and lines:
        # Napoleon takes a word and a colon for a type, unless the line ends there.
        lines[:1] = re.sub(r": (.)", r":\n\1", lines[0], count=1).split("\n")
    in_example = False
    for number, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            parts = _CODE.split(line)
            parts[::2] = [_MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
            parts[1::2] = [f"``{part}``" for part in parts[1::2]]
            lines[number] = "".join(parts)


def setup(app: Any) -> None:
    """Called by Sphinx; before napoleon, which reads the sections of docstrings."""
    register_equations(app)
    app.connect("autodoc-process-docstring", _as_restructured_text, priority=100)
