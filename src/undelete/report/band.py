"""The few numbers of the verdict band, each beside its control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from undelete.report import formatting
from undelete.report.facts import (
    Audit,
    Row,
    best_baseline,
    columns_right,
    confidences,
    has_truth,
    headline,
    label_of,
    summary_of,
)


@dataclass(frozen=True)
class Figure:
    """One number beside its control."""

    label: str
    value: str
    control: str


def key_figures(audit: Audit) -> tuple[Figure, ...]:
    """Return the two or three numbers of the verdict band, each with the best baseline's beside it."""
    ours = summary_of(audit, headline(audit))
    count = len(audit["columns"])
    one = ours.get("n") == 1
    figures_: list[Figure] = []
    for key, label in (
        ("exact_columns", "Columns recovered exactly"),
        ("exact_record", "Whole records recovered exactly"),
    ):
        if ours.get(key) is None or (one and key == "exact_record"):
            continue
        control = best_baseline(audit, key)
        show = (lambda s: columns_right(s, count)) if one and count else formatting.percent
        against = _against(audit, control, show)
        figures_.append(Figure(label, show(ours[key]), against))
    if not figures_ and ours.get("median_centred_cosine") is not None:
        against = _against(audit, best_baseline(audit, "median_centred_cosine"), formatting.similarity)
        label = f"{'Centred' if one else 'Median centred'} cosine with the true record"
        figures_.append(Figure(label, formatting.similarity(ours["median_centred_cosine"]), against))
    figures_.extend(_target_figure(audit, ours))
    if not has_truth(audit):
        figures_.extend(_confidence_figure(audit))
    return tuple(figures_)


def _against(audit: Audit, control: tuple[str, float] | None, show: Callable[[float], str]) -> str:
    """Return the best control's number in words."""
    if control is None:
        return "no control was run"
    return f"{show(control[1])} for the best control, {label_of(audit, control[0])}"


def _target_figure(audit: Audit, ours: Row) -> list[Figure]:
    """Return the target's number: its median error, or how often the label is right."""
    target = audit.get("target")
    if ours.get("median_target_error") is not None:
        control = best_baseline(audit, "median_target_error", largest=False)
        against = _against(audit, control, lambda e: formatting.target_error(e, target))
        label = "Error of the target" if ours.get("n") == 1 else "Median error of the target"
        return [Figure(label, formatting.target_error(ours["median_target_error"], target), against)]
    if ours.get("label") is not None:
        control = best_baseline(audit, "label")
        one = ours.get("n") == 1
        show = (lambda s: "right" if s else "wrong") if one else formatting.percent
        against = _against(audit, control, show)
        return [Figure("Label" if one else "Labels right", show(ours["label"]), against)]
    return []


def _confidence_figure(audit: Audit) -> list[Figure]:
    """Return how sure the attack says it is: all there is without a true record."""
    sure = confidences(audit)
    if not sure:
        return []
    middle = sorted(sure)[len(sure) // 2]
    label = "Confidence in the whole record" if len(sure) == 1 else "Median confidence in a whole record"
    return [
        Figure(
            label,
            formatting.percent(middle),
            "the attack's own estimate; no true record was given to check it",
        )
    ]
