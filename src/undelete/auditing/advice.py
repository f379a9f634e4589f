"""What the report says of the attacker's knowledge, and of what can be done: plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from undelete.release.seen import Seen


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
    ]


def _number(release: Seen) -> str:
    """Return the number of training records in words."""
    if release.n is None:
        return "gives the target of a regression, and the error bars"
    return f"about {release.n:,}, from the size of the change" if release.n_error else f"{release.n:,}"


def advice(word: str) -> list[dict[str, Any]]:
    """Return what can be done, most effective first. None of it was measured in an audit: it says so."""
    actions = [
        (
            "Do not let both models be seen",
            "The attack needs the parameters of both. If the old model is out already, this no longer helps "
            "those who kept it.",
        ),
        (
            "Train with differential privacy",
            "The only one of these with a proof: it bounds what any two models can tell of one record. It "
            "costs accuracy, so measure that on your data.",
        ),
        (
            "Delete many records at once",
            "Collect requests and retrain once: the difference then mixes the records. It hides a person among "
            "the others of a large batch, with no guarantee; two to four are told apart where scalers are refitted.",
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
    return [{"action": action, "why": why, "measured": False} for action, why in actions]
