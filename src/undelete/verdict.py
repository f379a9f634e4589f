"""The verdict: one word by a fixed rule, with its reason in one sentence. docs/verdicts.md states the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from undelete.diagnostics import Diagnostic

Word = Literal["EXPOSED", "PARTLY EXPOSED", "NOT EXPOSED", "NOT DECIDABLE"]

MOST = 0.5  # share of a record's columns that counts as most of it
WHOLE = 0.05  # share of deletions whose whole record came back, beyond the baseline's, that counts by itself
CONFIDENT = 0.5  # confidence in one whole record that counts by itself
CLEAR = 0.1  # lift over the baseline that counts when one deletion leaves no interval
NEAR = 0.8  # centred cosine that makes a record partly exposed whatever its columns
_ROUNDING = 1e-9  # of the shares that are compared
COLUMN = 0.25  # a single column's lift that makes a record partly exposed


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on.

    Parameters
    ----------
    deletions : int
        How many were examined.
    columns : float
        Mean share of raw columns recovered exactly; without a truth, the share the error bars promise.
    baseline : float
        The same for the best baseline.
    baseline_name : str
        Which baseline that is.
    lift_low : float
        Lower end of the 95 % interval of columns - baseline; NaN when there is none (one deletion).
    whole, whole_baseline : float
        Share of deletions whose whole record is right; without a truth, the confidence.
    whole_low : float
        Lower end of the 95 % interval of `whole`; NaN when there is none.
    best_column : tuple of str and float
        The column with the largest lift, and the lift.
    measured : bool
        Whether there was a truth to compare with.
    centred : float
        Median centred cosine, or what the error bars promise.
    bits : tuple of two floats
        Bits of a record that came back (median), and of how many; NaN when not known.
    by : {"columns", "similarity"}
        What `columns` and `baseline` hold: shares of raw columns, or mean centred cosines of records without raw
        columns, such as images; those have no whole records and no best column.
    """

    deletions: int
    columns: float
    baseline: float
    baseline_name: str
    lift_low: float
    whole: float
    whole_baseline: float
    whole_low: float
    best_column: tuple[str, float]
    measured: bool
    centred: float
    bits: tuple[float, float] = (float("nan"), float("nan"))
    by: Literal["columns", "similarity"] = "columns"


@dataclass(frozen=True)
class Verdict:
    """One word, a sentence, the reason, and the numbers that the rule used."""

    word: Word
    sentence: str
    reason: str
    rule: dict[str, float] = field(default_factory=dict)


def decide(evidence: Evidence | None, diagnostics: Sequence[Diagnostic], leaks: Sequence[str] = ()) -> Verdict:
    """Apply the rule.

    Parameters
    ----------
    evidence : Evidence or None
        None when nothing was recovered.
    diagnostics : sequence of Diagnostic
        A blocking one that failed makes the case not decidable; without a truth any that failed does.
    leaks : sequence of str
        What the preprocessing gives away by itself.
    """
    blocked = [check for check in diagnostics if check.blocking and check.ok is False]
    failed = [check for check in diagnostics if check.ok is False]
    if evidence is not None and not evidence.measured:
        blocked = blocked or failed
    if blocked or evidence is None:
        reason = blocked[0].text if blocked else (failed[0].text if failed else "Nothing could be recovered.")
        return Verdict(
            "NOT DECIDABLE", "The attack could not work on this input; that is not a sign of safety.", reason
        )
    e = evidence
    if e.by == "similarity":
        return _by_similarity(e, failed, leaks)
    lift = e.columns - e.baseline
    certain = lift >= CLEAR - _ROUNDING if e.lift_low != e.lift_low else e.lift_low > 0
    whole = e.whole - e.whole_baseline >= (CONFIDENT if e.deletions == 1 else WHOLE) - _ROUNDING
    if e.deletions > 1:
        whole = whole and e.whole_low > e.whole_baseline
    one = e.deletions == 1
    rule = {
        "columns_recovered": e.columns, "columns_best_baseline": e.baseline, "lift_low": e.lift_low,
        "whole_records": e.whole, "whole_records_best_baseline": e.whole_baseline, "best_column_lift": e.best_column[1],
        "median_centred_cosine": e.centred, "most": MOST, "whole": WHOLE, "confident": CONFIDENT, "clear": CLEAR,
        "column": COLUMN,
        "near": NEAR,
    }  # fmt: skip
    reason = _reason(e)
    if (certain and e.columns >= MOST - _ROUNDING) or whole:
        sentence = "Deleting this record reveals it." if one else "A deletion gives back most of the person's record."
        return Verdict("EXPOSED", sentence, reason, rule)
    if certain or e.best_column[1] >= COLUMN - _ROUNDING:
        which = f"above all {e.best_column[0]}"
        sentence = f"Deleting {'this record' if one else 'a record'} reveals part of it, {which}."
        return Verdict("PARTLY EXPOSED", sentence, reason, rule)
    if e.centred >= NEAR:
        sentence = f"Deleting {'this record' if one else 'a record'} reveals what sets it apart, though not exactly."
        return Verdict("PARTLY EXPOSED", sentence, reason, rule)
    if leaks:
        sentence = "The preprocessing gives values of the record away, whatever the attack does."
        return Verdict("PARTLY EXPOSED", sentence, f"{leaks[0]} {reason}", rule)
    if failed:
        sentence = "Nothing was recovered, but the attack was hampered."
        return Verdict("NOT DECIDABLE", sentence, failed[0].text, rule)
    sentence = f"The two models give no more of {'this' if one else 'a deleted'} record than simple guesses do."
    return Verdict("NOT EXPOSED", sentence, reason, rule)


def _by_similarity(e: Evidence, failed: Sequence[Diagnostic], leaks: Sequence[str]) -> Verdict:
    """Apply the rule to records without raw columns."""
    lift = e.columns - e.baseline
    certain = lift >= CLEAR - _ROUNDING and not e.lift_low <= 0  # one deletion has no interval
    which = "this record" if e.deletions == 1 else "a record"
    rule = {
        "mean_centred_cosine": e.columns, "mean_centred_cosine_best_baseline": e.baseline, "lift_low": e.lift_low,
        "median_centred_cosine": e.centred, "near": NEAR, "clear": CLEAR,
    }  # fmt: skip
    reason = _similarity_reason(e)
    if certain and e.centred >= NEAR - _ROUNDING:
        sentence = f"Deleting {which} gives back most of what sets it apart."
        return Verdict("EXPOSED", sentence, reason, rule)
    if certain or e.centred >= NEAR - _ROUNDING:
        sentence = f"Deleting {which} gives back part of what sets it apart."
        return Verdict("PARTLY EXPOSED", sentence, reason, rule)
    if leaks:
        sentence = "The preprocessing gives values of the record away, whatever the attack does."
        return Verdict("PARTLY EXPOSED", sentence, f"{leaks[0]} {reason}", rule)
    if failed:
        sentence = "Nothing was recovered, but the attack was hampered."
        return Verdict("NOT DECIDABLE", sentence, failed[0].text, rule)
    sentence = f"The two models give no more of {'this' if e.deletions == 1 else 'a deleted'} record than a guess does."
    return Verdict("NOT EXPOSED", sentence, reason, rule)


def _similarity_reason(e: Evidence) -> str:
    how = "is" if e.measured else "is expected, by the attack's own error bars, to be"
    over = "" if e.deletions == 1 else f" on average over {e.deletions:,} deletions (median {e.centred:.2f})"
    return (
        f"The centred cosine between the recovered and the true record {how} {e.columns:.2f}{over}; the best simple "
        f"guess ({e.baseline_name}) gets {e.baseline:.2f}. It is 1 for the record itself, 0 for the average one."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _reason(e: Evidence) -> str:
    how = "recovered exactly" if e.measured else "expected to be right by the attack's own error bars"
    guess = f"the best simple guess ({e.baseline_name}) gets {_percent(e.baseline)}"
    if e.deletions > 1:
        whole = f"whole records right: {_percent(e.whole)}"
    elif e.measured:
        whole = f"the whole record is {'right' if e.whole else 'not right'}"
    else:
        whole = f"the whole record with confidence {e.whole:.2f}"
    close = f"centred cosine {e.centred:.4f}" if e.centred == e.centred else "centred cosine not known"
    over = "" if e.deletions == 1 else f" over {e.deletions:,} deletions"
    bits = "" if e.bits[0] != e.bits[0] else f"; {e.bits[0]:.1f} of {e.bits[1]:.1f} bits came back"
    return f"{_percent(e.columns)} of the columns {how}{over}; {guess}; {whole}{bits}; {close}."
