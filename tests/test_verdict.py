"""The rule of docs/verdicts.md, at and on both sides of its thresholds."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from undelete.auditing import evidence
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.text_told import TextTold
from undelete.auditing.thresholds import Evidence
from undelete.auditing.verdict import decide

NAN = float("nan")
MANY = Evidence(200, 0.6, 0.3, "Avg", 0.2, 0.0, 0.0, 0.0, ("age", 0.1), True, 0.5, lift_high=0.09, whole_high=0.02)
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
        ({"lift_low": -0.01, "whole": 0.04, "whole_low": 0.02, "whole_high": 0.05}, "NOT EXPOSED"),
        # too few deletions to rule it out
        ({"lift_low": -0.01, "lift_high": 0.1}, "NOT DECIDABLE"),
        ({"lift_low": -0.01, "lift_high": NAN}, "NOT DECIDABLE"),
        ({"lift_low": -0.01, "whole": 0.05, "whole_low": 0.0, "whole_high": 0.1}, "NOT DECIDABLE"),
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
    ],
)
def test_one_deletion(change, word):
    assert decide(dataclasses.replace(ONE, **change), []).word == word


# without the true record: the error bars say 70 % of the columns, 55 or more, up to 75 with those of common values off
PROMISED = Evidence(
    1, 0.7, 0.3, "", 0.25, 0.1, 0.0, NAN, ("age", 0.1), False, 0.5, lift_high=0.45, centred_high=0.9, possible=0.9
)
NARROW = {
    "columns": 0.31, "lift_low": -0.02, "lift_high": 0.04, "whole": 0.0, "centred": 0.3, "centred_high": 0.6,
    "possible": 0.02,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "EXPOSED"),
        ({"columns": 0.45, "lift_low": 0.12}, "PARTLY EXPOSED"),
        ({"columns": 0.6, "lift_low": 0.15}, "PARTLY EXPOSED"),  # perhaps under half of the columns
        ({"lift_low": 0.09}, "NOT DECIDABLE"),  # perhaps no clear lead
        ({"lift_low": -0.01}, "NOT DECIDABLE"),  # a lead that may be none
        ({"columns": 0.35, "lift_low": 0.01}, "NOT DECIDABLE"),  # a small one
        ({"lift_low": -0.01, "whole": 0.6}, "EXPOSED"),
        ({"lift_low": -0.01, "best_column": ("illness", 0.25)}, "PARTLY EXPOSED"),
        ({"lift_low": -0.01, "centred": 0.8}, "PARTLY EXPOSED"),
        ({"centred": 0.0}, "NOT DECIDABLE"),  # no promise of a record that the error bars drown
        ({"centred": 0.0, "whole": 0.9}, "NOT DECIDABLE"),
        ({"centred": 0.0, "best_column": ("illness", 0.25)}, "PARTLY EXPOSED"),
        (NARROW, "NOT EXPOSED"),
        (NARROW | {"lift_high": 0.1}, "NOT DECIDABLE"),
        (NARROW | {"centred_high": 0.8}, "NOT DECIDABLE"),
        (NARROW | {"possible": 0.06}, "NOT DECIDABLE"),
        (NARROW | {"whole": 0.06}, "NOT DECIDABLE"),
        (NARROW | {"whole": 0.06, "whole_baseline": 0.6}, "NOT EXPOSED"),  # not worth knowing
    ],
)
def test_a_promise_is_earned_by_its_error_bars(change, word):
    verdict = decide(dataclasses.replace(PROMISED, **change), [])
    assert verdict.word == word
    if word == "NOT DECIDABLE":
        assert "error bars are wide" in verdict.reason


def test_wide_error_bars_say_what_keeps_them_wide():
    wide = dataclasses.replace(PROMISED, lift_low=-0.2, limit="Bring more public records.")
    assert decide(wide, []).reason == (
        "The error bars are wide: by them as many as 75 % of the columns may be right (by how common the values are: "
        "30 %), which ones cannot be said. Bring more public records."
    )


def test_a_check_that_cannot_be_made_caps_a_promise_and_nothing_that_was_measured():
    missing = Diagnostic("One record", "the check cannot be made", None, "Nothing tests it.", blocking=True)
    verdict = decide(PROMISED, [missing])
    assert (verdict.word, verdict.reason) == ("NOT DECIDABLE", "Nothing tests it.")
    assert decide(ONE, [missing]).word == "EXPOSED"
    informs = dataclasses.replace(missing, blocking=False)
    assert decide(PROMISED, [informs]).word == "EXPOSED"
    assert decide(PROMISED, [missing, dataclasses.replace(FAILED, blocking=True)]).reason == "It failed."


def test_a_reason_names_no_guess_that_was_not_made():
    assert "best simple guess (Avg) gets 30 %" in decide(MANY, []).reason
    for nobody in (dataclasses.replace(MANY, baseline_name=""), PROMISED, dataclasses.replace(ONE, baseline_name="")):
        assert "best simple guess" not in decide(nobody, []).reason
        assert "30 %" in decide(nobody, []).reason


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


def test_a_leak_stands_where_only_the_attack_is_hampered():
    leak = ["The scalers give it away."]
    assert decide(None, [FAILED], leak).word == "PARTLY EXPOSED"
    assert decide(dataclasses.replace(ONE, measured=False), [FAILED], leak).word == "PARTLY EXPOSED"
    assert decide(None, [dataclasses.replace(FAILED, blocking=True)], leak).word == "NOT DECIDABLE"


SIMILAR = dataclasses.replace(MANY, columns=0.85, baseline=0.3, lift_low=0.5, centred=0.85, by="similarity")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "EXPOSED"),
        ({"centred": 0.8}, "EXPOSED"),
        ({"centred": 0.79}, "PARTLY EXPOSED"),
        ({"lift_low": 0.0}, "PARTLY EXPOSED"),
        ({"lift_low": 0.0, "centred": 0.79}, "NOT EXPOSED"),
        ({"lift_low": 0.0, "lift_high": 0.2, "centred": 0.79}, "NOT DECIDABLE"),
        ({"baseline": 0.76, "centred": 0.79}, "NOT EXPOSED"),  # a sure lead, but a small one
        ({"deletions": 1, "lift_low": NAN}, "EXPOSED"),
        ({"deletions": 1, "lift_low": NAN, "columns": 0.35, "centred": 0.35}, "NOT EXPOSED"),
    ],
)
def test_records_without_raw_columns_are_judged_by_their_similarity(change, word):
    verdict = decide(dataclasses.replace(SIMILAR, **change), [])
    assert verdict.word == word
    assert "columns" not in verdict.reason
    assert "centred cosine between the recovered and the true record" in verdict.reason


def test_similarity_that_is_only_promised_says_so():
    promised = dataclasses.replace(SIMILAR, deletions=1, lift_low=NAN, lift_high=0.95, measured=False)
    assert "is expected, by the attack's own error bars, to be 0.85" in decide(promised, []).reason
    assert decide(promised, [FAILED]).word == "NOT DECIDABLE"
    nothing = dataclasses.replace(SIMILAR, columns=0.3, centred=0.3)
    assert decide(nothing, [FAILED]).word == "NOT DECIDABLE"
    assert decide(nothing, [], ["The scalers give it away."]).word == "PARTLY EXPOSED"


@pytest.mark.parametrize(("hits", "lead"), [(7, 0.0), (10, 10 / 11 - 0.4)])
def test_a_column_that_is_right_by_luck_in_a_few_deletions_does_not_count(monkeypatch, hits, lead):
    right = np.zeros((11, 4), dtype=bool)
    right[:hits, 2] = True
    half = np.array([0.4, 0.3])
    columns = [SimpleNamespace(name=name, kind="categorical", frequency=half, share=half) for name in "abcd"]
    monkeypatch.setattr(evidence, "columns_right", lambda *_: right)
    release = SimpleNamespace(columns=columns, deletions=11, Y_public=None)
    one = evidence.Case(
        release=release, found={"hrec+": SimpleNamespace(bits=None, target=None)}, main="hrec+", truth=None, scored={},
        lead=None, exposed=SimpleNamespace(value=np.zeros(11)), target="y", texts=TextTold.of([], 11),
    )  # fmt: skip
    found = evidence._measured(one, None, np.random.default_rng(0))
    assert found.best_column[1] == pytest.approx(lead)
    assert (decide(found, []).word == "PARTLY EXPOSED") == (hits == 10)
