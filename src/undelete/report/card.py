"""A result at a glance, as a notebook shows it: the verdict and the record that gave away most.

No link, no script, no style sheet: only elements with their own style, so that a notebook's page is left alone, and
one that is shown without being trusted loses nothing. Everything that comes from the audit is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jinja2

from undelete.report import formatting
from undelete.report.embedding import clean
from undelete.report.facts import Audit
from undelete.report.lines import Line
from undelete.report.records import records

ROWS = 20
_COLOURS = {"EXPOSED": "#a13f06", "PARTLY EXPOSED": "#8a6100", "NOT EXPOSED": "#2b6e3f", "NOT DECIDABLE": "#56606d"}
_TEMPLATE = """\
{%- set cell = "padding:.15em .7em .15em 0;text-align:left;vertical-align:top" -%}
<div style="max-width:46em">
<p style="margin:.2em 0"><strong style="color:{{ colour }}">{{ word }}</strong> {{ sentence }}</p>
{%- if lines %}
<table style="border-collapse:collapse;margin:.4em 0">
<caption style="text-align:left;padding:.2em 0">{{ caption }}</caption>
<thead><tr>{% for name in head %}<th scope="col" style="{{ cell }}">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in lines %}
<tr><th scope="row" style="{{ cell }};font-weight:normal">{{ row[0] }}</th>
{%- for value in row[1:] %}<td style="{{ cell }}">{{ value }}</td>{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
{%- endif %}
{%- for note in notes %}
<p style="margin:.2em 0;font-size:smaller">{{ note }}</p>
{%- endfor %}
</div>
"""


def card(audit: Mapping[str, Any]) -> str:
    """Return a few lines of HTML for a notebook.

    Parameters
    ----------
    audit : mapping
        The content of audit.json.

    Returns
    -------
    str
        One element. It shows a person's record: a notebook that is saved with it is personal data.
    """
    known: Audit = clean(audit)
    verdict, shown = known["verdict"], records(known)
    view = shown.views[0] if shown.views else None
    lines = view.lines[:ROWS] if view is not None else ()
    columns: list[tuple[str, Callable[[Line], str]]] = [("column", lambda line: line.label), ("recovered", _recovered)]
    if shown.has_true:
        columns.append(("true", lambda line: line.true))
    if shown.has_sure:
        columns.append(("how sure", lambda line: line.sure))
    if shown.has_guess:
        columns.append(("a guess without the attack", lambda line: line.guess))
    notes = [] if view is None else [note for note in (view.trouble, _left_out(len(view.lines)), shown.note) if note]
    if known.get("pictures"):
        notes.append("The records are images: to_html shows them.")
    page = _template().render(
        word=verdict["word"], sentence=verdict["sentence"], colour=_COLOURS.get(verdict["word"], "inherit"),
        caption="" if view is None else ": ".join(part for part in (view.title, view.summary) if part),
        head=[name for name, _ in columns], lines=[[of(line) for _, of in columns] for line in lines], notes=notes,
    )  # fmt: skip
    return page.encode("utf-8", "replace").decode("utf-8")


def _recovered(line: Line) -> str:
    """Return the value, and where somebody can say so whether it is right."""
    mark = {True: " ✓", False: " ✗", None: ""}[line.right]
    return line.recovered + mark + (f" ({line.off})" if line.off else "")


def _left_out(count: int) -> str:
    return f"{formatting.count(count - ROWS, 'further column')} not shown." if count > ROWS else ""


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_TEMPLATE)
