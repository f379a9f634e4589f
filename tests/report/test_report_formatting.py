"""Numbers as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from undelete.report import formatting
from undelete.report.facts import best_baseline


def said(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.9999, "> 99.9 %"),
        (0.995, "99.5 %"),
        (0.0004, "< 0.1 %"),
        (0.5, "50 %"),
        (None, "–"),
    ],
)
def test_a_share_never_rounds_to_all_or_nothing(share: Any, shown: str) -> None:
    assert said(formatting.percent(share)) == shown


@pytest.mark.parametrize(
    ("x", "unit", "shown"),
    [
        (1, "years", "1 year"),
        (2.0, "years", "2 years"),
        (1234.4, "dollars", "1,234 dollars"),
        (1234567, "dollars", "1,234,567 dollars"),
        (12.345, "dollars", "12.35 dollars"),
        (-3.5, "degrees", "−3.5 degrees"),
        (4700, None, "4700"),
        (1e-7, None, "1e-7"),
        (float("inf"), "dollars", "∞ dollars"),
        ("Sales", "years", "Sales"),
        (None, "years", "–"),
        ([0.5, 2.0], "points", "0.5, 2 points"),
        ("x" * 100, None, "x" * 79 + "…"),
    ],
)
def test_values_in_their_units(x: Any, unit: str | None, shown: str) -> None:
    assert said(formatting.value(x, unit)) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(33, 35, "33 to 35 years"), (33.87654, 35.12345, "33.9 to 35.1 years"), (8, 8, "8 years"), (None, 3, "")],
)
def test_a_range_has_no_more_digits_than_it_is_wide(low: Any, high: Any, shown: str) -> None:
    assert said(formatting.value_range(low, high, "years")) == shown


def test_targets_are_shown_as_people_know_them() -> None:
    log = {"kind": "number", "transform": "exp", "unit": "dollars"}
    assert formatting.target_value(0.0, log) == 1
    assert formatting.target_value(1000.0, log) == float("inf")
    assert said(formatting.target_error(0.02, log)) == "2 %"  # a factor of exp(.02)
    assert said(formatting.target_error(0.02, {"transform": None, "unit": "points"})) == "0.02 points"
    signed = {"kind": "class", "transform": None, "classes": ["no", "yes"]}
    assert [formatting.target_value(x, signed) for x in (-1, 1, "yes")] == ["no", "yes", "yes"]


def test_dates_and_what_is_no_date() -> None:
    assert formatting.date("2026-11-23T12:05:00Z") == "23 November 2026, 12:05 UTC"
    assert formatting.date("yesterday") == "yesterday"


def test_of_equal_controls_the_first_is_named_as_the_lead_over_it_does() -> None:
    controls = [{"name": name, "role": "baseline", "independent": True} for name in ("avg", "maxdiff")]
    rows = [{"attack": name, "exact_columns": 0.5, "error": 2.0} for name in ("avg", "maxdiff")]
    audit = {"attacks": controls, "summary": rows}
    assert best_baseline(audit, "exact_columns") == ("avg", 0.5)
    assert best_baseline(audit, "error", largest=False) == ("avg", 2.0)
    assert best_baseline(audit, "label") is None
