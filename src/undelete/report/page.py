"""The page: a pure function of the audit.

`render` turns the dict of audit.json (schema ``undelete.audit/1``) into one HTML page that needs nothing
else: no network, no other file. What a section says is worked out in the modules beside this one; how it
looks is in template.html, page.css and page.js. Everything that comes from the audit is escaped by the
template.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from undelete.errors import InputError
from undelete.redaction import redacted
from undelete.report import formatting, frontier, ladders
from undelete.report.band import key_figures
from undelete.report.columns import columns
from undelete.report.distribution import colour_of
from undelete.report.embedding import clean, embedded
from undelete.report.exposed import calibration, exposed, reliability
from undelete.report.facts import Audit, event, headline, label_of, spoken
from undelete.report.gallery import gallery
from undelete.report.lines import target_label
from undelete.report.pictures import is_png
from undelete.report.records import records
from undelete.report.strength import strength

SCHEMA = "undelete.audit/1"
WORDS = {
    "EXPOSED": "exposed",
    "PARTLY EXPOSED": "partly",
    "NOT EXPOSED": "safe",
    "NOT DECIDABLE": "unknown",
}


@dataclass(frozen=True)
class Fact:
    """A line of the list of what was asked, or of how it was computed."""

    name: str
    value: str


def render(audit: Mapping[str, Any]) -> str:
    """Return the report as one standalone HTML page.

    Parameters
    ----------
    audit : mapping
        The content of audit.json; NaN counts as null. When ``audit["redacted"]`` is true no record's value is
        shown or embedded, even if the dict still holds it.

    Returns
    -------
    str
        The same page for the same audit, byte for byte; under a megabyte for 10,000 deletions, since
        deletions are then sampled, which the page says.

    Raises
    ------
    InputError
        When the dict is not an audit of this schema, or its verdict is none of the four words.
    """
    if audit.get("schema") != SCHEMA:
        raise InputError(
            f"this audit has schema {audit.get('schema')!r}, the report reads {SCHEMA!r}: write audit.json "
            "with the same version of undelete"
        )
    word = audit["verdict"]["word"]
    if word not in WORDS:
        raise InputError(
            f"the verdict is {word!r}, but a report can only say {', '.join(WORDS)}: use one of these words"
        )
    known: Audit = clean(audit)
    if known["redacted"]:
        known = redacted(known)
    page = _template(event(known)).render(verdict_class=WORDS[word], **_context(known))
    # a lone surrogate in a stranger's text could not be written to a file
    return page.encode("utf-8", "replace").decode("utf-8")


def _context(known: Audit) -> dict[str, Any]:
    """Return everything the template names."""
    script = _text("page.js")
    data, thinned = embedded(known)
    speaker = headline(known) or ""
    return {
        "audit": known,
        "created": formatting.date(str(known["created"])),
        "figures": key_figures(known),
        "asked": _asked(known),
        "records": records(known),
        "gallery": gallery(known),
        "strength": strength(known),
        "columns": columns(known),
        "exposed": exposed(known),
        "reliability": Markup(reliability(known)),
        "calibration": calibration(known),
        "frontier": Markup(frontier.inline(known.get("protection"))),
        "ladders": Markup(ladders.inline(known.get("protection"))),
        "defended": known["defended"] if is_png(known.get("defended")) else None,
        "colour": colour_of(speaker),
        "headline": label_of(known, speaker),
        "meanings": [(e["name"], e["about"]) for e in known["attacks"] if e.get("about")],
        "computed": _computed(known),
        "style": Markup(_text("page.css")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "data": Markup(data),
        "thinned": thinned,
    }


def _text(name: str) -> str:
    """Return a file that lies beside this module."""
    return (resources.files("undelete.report") / name).read_text(encoding="utf-8")


@cache
def _template(what: str) -> jinja2.Template:
    """Return the compiled template in the words of deletions, additions or people; a name misspelt is an error."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=formatting.percent, shorten=formatting.shorten, svg=Markup)
    return environment.from_string(spoken(_text("template.html"), what))


def _asked(audit: Audit) -> list[Fact]:
    """Return what was asked, of which model, with which data."""
    model, public, target = audit["model"], audit["public"], audit.get("target")
    facts = [_played(audit)]
    # the step names come first, as in a pipeline
    kind = " → ".join([*map(str, model["steps"]), str(model["kind"])])
    facts.append(Fact("Model", f"{kind}, {model['loss'].replace('_', ' ')} loss, {_size(model)}"))
    if model["before"] or model["after"]:
        facts.append(Fact("Before and after", f"{model['before'] or '–'} and {model['after'] or '–'}"))
    if target:
        facts.append(Fact("It predicts", _predicts(target)))
    if model["quality"]:
        known = {name: v for name, v in model["quality"].items() if v is not None}
        quality = ", ".join(f"{name} {formatting.number(v)}" for name, v in known.items())
        facts.append(Fact("How well it fits", quality))
    facts.append(Fact("Private records", "not known" if model["n"] is None else f"{model['n']:,}"))
    source = f", {public['source']}" if public["source"] else ""
    facts.append(Fact("Public records", f"{public['records']:,}{source}"))
    return facts


def _played(audit: Audit) -> Fact:
    """Return how many people were looked at, and whether alone."""
    count, people = int(audit["question"]["deletions"]), int(audit["question"].get("people") or 1)
    if people > 1:
        return Fact("People", f"{count:,}, all at once" if count == people else f"{count:,}, {people:,} at a time")
    return Fact(f"{event(audit).capitalize()}s", "1" if count == 1 else f"{count:,}, each on its own")


def _size(model: Mapping[str, Any]) -> str:
    """Return the model's size and penalty in words."""
    penalty = model["penalty"]
    parts = [formatting.count(model["features"], "feature")]
    if model["outputs"] > 1:
        parts.append(formatting.count(model["outputs"], "output"))
    parts.append("with an intercept" if model["intercept"] else "without an intercept")
    parts.append("penalty not known" if penalty is None else f"penalty {formatting.number(penalty)}")
    return ", ".join(parts)


def _predicts(target: Mapping[str, Any]) -> str:
    """Return the target's name, its unit and whether a logarithm was undone."""
    shown = target_label(target)
    unit = f" in {target['unit']}" if target.get("unit") and target["kind"] == "number" else ""
    undone = ", shown with the logarithm undone" if target.get("transform") == "exp" else ""
    return f"{shown}{unit} ({target['name']}{undone})"


def _computed(audit: Audit) -> list[Fact]:
    """Return how to get the same numbers again."""
    facts = [Fact("Date", formatting.date(str(audit["created"])))]
    facts.append(Fact("undelete", str(audit["undelete"])))
    facts.extend(Fact(str(name), str(value)) for name, value in audit["environment"].items())
    facts.extend(
        Fact(f"Rule: {name.replace('_', ' ')}", formatting.value(value))
        for name, value in audit["verdict"]["rule"].items()
    )
    if audit["exposure"] is not None:
        facts.append(Fact("Exposure (what --fail-above compares)", formatting.similarity(audit["exposure"])))
    facts.append(Fact("Paper", str(audit["paper"])))
    return facts
