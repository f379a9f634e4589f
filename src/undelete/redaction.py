"""What of a result may be shown to somebody who must not learn a record: a pure function of its document.

Leaving the values out is not enough. Whoever has the public data knows what the baselines answered, so that a
baseline's score of one deletion gives a label, a distance or a number back; so does a mean over few deletions, or one
near 0 or 1. What stays is said of the attack alone, whose answers are not known without the models, and of groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GROUP = 20  # deletions from which on a mean says nothing of one of them
EXTREME = 0.02  # a share this near to 0 or 1 says of nearly everybody what it says of all
# what says nothing of a record; what is not known here is left out, so that a new field is not shown by oversight
_SAFE = frozenset(
    {"schema", "undelete", "created", "command", "question", "model", "public", "target", "columns", "attacks",
     "verdict", "threat_model", "warnings", "advice", "protection", "environment", "paper"}
)  # fmt: skip
_OF_ONE = ("attack", "deletion", "row", "status")
_TARGETS = ("median_target_error",)
_SHARES = tuple(f"{name}{end}" for name in ("exact_columns", "label") for end in ("", "_low", "_high"))
# checks whose numbers are of the models, the public data or all deletions, not of one record
_HARMLESS = frozenset(
    {"Public data", "Gradient on public data", "Gradient on all public data", "Number of deleted records",
     "Exact retraining", "The model's own fit",
     "Scale of the record", "Error bars", "End of the fits", "Records and features", "Digits of the coefficients",
     "Number of training records", "One record", "Means of the scalers"}
)  # fmt: skip
_TELLS = "Implied number of records"  # by which a class is told from the other
_TOO_FEW = "The numbers behind it are left out: of so few deletions they would give values back."


def redacted(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an audit's document without what gives a deleted record's values away, with or without the public data.

    Left out are all recovered, true and guessed values and what is said of single cells; every score of a single
    deletion; the baselines' scores but for shares of groups of 20 deletions and more, where they are not extreme;
    errors of the target; the columns' shares of baselines, and of columns with two values; pictures. Of fewer than 20
    deletions the truth's summary and the checks' numbers go as well.

    Parameters
    ----------
    document : mapping
        As `Audit.document` makes it; one that is redacted already comes back the same.
    """
    few = int(document["question"]["deletions"]) < GROUP
    roles = {entry["name"]: entry["role"] for entry in document["attacks"]}
    return {
        **{key: value if key in _SAFE else None for key, value in document.items()},
        "redacted": True,
        "verdict": _verdict(document["verdict"]) if few else document["verdict"],
        "exposure": None if document["exposure"] is None else round(document["exposure"], 2 if few else 3),
        "diagnostics": [_check(check, few) for check in document["diagnostics"]],
        "summary": [_summary(row, roles.get(row["attack"]) == "baseline", few) for row in document["summary"]],
        "lift": None if few else document["lift"],
        "per_column": [] if few else _per_column(document, roles),
        "words": [] if few else document.get("words", []),
        "scores": [_score(row) for row in document["scores"] if roles.get(row["attack"]) == "attack"],
        "pictures": _pictures(document.get("pictures")),
        "records": [_record(record) for record in document["records"]],
    }


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the verdict without its numbers; one that rests on a check has that check's words for its reason."""
    checked = verdict.get("word") == "NOT DECIDABLE" and not verdict.get("rule")
    return {**verdict, "reason": verdict["reason"] if checked else _TOO_FEW, "rule": {}}


def _check(check: Mapping[str, Any], few: bool) -> dict[str, Any]:
    if not few or check["name"] in _HARMLESS:
        return dict(check)
    text = _TOO_FEW if check["name"] == _TELLS and check["ok"] is not False else check["text"]
    return {**check, "value": "left out", "text": text}


def _summary(row: Mapping[str, Any], baseline: bool, few: bool) -> dict[str, Any]:
    """Return an attack's row; of a baseline the shares of a large group only."""
    kept = {}
    for name, value in row.items():
        known = name in ("attack", "n") or not (few or name in _TARGETS)
        if known and baseline and name not in ("attack", "n", "recovered"):
            share = row.get(name.removesuffix("_low").removesuffix("_high"))
            known = name in _SHARES and share is not None and EXTREME <= share <= 1 - EXTREME
        kept[name] = None if not known else round(value, 3) if isinstance(value, float) else value
    return kept


def _per_column(document: Mapping[str, Any], roles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how often each column came back by an attack, where a column has more than two values."""
    two = {column["name"] for column in document["columns"] if (column.get("values") or 3) <= 2}
    return [
        {name: value for name, value in row.items() if roles.get(name, "attack") == "attack"}
        for row in document["per_column"]
        if row["column"] not in two
    ]


def _score(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**_named(row), "confidence": _rounded(row["confidence"])}


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return which deletion a row is about and whether it came back, with everything else left out."""
    return {key: value if key in _OF_ONE else None for key, value in row.items()}


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 2)


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    target = record.get("target")
    return {
        **_named(record),
        "confidence": _rounded(record["confidence"]),
        "columns": [{**dict.fromkeys(cell), "name": cell["name"]} for cell in record["columns"]],
        "target": None if target is None else {**dict.fromkeys(target), "note": target.get("note")},
    }


def _pictures(pictures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if pictures is None:
        return None
    items = [
        {
            **_named(item),
            "label": dict.fromkeys(item["label"]),
            "pictures": [{**dict.fromkeys(picture), "name": picture["name"]} for picture in item["pictures"]],
        }
        for item in pictures["items"]
    ]
    return {**pictures, "average": None, "items": items}
