"""How strong the attack is, always beside its control: key figures, the table of attacks, curves, columns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from undelete.report import figures, formatting
from undelete.report.facts import (
    Audit,
    Row,
    columns_right,
    confidences,
    controls,
    event,
    events,
    has_truth,
    label_of,
    role_of,
)
from undelete.report.lead import flatters, lift

CURVES_FROM = 5  # deletions; fewer are numbers in a table


@dataclass(frozen=True)
class AttackLine:
    """One attack's row in the table of attacks."""

    name: str
    label: str
    role: str
    note: str
    n: int
    columns: str
    columns_range: str
    record: str
    record_range: str
    target: str
    target_range: str
    cosine: str
    cosine_range: str
    centred: str
    above: str


@dataclass(frozen=True)
class Strength:
    """The section "How strong is it?"."""

    truth: bool
    one: bool
    columns: bool
    lines: tuple[AttackLine, ...]
    target_heading: str
    over: str
    lift: str
    flatters: str
    curves: tuple[tuple[str, str], ...]
    curves_note: str
    confidence: str


def strength(audit: Audit) -> Strength:
    """Return the section: the table of attacks, the curves, and the sentences that keep both honest."""
    truth = has_truth(audit)
    one = int(audit["question"]["deletions"]) == 1
    labelled = any(row.get("label") is not None for row in audit["summary"])
    curves, note = _curves(audit) if truth else ((), "")
    order = {"attack": 0, "bound": 1, "baseline": 2}
    rows = sorted(audit["summary"], key=lambda row: order.get(role_of(audit, row["attack"]), 0))
    return Strength(
        truth=truth,
        one=one,
        columns=any(row.get("exact_columns") is not None for row in audit["summary"]),
        lines=tuple(_attack_line(audit, row, one=one, labelled=labelled) for row in rows) if truth else (),
        target_heading=_target_heading(audit, labelled=labelled, one=one),
        over=_over(audit),
        lift=lift(audit),
        flatters=flatters(audit),
        curves=curves,
        curves_note=note,
        confidence="" if truth else _confidence(audit),
    )


def _over(audit: Audit) -> str:
    """Return over how many deletions the table goes, when that is one number for all attacks."""
    counts = {int(row["n"]) for row in audit["summary"]}
    return f" over {_cases(audit, counts.pop())}" if len(counts) == 1 else ""


def _cases(audit: Audit, count: int) -> str:
    return formatting.count(count, event(audit), events(audit))


def _target_heading(audit: Audit, *, labelled: bool, one: bool) -> str:
    """Return the heading of the target's column; empty when there is nothing to put below."""
    if labelled:
        return "Label right"
    if any(row.get("median_target_error") is not None for row in audit["summary"]):
        return "Error of the target" if one else "Median error of the target"
    return ""


def _attack_line(audit: Audit, row: Row, *, one: bool, labelled: bool) -> AttackLine:
    """Return one attack's row; of a single deletion without intervals, which would say nothing."""
    name, count = str(row["attack"]), len(audit["columns"])

    def ends(key: str) -> str:
        return "" if one else formatting.percent_range(row.get(f"{key}_low"), row.get(f"{key}_high"))

    def yes(share: float | None) -> str:
        return formatting.MISSING if share is None else "yes" if share else "no"

    share = yes if one else formatting.percent
    exact = row.get("exact_columns")
    cosines = [row.get("q10_cosine"), row.get("q90_cosine")]
    above = [row.get("share_above_.9"), row.get("share_above_.99")]
    if labelled:
        target, target_range = share(row.get("label")), ends("label")
    else:
        target, target_range = (
            formatting.target_error(row.get("median_target_error"), audit.get("target")),
            "",
        )
    return AttackLine(
        name=name,
        label=label_of(audit, name),
        role=role_of(audit, name),
        note=_note(audit, name),
        n=int(row["n"]),
        columns=columns_right(exact, count) if one else formatting.percent(exact),
        columns_range=ends("exact_columns"),
        record=share(row.get("exact_record")),
        record_range=ends("exact_record"),
        target=target,
        target_range=target_range,
        cosine=formatting.similarity(row.get("median_cosine")),
        cosine_range="" if one or None in cosines else " to ".join(formatting.similarity(c) for c in cosines),
        centred=formatting.similarity(row.get("median_centred_cosine")),
        above="" if one or None in above else " / ".join(formatting.percent(a) for a in above),
    )


def _note(audit: Audit, name: str) -> str:
    """Return what an attack is when it is not one."""
    if role_of(audit, name) == "baseline" and name not in controls(audit):
        return "starts from the attack's answer"
    return {"baseline": "control", "bound": "upper bound"}.get(role_of(audit, name), "")


def _curves(audit: Audit) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return (heading, SVG) of the two distributions, on one axis, and a note about what is not drawn."""
    if int(audit["question"]["deletions"]) < CURVES_FROM:
        return (), ""
    names = [str(entry["name"]) for entry in audit["attacks"]]
    roles = {str(entry["name"]): str(entry["role"]) for entry in audit["attacks"]}
    labels = {name: name for name in names}
    kinds = {"cosine": "Cosine", "centred_cosine": "Centred cosine"}
    scores = {kind: {name: scores_of(audit, name, kind) for name in names} for kind in kinds}
    drawn = {kind: {name: s for name, s in of.items() if not all(map(math.isnan, s))} for kind, of in scores.items()}
    found = [
        (
            heading,
            figures.cdf(
                drawn[kind],
                name=f"cdf-{kind.replace('_', '-')}",
                title=f"Distribution of the {heading.lower()}",
                x_label=f"{heading.lower()} with the true record",
                roles=roles,
                labels=labels,
            ),
        )
        for kind, heading in kinds.items()
        if drawn[kind]
    ]
    flat = [n for n in drawn["cosine"] if n not in drawn["centred_cosine"]]
    note = ""
    if flat and drawn["centred_cosine"]:
        note = f"{', '.join(flat)} has no centred cosine: without the average nothing of it is left."
    return tuple(found), note


def scores_of(audit: Audit, name: str, kind: str) -> list[float]:
    """Return an attack's scores, one a deletion, NaN where nothing was recovered."""
    given = [row[kind] for row in audit["scores"] if row["attack"] == name]
    return [math.nan if score is None else float(score) for score in given]


def _confidence(audit: Audit) -> str:
    """Return what the confidences say when there is no truth."""
    sure = confidences(audit)
    if not sure:
        return "The attack gives no confidence for what it recovered."
    if len(sure) == 1:
        return (
            f"The attack puts {formatting.percent(sure[0])} on the whole record being right. This follows "
            "from its own error bars; no true record was given to check it against."
        )
    high = sum(p >= 0.9 for p in sure)
    return (
        f"The attack is at least 90 % sure of the whole record for {high:,} of "
        f"{_cases(audit, len(sure))}. "
        "This follows from its own error bars; no true records were given to check them against."
    )
