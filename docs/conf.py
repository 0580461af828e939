"""The docs site: the pages of this folder by Sphinx, nothing loaded from elsewhere; `make docs` builds it, strict."""

import re
from typing import Any

from sphinx.application import Sphinx

import onbox
from onbox.cli.manual import ENDS

project = "onbox"
author = "the onbox authors"
version = release = onbox.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

html_theme = "furo"
html_title = f"onbox {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# `--quick` keeps its two dashes.
smartquotes = False
# For editors, which check a recipe by it.
html_extra_path = ["recipe.schema.json"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Single backticks in docstrings and in --help are code, as in Markdown.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
man_pages = [("commands", "onbox", "is a local language model worth running on the box you own?", [author], 1)]

# README.md and CONTRIBUTING.md are pages of the site and of the repository: links between them are put right here.
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def _links(_: Sphinx, path: Any, __: str, content: list[str]) -> None:
    """Make the links of a page that lies above docs/ fit its place in the site."""
    text = re.sub(r"\]\(docs/", "](", content[0])
    for name, page in OUTSIDE.items():
        text = text.replace(f"]({name})", f"]({page})")
    content[0] = text.replace("](LICENSE)", "](../LICENSE)")


def _examples(_: Sphinx, context: Any, lines: list[str]) -> None:
    """What `--help` ends with, after the options of each command."""
    command = context.command
    lines += ["", ".. rubric:: Examples", "", ".. code-block:: sh", ""]
    for line, purpose in command.examples:
        lines += [f"   # {purpose}", f"   {line}"]
    more = [f"- {code}: {meaning}" for code, meaning in command.ends.items() if ENDS.get(code) != meaning]
    if more and context.parent is not None:
        lines += ["", ".. rubric:: Exit codes, besides those of every command", "", *more]
    lines.append("")


PLAIN: dict[str, list[str]] = {}
"""Docstrings of fields as they are, by name."""


def _keep_field(_: Sphinx, what: str, name: str, __: Any, ___: Any, lines: list[str]) -> None:
    if what == "attribute":
        PLAIN[name] = list(lines)


def _restore_field(_: Sphinx, what: str, name: str, __: Any, ___: Any, lines: list[str]) -> None:
    """Undo napoleon, which takes what stands before a colon in a field's docstring for its type."""
    if what == "attribute":
        lines[:] = PLAIN[name]


def setup(app: Sphinx) -> None:
    app.connect("include-read", _links)
    app.connect("autodoc-process-docstring", _keep_field, priority=1)
    app.connect("autodoc-process-docstring", _restore_field, priority=999)
    app.connect("sphinx-click-process-epilog", _examples)
