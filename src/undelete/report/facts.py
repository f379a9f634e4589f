"""What the sections share: which attack speaks for the audit, which baseline answers it, who ranks first.

An audit here is the dict of audit.json (docs: schema ``undelete.audit/1``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from undelete.report import formatting

Audit = Mapping[str, Any]
Row = Mapping[str, Any]


def event(audit: Audit) -> str:
    """Return what each of the cases is: a deletion, an addition, or a person of several."""
    if int(audit["question"].get("people") or 1) > 1:
        return "person"
    return "addition" if audit["question"].get("joined") else "deletion"


_ADDED = (("deletion", "addition"), ("Deletion", "Addition"), ("deleted", "added"), ("a addition", "an addition"))
_PEOPLE = (
    ("Each deletion", "Each person"), ("each deletion", "each person"), ("this one deletion", "these people"),
    ("what a deletion gave", "what the change gave"), ("deletions", "people"), ("Deletions", "People"),
    ("the deletion", "the change"), ("a deletion", "the change"), ("of deleted records", "of people's records"),
    ("the deleted record", "these people's records"), ("deleted records", "people's records"),
)  # fmt: skip
_TAGS = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<[^>]*>)", re.DOTALL)


def spoken(text: str, what: str) -> str:
    """Return text for a reader in the words of additions or of several people; tags of a page stay as they are."""
    words = {"addition": _ADDED, "person": _PEOPLE}.get(what, ())
    parts = _TAGS.split(text)
    for place in range(0, len(parts), 2):
        for old, new in words:
            parts[place] = parts[place].replace(old, new)
    return "".join(parts)


def events(audit: Audit) -> str:
    """Return what all of the cases are: deletions, additions or people."""
    return "people" if event(audit) == "person" else f"{event(audit)}s"


def case(audit: Audit, number: int) -> str:
    """Return what a case is called, by its position: ``Deletion 3``, ``Person 2 of group 1, who joined``."""
    people = int(audit["question"].get("people") or 1)
    if people == 1:
        return f"{event(audit).capitalize()} {number + 1}"
    group = "" if int(audit["question"]["deletions"]) == people else f" of group {number // people + 1}"
    came, position = int(audit["question"].get("came") or 0), number % people
    way = f", who {'left' if position < people - came else 'joined'}" if 0 < came < people else ""
    return f"Person {position + 1}{group}{way}"


def label_of(audit: Audit, attack: str) -> str:
    """Return an attack's name in words; the name itself when the audit has none."""
    found = [entry["label"] for entry in audit["attacks"] if entry["name"] == attack]
    return str(found[0]) if found else attack


def role_of(audit: Audit, attack: str) -> str:
    """Return "attack", "baseline" or "bound"."""
    found = [entry["role"] for entry in audit["attacks"] if entry["name"] == attack]
    return str(found[0]) if found else "attack"


def headline(audit: Audit) -> str | None:
    """Return the attack that speaks for the audit: the verdict's, else the records', else the first one."""
    if audit.get("lift"):
        return str(audit["lift"]["attack"])
    for record in audit["records"]:
        if role_of(audit, record["attack"]) == "attack":
            return str(record["attack"])
    return next((str(entry["name"]) for entry in audit["attacks"] if entry["role"] == "attack"), None)


def summary_of(audit: Audit, attack: str | None) -> Row:
    """Return an attack's row of the summary, empty when it has none."""
    return next((row for row in audit["summary"] if row["attack"] == attack), {})


def has_truth(audit: Audit) -> bool:
    """Return whether the audit could compare with a true record."""
    kept = ("exact_columns", "median_cosine", "label", "median_target_error")
    return any(row.get(key) is not None for row in audit["summary"] for key in kept)


def controls(audit: Audit) -> list[str]:
    """Return the baselines that know nothing of the reconstruction."""
    return [str(e["name"]) for e in audit["attacks"] if e["role"] == "baseline" and e.get("independent", True)]


def best_baseline(audit: Audit, score: str, *, largest: bool = True) -> tuple[str, float] | None:
    """Return (attack, score) of the control that does best on a column of the summary, the first of equal ones."""
    found = [
        (str(row["attack"]), float(row[score]))
        for row in audit["summary"]
        if row["attack"] in controls(audit) and row.get(score) is not None
    ]
    best = max if largest else min
    return best(found, key=lambda one: one[1], default=None)


def ranking(audit: Audit) -> list[Row]:
    """Return the headline attack's scores, the most exposed deletion first.

    With a truth: by the share of columns recovered, then centred cosine, then confidence. Without: by
    confidence. Ties keep the order of the deletions.
    """
    name = headline(audit)
    rows = [row for row in audit["scores"] if row["attack"] == name]
    keys = ("exact_columns", "centred_cosine", "confidence", "cosine")

    def exposure(row: Row) -> tuple[float, ...]:
        return tuple(-float(row[key]) if row.get(key) is not None else 2.0 for key in keys)

    return sorted(rows, key=exposure)


def sampled(rows: Sequence[Row], most: int, first: int) -> list[Row]:
    """Return the `first` rows and evenly spaced ones of the rest, `most` in all."""
    if len(rows) <= most:
        return list(rows)
    rest = len(rows) - first
    picks = [first + (i * rest) // (most - first) for i in range(most - first)]
    return [*rows[:first], *(rows[i] for i in picks)]


def columns_right(share: float | None, columns: int) -> str:
    """Return ``4 of 10`` for one deletion's share of so many columns."""
    return formatting.MISSING if share is None else f"{round(share * columns)} of {columns:,}"


def confidences(audit: Audit) -> list[float]:
    """Return the headline attack's confidences, one a deletion."""
    name = headline(audit)
    given = [row["confidence"] for row in audit["scores"] if row["attack"] == name]
    given = given or [row["confidence"] for row in audit["records"] if row["attack"] == name]
    return [float(p) for p in given if p is not None]
