"""The demonstration on real people: what README shows."""

import pytest

from undelete.command.terminal import lines
from undelete.demo import demo


@pytest.fixture(scope="module")
def result():
    return demo(deletions=100)


def test_recovers_what_the_readme_says(result):
    summary = result.summary()
    shares = {row["column"]: row for row in result.document()["per_column"]}
    assert shares["state"]["hrec"] == 1.0
    assert shares["educ"]["hrec"] >= 0.95
    assert shares["educ"]["avg"] < 0.6
    assert summary.loc["hrec", "median_target_error"] < 0.04  # of log weekly income
    assert summary.loc["hrec", "exact_record"] > summary.loc["maxdiff", "exact_record"] + 0.3
    assert summary.loc["informed", "exact_record"] == 1.0
    assert result.verdict.word == "EXPOSED"


def test_fits_a_terminal_of_80_columns(result):
    text = lines(result)
    assert max(map(len, text)) <= 80
    assert len(text) < 50
    assert any(line.startswith("Verdict  EXPOSED") for line in text)


def test_confidence_is_worth_its_name(result):
    """Columns said to be right with probability p are right about p of the time."""
    from undelete.scoring.table import columns_right

    found = result.found["hrec"]
    right = columns_right(result.release, result.truth, found)
    assert abs(found.probability.mean() - right.mean()) < 0.1
