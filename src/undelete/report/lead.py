"""The sentences that compare the attack with the baselines."""

from __future__ import annotations

from undelete.report import formatting
from undelete.report.facts import Audit, Row, best_baseline, events, label_of


def lift(audit: Audit) -> str:
    """Return the sentence that compares the attack with its best baseline."""
    lift = audit.get("lift")
    if not lift or lift.get("difference") is None:
        return ""
    if lift["score"] == "centred_cosine":
        return _lead_in_similarity(audit, lift)
    points = f"{100 * abs(lift['difference']):.0f}"
    more = "more" if lift["difference"] >= 0 else "fewer"
    what = {
        "exact_columns": "of the columns exactly",
        "exact_record": "of the whole records exactly",
        "label": "of the labels",
    }.get(lift["score"], f"({lift['score']})")
    ours, control = label_of(audit, lift["attack"]), label_of(audit, lift["baseline"])
    ours = ours[:1].upper() + ours[1:]
    sentence = f"{ours} recovers {points} percentage points {more} {what} than its best control, {control}"
    if lift.get("low") is None or lift.get("high") is None or audit["question"]["deletions"] == 1:
        return sentence + "."
    ends = [f"{100 * lift[end]:.0f}".replace("-", "−") for end in ("low", "high")]
    return f"{sentence} (95\u00a0% interval {ends[0]} to {ends[1]})."


def _lead_in_similarity(audit: Audit, lift: Row) -> str:
    """Return the same sentence for records that are compared by their similarity."""
    ours, control = label_of(audit, lift["attack"]), label_of(audit, lift["baseline"])
    higher = "higher" if lift["difference"] >= 0 else "lower"
    sentence = (
        f"{ours[:1].upper() + ours[1:]} reaches a centred cosine {abs(lift['difference']):.2f} {higher} than its best "
        f"control, {control}"
    )
    if lift.get("low") is None or lift.get("high") is None or audit["question"]["deletions"] == 1:
        return sentence + "."
    low, high = (f"{lift[end]:.2f}".replace("-", "−") for end in ("low", "high"))
    return f"{sentence} (mean over the {events(audit)}; 95\u00a0% interval {low} to {high})."


def flatters(audit: Audit) -> str:
    """Return why the cosine alone must not be believed, with the baseline's own as the example."""
    control = best_baseline(audit, "median_cosine")
    example = ""
    if control is not None:
        example = f" Here a mere control, {label_of(audit, control[0])}, already reaches "
        example += f"{formatting.similarity(control[1])}."
    return (
        "The cosine alone flatters: records resemble one another, so a guess close to the average scores "
        f"high without knowing anything about this one.{example} The centred cosine subtracts the public "
        "average first, so that only what sets the record apart is left to agree."
    )
