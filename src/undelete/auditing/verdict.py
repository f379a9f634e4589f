"""The verdict: one word by a fixed rule, with its reason in one sentence. docs/verdicts.md states the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from undelete.auditing.diagnostics import CHANGE, Diagnostic
from undelete.auditing.thresholds import CLEAR, COLUMN, CONFIDENT, MOST, NEAR, RISK, ROUNDING, WHOLE, Evidence

Word = Literal["EXPOSED", "PARTLY EXPOSED", "NOT EXPOSED", "NOT DECIDABLE"]

_LEAK = "The preprocessing gives values of the record away, whatever the attack does."


@dataclass(frozen=True)
class Verdict:
    """One word, a sentence, the reason, and the numbers that the rule used."""

    word: Word
    sentence: str
    reason: str
    rule: dict[str, float] = field(default_factory=dict)


def decide(
    evidence: Evidence | None,
    diagnostics: Sequence[Diagnostic],
    leaks: Sequence[str] = (),
    *,
    given: str = "",
    hidden: str = "",
) -> Verdict:
    """Apply the rule.

    Parameters
    ----------
    evidence : Evidence or None
        None when nothing was recovered.
    diagnostics : sequence of Diagnostic
        A blocking one that failed makes the case not decidable; without a truth any that failed does, and a blocking
        one that could not be made.
    leaks : sequence of str
        What the preprocessing gives away by itself.
    given : str
        Where the files give most of the record away by themselves, the sentence that says so.
    hidden : str
        Where noise of a known law hides everybody from every attack, the sentence that says so.
    """
    stopper = _stopper(evidence, diagnostics)
    if hidden and not leaks and not given:
        return Verdict("NOT EXPOSED", "The noise hides this record, whatever the attack.", hidden,
                       {} if evidence is None else _rule(evidence))  # fmt: skip
    # what two files say of one person is nobody's where more changed; two models that are the same are no sign of that
    known = bool(leaks) and not (
        stopper is not None and stopper.blocking and stopper.ok is False and stopper.name != CHANGE
    )
    if given and leaks:  # whatever hampers the attack
        return Verdict("EXPOSED", given, leaks[0], {} if evidence is None else _rule(evidence))
    if known and (stopper is not None or evidence is None):
        return Verdict("PARTLY EXPOSED", _LEAK, leaks[0])
    if stopper is not None or evidence is None:
        reason = "Nothing could be recovered." if stopper is None else stopper.text
        what = "The attack could not work on this input"
        if stopper is not None and stopper.ok is None:
            what = "What came back may be the record or not"
        return Verdict("NOT DECIDABLE", f"{what}; that is not a sign of safety.", reason)
    e, rule, reason = evidence, _rule(evidence), _reason(evidence)
    which = "this record" if e.deletions == 1 else "a record"
    credible = e.measured or e.centred > 0  # no promise of a record that the error bars drown
    near, whole = e.centred >= NEAR - ROUNDING, e.by == "columns" and e.complete
    most = (e.certain and (near if e.by == "similarity" else e.most)) or whole
    if most and credible:
        sentence = "A deletion gives back most of the person's record."
        if e.by == "similarity":
            sentence = f"Deleting {which} gives back most of what sets it apart."
        elif e.deletions == 1:
            sentence = "Deleting this record reveals it."
        return Verdict("EXPOSED", sentence, reason, rule)
    part = _part(e, which, credible)
    if part:
        return Verdict("PARTLY EXPOSED", part, reason, rule)
    if leaks:
        return Verdict("PARTLY EXPOSED", _LEAK, f"{leaks[0]} {reason}", rule)
    failed = [check for check in diagnostics if check.ok is False]
    if failed:
        sentence = "Nothing was recovered, but the attack was hampered."
        return Verdict("NOT DECIDABLE", sentence, failed[0].text, rule)
    if not e.excluded:
        sentence = "Nothing is shown to come back, but that it might cannot be ruled out; that is not a sign of safety."
        return Verdict("NOT DECIDABLE", sentence, _open(e), rule)
    whose = "this" if e.deletions == 1 else "a deleted"
    sentence = f"The two models give no more of {whose} record than simple guesses do."
    return Verdict("NOT EXPOSED", sentence, reason, rule)


def _stopper(e: Evidence | None, diagnostics: Sequence[Diagnostic]) -> Diagnostic | None:
    """Return the check without which there is no verdict: the first that fails, or could not be made."""
    failed = [check for check in diagnostics if check.ok is False]
    blocking = [check for check in failed if check.blocking]
    if e is None:
        return next(iter([*blocking, *failed]), None)
    if e.measured:
        return next(iter(blocking), None)
    missing = [check for check in diagnostics if check.blocking and check.ok is None]
    return next(iter([*blocking, *missing, *failed]), None)


def _part(e: Evidence, which: str, credible: bool) -> str:
    """Return the sentence that says what part of a record came back; "" for none."""
    name, lead = e.best_column
    if (e.certain and credible and e.by == "columns" and name) or lead >= COLUMN - ROUNDING:
        return f"Deleting {which} reveals part of it, above all {name}."
    if e.certain and credible:
        return f"Deleting {which} gives back part of what sets it apart."
    if e.centred >= NEAR - ROUNDING:
        return f"Deleting {which} reveals what sets it apart, though not exactly."
    return ""


def _rule(e: Evidence) -> dict[str, float]:
    ends = {"lift_low": e.lift_low, "lift_high": e.lift_high}
    parts = {
        "best_column_lift": e.best_column[1], "target_lift": e.target, "median_centred_cosine": e.centred,
        "clear": CLEAR, "column": COLUMN, "near": NEAR,
    }  # fmt: skip
    if e.by == "similarity":
        return {"mean_centred_cosine": e.columns, "mean_centred_cosine_best_baseline": e.baseline} | ends | parts
    columns = {"columns_recovered": e.columns, "columns_best_baseline": e.baseline}
    whole = {"whole_records": e.whole, "whole_records_best_baseline": e.whole_baseline}
    return columns | ends | whole | parts | {"most": MOST, "whole": WHOLE, "confident": CONFIDENT, "risk": RISK}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _open(e: Evidence) -> str:
    """Return what keeps exposure from being ruled out."""
    if e.by == "similarity":
        most = e.baseline + e.lift_high if e.measured else e.centred_high
        what = f"the centred cosine between the recovered and the true record may be as high as {min(most, 1.0):.2f}"
    else:
        most = min(max(e.baseline + e.lift_high, 0.0), 1.0)
        what = f"as many as {_percent(most)} of the columns may be right (by how common the values are: "
        what += f"{_percent(e.baseline)}), "
        what += f"whole records in up to {_percent(e.whole_high)}" if e.measured else "which ones cannot be said"
    if e.measured:
        return f"{e.deletions:,} deletions are too few to tell: {what}. Play more of them."
    return f"The error bars are wide: by them {what}. {e.limit}".strip()


def _guess(e: Evidence, value: str) -> str:
    """Return what a guess gets, in words that name no baseline that was not run."""
    if e.baseline_name:
        return f"the best simple guess ({e.baseline_name}) gets {value}"
    if e.measured:
        return f"guessing each column's most common value would get {value} on average"
    return f"these values are true of {value} of public records on average"


def _reason(e: Evidence) -> str:
    if e.by == "similarity":
        return _similarity_reason(e)
    how = "recovered exactly" if e.measured else "expected to be right by the attack's own error bars"
    if e.deletions > 1:
        whole = f"whole records right: {_percent(e.whole)}"
    elif e.measured:
        whole = f"the whole record is {'right' if e.whole else 'not right'}"
    else:
        whole = f"the whole record with confidence {e.whole:.2f}"
    name, lead = e.best_column
    best = f"; {name} is surer by {_percent(lead)} than public data make it" if name and not e.measured else ""
    close = f"centred cosine {e.centred:.4f}" if e.centred == e.centred else "centred cosine not known"
    over = "" if e.deletions == 1 else f" over {e.deletions:,} deletions"
    bits = "" if e.bits[0] != e.bits[0] else f"; {e.bits[0]:.1f} of {e.bits[1]:.1f} bits came back"
    guess = _guess(e, _percent(e.baseline))
    return f"{_percent(e.columns)} of the columns {how}{over}; {guess}{best}; {whole}{bits}; {close}."


def _similarity_reason(e: Evidence) -> str:
    how = "is" if e.measured else "is expected, by the attack's own error bars, to be"
    over = "" if e.deletions == 1 else f" on average over {e.deletions:,} deletions (median {e.centred:.2f})"
    guess = f"; {_guess(e, f'{e.baseline:.2f}')}" if e.baseline_name else ""
    return (
        f"The centred cosine between the recovered and the true record {how} {e.columns:.2f}{over}{guess}. It is 1 for "
        "the record itself, 0 for the average one."
    )
