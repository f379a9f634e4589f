"""The page of a series of releases: a step a line, and what a keeper of all versions knows."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from undelete.report import formatting

_SHOWN = 12  # columns of a person


def render(document: Mapping[str, Any]) -> str:
    """Return the page of series.json's dictionary; of a redacted one no record's value is in it."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update(percent=formatting.percent, value=formatting.value)
    files = resources.files("undelete.report")
    template = environment.from_string((files / "series.html").read_text(encoding="utf-8"))
    style = Markup((files / "page.css").read_text(encoding="utf-8"))
    page = template.render(series=document, style=style, said=said, sentence=keeper, most=_SHOWN)
    return page.encode("utf-8", "replace").decode("utf-8")


def said(step: Mapping[str, Any]) -> str:
    """Return who came between two versions, in words.

    Examples
    --------
    >>> said({"left": 2, "joined": 1})
    '2 left, 1 joined'
    """
    parts = [f"{step[name]:,} {name}" for name in ("left", "joined") if step[name]]
    return ", ".join(parts)


def keeper(document: Mapping[str, Any]) -> str:
    """Return what somebody knows who kept all versions, in a sentence or two."""
    known = document["keeper"]
    people, whole = known["people"], known["whole_records"]
    text = (
        f"Between the {len(document['steps']) + 1} versions {people:,} {'person' if people == 1 else 'people'} left or "
    )
    text += f"joined; of {whole:,} the whole record is known with a confidence of a half or more."
    for one in known["came_and_went"]:
        text += f" Who joined at step {one['joined']} is who left at step {one['left']}: one record comes back at both."
    return text
