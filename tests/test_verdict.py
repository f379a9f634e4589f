"""The rule of docs/verdicts.md, at and on both sides of its thresholds."""

import dataclasses

import pytest

from undelete.diagnostics import Diagnostic
from undelete.verdict import Evidence, decide

NAN = float("nan")
MANY = Evidence(200, 0.6, 0.3, "Avg", 0.2, 0.0, 0.0, 0.0, ("age", 0.1), True, 0.5)
ONE = Evidence(1, 0.6, 0.3, "the most common value", NAN, 0.0, 0.0, NAN, ("age", 0.1), True, 0.5)
FAILED = Diagnostic("check", "3", False, "It failed.")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "EXPOSED"),
        ({"columns": 0.49}, "PARTLY EXPOSED"),
        ({"lift_low": -0.01}, "NOT EXPOSED"),
        ({"lift_low": -0.01, "best_column": ("age", 0.25)}, "PARTLY EXPOSED"),
        ({"lift_low": -0.01, "centred": 0.8}, "PARTLY EXPOSED"),
        ({"lift_low": -0.01, "whole": 0.05, "whole_low": 0.02}, "EXPOSED"),
        ({"lift_low": -0.01, "whole": 0.05, "whole_low": 0.0}, "NOT EXPOSED"),
        ({"lift_low": -0.01, "whole": 0.04, "whole_low": 0.02}, "NOT EXPOSED"),
    ],
)
def test_many_deletions(change, word):
    assert decide(dataclasses.replace(MANY, **change), []).word == word


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "EXPOSED"),
        ({"columns": 0.6, "baseline": 0.5}, "EXPOSED"),  # a lead of exactly 0.1, which floats miss
        ({"columns": 0.6, "baseline": 0.51}, "NOT EXPOSED"),
        ({"columns": 0.4, "baseline": 0.3}, "PARTLY EXPOSED"),
        ({"columns": 0.4, "baseline": 0.4, "whole": 0.6, "whole_baseline": 0.1}, "EXPOSED"),
        ({"columns": 0.3, "measured": False}, "NOT EXPOSED"),
    ],
)
def test_one_deletion(change, word):
    assert decide(dataclasses.replace(ONE, **change), []).word == word


def test_a_failed_check_decides_where_there_is_no_truth_and_where_nothing_came_back():
    nothing = dataclasses.replace(MANY, lift_low=-0.01)
    assert decide(MANY, [FAILED]).word == "EXPOSED"
    assert decide(nothing, [FAILED]).word == "NOT DECIDABLE"
    assert decide(dataclasses.replace(ONE, measured=False), [FAILED]).word == "NOT DECIDABLE"
    blocking = dataclasses.replace(FAILED, blocking=True)
    verdict = decide(MANY, [blocking])
    assert (verdict.word, verdict.reason) == ("NOT DECIDABLE", "It failed.")
    assert decide(None, []).word == "NOT DECIDABLE"


def test_a_leak_of_the_preprocessing_is_never_not_exposed():
    nothing = dataclasses.replace(MANY, lift_low=-0.01)
    assert decide(nothing, []).word == "NOT EXPOSED"
    verdict = decide(nothing, [], ["The scalers give it away."])
    assert verdict.word == "PARTLY EXPOSED"
    assert verdict.reason.startswith("The scalers give it away.")


SIMILAR = dataclasses.replace(MANY, columns=0.85, baseline=0.3, lift_low=0.5, centred=0.85, by="similarity")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "EXPOSED"),
        ({"centred": 0.8}, "EXPOSED"),
        ({"centred": 0.79}, "PARTLY EXPOSED"),
        ({"lift_low": 0.0}, "PARTLY EXPOSED"),
        ({"lift_low": 0.0, "centred": 0.79}, "NOT EXPOSED"),
        ({"baseline": 0.76, "centred": 0.79}, "NOT EXPOSED"),  # a sure lead, but a small one
        ({"deletions": 1, "lift_low": NAN}, "EXPOSED"),
        ({"deletions": 1, "lift_low": NAN, "columns": 0.35, "centred": 0.35}, "NOT EXPOSED"),
    ],
)
def test_records_without_raw_columns_are_judged_by_their_similarity(change, word):
    verdict = decide(dataclasses.replace(SIMILAR, **change), [])
    assert verdict.word == word
    assert "columns" not in verdict.reason
    assert "centred cosine between the recovered and the true record is" in verdict.reason


def test_similarity_that_is_only_promised_says_so():
    promised = dataclasses.replace(SIMILAR, deletions=1, lift_low=NAN, measured=False)
    assert "is expected, by the attack's own error bars, to be 0.85" in decide(promised, []).reason
    assert decide(promised, [FAILED]).word == "NOT DECIDABLE"
    nothing = dataclasses.replace(SIMILAR, columns=0.3, centred=0.3)
    assert decide(nothing, [FAILED]).word == "NOT DECIDABLE"
    assert decide(nothing, [], ["The scalers give it away."]).word == "PARTLY EXPOSED"
