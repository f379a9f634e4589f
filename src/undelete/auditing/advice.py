"""What the report says of the attacker's knowledge, and of what can be done: plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.report import formatting


def threat_model(
    release: Seen, model: Mapping[str, Any], *, joined: bool = False, people: int = 1
) -> list[dict[str, Any]]:
    """Return each assumption about the attacker, whether it was granted here, and its detail."""
    m = len(release.X_public)

    def row(assumption: str, known: bool, detail: str) -> dict[str, Any]:
        return {"assumption": assumption, "known": known, "detail": detail}

    what, added = ("addition", "with") if joined else ("deletion", "without")
    whose, how = ("The added record" if joined else "The deleted record"), f"{added} the record"
    if people > 1:
        what, whose, how = "change", "These people's records", "after it"
    unseen = isinstance(release, Release) and release.offset_public is not None
    return [
        row(f"The model before the {what}", True, "all of its parameters and its preprocessing"),
        row(f"The model after the {what}", True, f"likewise, retrained {how}"),
        row("Other records like the training data", True, f"{m:,} public records, none of them private"),
        row("Their targets", release.Y_public is not None, "what the model predicts, for the public records"),
        row("The number of training records", release.n is not None and not release.n_error, _number(release)),
        row(
            "The penalty",
            release.l2 is not None,
            "used by hrec+ if known; the paper's attack takes it as zero",
        ),
        row("The remaining training records", False, "only the bound called 'informed' is given them"),
        row(whose, False, "neither columns, target nor place in the table"),
        *(
            [row("The record's own offset", False, "public records' are known, over which a number is told")]
            if unseen
            else []
        ),
    ]


def _number(release: Seen) -> str:
    """Return the number of training records in words."""
    if release.n is None:
        return "gives the target of a regression, and the error bars"
    return (
        f"about {release.n:,}, from the size of the change, or as the weights have it"
        if release.n_error
        else f"{release.n:,}"
    )


_SHOWN = 4  # measured defences besides the one that is recommended
_COVERED = {  # what is advised unmeasured, and the defences that measure it
    "Train with differential privacy": ("noisy_moments", "output_perturbation", "objective_perturbation"),
    "Delete many records at once": ("batch",),
    "Publish predictions or rounded parameters": ("rounding", "rounded_answers"),
}
_STANDING = {
    "proved": "Proved, of the coefficients.",
    "measured": "Measured, by an attacker who knows it; no proof.",
    "unknowing": "It looks safe only to an attacker who does not know it.",
}


def advice(word: str, protection: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what can be done, most effective first; each says whether it was measured.

    Parameters
    ----------
    word : str
        The verdict.
    protection : mapping or None
        What defences left and cost, as protection.json holds it.
    """
    actions = [
        (
            "Do not let both models be seen",
            "The attack needs the parameters of both. If the old model is out already, this no longer helps "
            "those who kept it.",
        ),
        (
            "Train with differential privacy",
            "The only one of these with a proof: it bounds what any two models can tell of one record. It "
            "costs accuracy: undelete protect measures that on your data.",
        ),
        (
            "Delete many records at once",
            "Collect requests and retrain once: the difference then mixes the records. It hides a person among "
            "the others of a large batch, with no guarantee: where scalers are refitted two to four are told apart, "
            "and up to ten in part.",
        ),
        (
            "Publish predictions or rounded parameters",
            "A change of one part in the number of records does not survive rounding to fewer digits than "
            "that. Many queries can average rounding away.",
        ),
    ]
    if word == "NOT DECIDABLE":
        first = (
            "Give the audit what it lacks",
            "See the checks above: models fitted to a tight tolerance, more public records, or the number of "
            "training records.",
        )
        actions = [first, *actions]
    if word == "NOT EXPOSED":
        first = (
            "Keep this result with its conditions",
            "It holds for this attack and this public data; a stronger attack may come, so audit again.",
        )
        actions = [first, *actions]
    rows = [] if protection is None else _measured(protection)
    played = {row["defence"] for row in (protection or {"table": []})["table"]}
    left = [one for one in actions if not played & set(_COVERED.get(one[0], ()))]
    return [*rows, *({"action": action, "why": why, "measured": False} for action, why in left)]


def slim(protection: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return of what protection.json holds what a report shows; None where there is none."""
    if protection is None:
        return None
    rows = [{name: row.get(name) for name in _KEPT} for row in protection["table"]]
    chosen = protection["recommended"]
    return {
        "deletions": protection["deletions"], "limits": dict(protection["limits"]), "table": rows,
        "recommended": None if chosen is None else {name: chosen.get(name) for name in _KEPT},
    }  # fmt: skip


_KEPT = (
    "defence", "label", "strength", "unit", "proof", "standing", "epsilon", "exposure", "exposure_low", "exposure_high",
    "quantiles", "whole_records", "measure", "utility", "utility_loss", "chance_before", "chance_after",
)  # fmt: skip


def _measured(protection: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the defence that is recommended, and of each other its row that is safest at no more than the limit."""
    table, limits, chosen = protection["table"], protection["limits"], protection["recommended"]
    best: dict[str, Mapping[str, Any]] = {}
    for row in sorted(table[1:], key=_safest, reverse=True):
        if row["utility_loss"] <= limits["max_loss"]:
            best[row["defence"]] = row  # the safest comes last
    others = [row for name, row in best.items() if chosen is None or name != chosen["defence"]]
    others = sorted(others, key=_safest)[:_SHOWN]
    return [_item(row, table[0], protection["deletions"]) for row in ([] if chosen is None else [chosen]) + others]


def _safest(row: Mapping[str, Any]) -> tuple[bool, float]:
    """Return what sorts proved rows first, then by their exposure."""
    return row["standing"] != "proved", float(row["exposure"])


def _item(row: Mapping[str, Any], plain: Mapping[str, Any], deletions: int) -> dict[str, Any]:
    strength = f", {formatting.strength(row)}" if row["strength"] is not None else ""
    why = (
        f"Of {deletions:,} deletions played under it the exposure is {row['exposure']:.2f} ({row['exposure_low']:.2f} "
        f"to {row['exposure_high']:.2f}), without it {plain['exposure']:.2f}; {row['measure']} {row['utility']:.4f} "
        f"for {plain['utility']:.4f}. {_STANDING[row['standing']]}"
    )
    if row.get("chance_after") is not None and row["standing"] == "proved":
        why += (
            f" Whoever guesses the whole record with probability {row['chance_before']:.2g} does so with at most "
            f"{row['chance_after']:.2g} afterwards, whatever the attack."
        )
    return {"action": f"{row['label']}{strength}", "why": why, "measured": True}
