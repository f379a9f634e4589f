"""Docs say what the code reads: the list is written from it."""

import sys
from pathlib import Path

import pytest
import sklearn

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    what_is_read = pytest.importorskip("what_is_read")
    sys.modules.pop("what_is_read", None)
    kept = what_is_read.PAGE.read_text()
    if f"scikit-learn {sklearn.__version__}." not in kept:
        pytest.skip("the page was written with another scikit-learn")
    assert kept.startswith("\n".join(what_is_read.estimators()))  # the steps are tried, which takes a while
    found = what_is_read.rows()
    assert all((row[1] == "audit") != bool(row[2]) for row in found)
    assert sum(row[1] != "no" for row in found) >= 0.8 * len(found)
