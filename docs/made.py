"""Pages of the site that are made when it is built: the gallery of figures, and the notebooks as pages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_IMAGE = re.compile(r"^!\[([^\]]*)\]\(([\w-]+\.svg)\)$", re.MULTILINE)
_COMMAND = re.compile(
    r"^```\w*\n((?:undelete reproduce|python benchmarks/).+?)^```$|`((?:undelete reproduce|python benchmarks/)[^`]+)`",
    re.MULTILINE | re.DOTALL,
)
_HEAD = """# Every figure, and the command that draws it

Each is on a page of [results](results/index.md), with its tables and what to keep in mind.
"""


def write_made(docs: Path) -> None:
    """Write gallery.md, and a page beside each notebook of docs/examples."""
    (docs / "gallery.md").write_text(gallery(docs / "results"), encoding="utf-8")
    for file in sorted((docs / "examples").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        file.with_suffix(".md").write_text("\n".join(map(_cell, cells)), encoding="utf-8")


def gallery(results: Path) -> str:
    """Return the figures of the pages of a folder, each with the last command above it on its page, or the next."""
    text = [_HEAD]
    for page in sorted(results.glob("*.md")):
        content = page.read_text(encoding="utf-8")
        for found in _IMAGE.finditer(content):
            above = [*_COMMAND.finditer(content, 0, found.start())]
            command = (above[-1:] or [*_COMMAND.finditer(content, found.end())][:1] or [None])[0]
            text.append(f"## {found[1]}\n\n![{found[1]}](results/{found[2]})\n")
            if command is not None:
                text.append(f"```\n{(command[1] or command[2]).strip()}\n```\n")
            text.append(f"[Numbers and notes](results/{page.name})\n")
    return "\n".join(text)


def _cell(cell: dict[str, Any]) -> str:
    """Return a notebook's cell as Markdown, with its results."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return f"{source}\n"
    shown = [_output(output.get("data", {})) for output in cell["outputs"]]
    return "\n".join([f"```python\n{source}\n```\n", *shown])


def _output(data: dict[str, Any]) -> str:
    """Return one result, in the richest form that it has."""
    if "image/png" in data:
        picture = "".join(data["image/png"]).replace("\n", "")
        return f'<div class="output"><img alt="the figure of this cell" src="data:image/png;base64,{picture}"></div>\n'
    if "text/html" in data:
        lines = [line for line in "".join(data["text/html"]).splitlines() if line.strip()]  # Markdown ends at a gap
        return '<div class="output">\n' + "\n".join(lines) + "\n</div>\n"
    return f"```text\n{''.join(data.get('text/plain', ''))}\n```\n"
