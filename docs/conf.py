"""The site: `make docs` builds it from the Markdown of this folder and the docstrings, without a network."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from made import write_made

project, author = "undelete", "the authors of undelete"
version = release = version_of("undelete")
project_copyright = "the authors of undelete; licence Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
default_role = "code"
suppress_warnings = ["myst.xref_missing"]  # tests/test_docs.py checks every link, anchors of other pages included
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
html_theme = "furo"
html_title = "undelete"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
pygments_style = "tango"

write_made(Path(__file__).parent)

_LITERAL = re.compile(r"(`+[^`]*`+)")


def _escaped(_: object, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    """Let a bar in a docstring be a bar: |x| is a number's size there, not a substitution."""
    for i, line in enumerate(lines):
        if ">>>" not in line:
            parts = _LITERAL.split(line)
            lines[i] = "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in parts)


def setup(app: Any) -> None:
    """Hook into the build."""
    app.connect("autodoc-process-docstring", _escaped, priority=900)
