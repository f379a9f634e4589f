"""The page says what the audit says, escapes what strangers wrote, and stays small."""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any

import pytest

from undelete.errors import InputError
from undelete.report import render
from undelete.report.embedding import embedded, escape
from undelete.report.pictures import is_png

Audit = dict[str, Any]
VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "</script><script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7*7 }}$\\frac$ & 'quoted'"


class Page(HTMLParser):
    """A strict reader: collects elements, ids and text, and fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self._open[-1] if self._open else "", []).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    def words(self) -> str:
        skipped = ("script", "style")
        return " ".join(" ".join(t) for tag, t in self.text.items() if tag not in skipped).replace("\u00a0", " ")


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="audit">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_every_case_is_well_formed_and_stands_alone(audit: Audit) -> None:
    html = render(audit)
    page = Page(html)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.of("a") + page.of("use"):
        target = attrs.get("href") or attrs.get("xlink:href") or ""
        assert target.startswith("#")
        assert target[1:] in ids
    assert all(is_png(attrs["src"]) for _, attrs in page.elements if "src" in attrs)
    without = re.sub(r"data:image/png;base64,[\w+/=]+", "", html)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", without)
    assert page.of("h1")
    assert audit["verdict"]["sentence"] in page.words()
    assert audit["verdict"]["reason"] in page.words()
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        assert "<caption" in table
        assert "<th " in table
        assert "<th>" not in table
    assert html == render(audit)


def test_only_our_own_script_may_run(build: Any) -> None:
    html = render(build("one"))
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(script) == 1
    digest = b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_the_embedded_audit_is_the_audit(audit: Audit) -> None:
    assert data_of(render(audit)) == audit


def hostile(audit: Audit) -> Audit:
    """Put the hostile text wherever a stranger's text can stand."""
    audit["columns"][2] |= {"name": HOSTILE, "label": HOSTILE, "unit": HOSTILE}
    for row in audit["per_column"]:
        row["column"] = HOSTILE if row["column"] == "state" else row["column"]
    for record in audit["records"]:
        record["columns"][2] |= {"name": HOSTILE, "recovered": HOSTILE, "true": HOSTILE, "guess": HOSTILE}
        record["columns"][2]["candidates"] = [[HOSTILE, 0.9]]
    audit["target"] |= {"name": HOSTILE, "label": HOSTILE, "unit": HOSTILE}
    audit["model"] |= {"before": HOSTILE, "kind": HOSTILE, "steps": [HOSTILE], "quality": {HOSTILE: 1.0}}
    audit["public"]["source"] = audit["command"] = audit["created"] = HOSTILE
    audit["verdict"] |= {"sentence": HOSTILE, "reason": HOSTILE}
    audit["question"]["text"] = HOSTILE
    audit["attacks"][1]["label"] = HOSTILE
    audit["warnings"] = [HOSTILE]
    audit["advice"] = [{"action": HOSTILE, "why": HOSTILE, "measured": True}]
    audit["environment"] = {HOSTILE: HOSTILE}
    audit["diagnostics"] = [{"name": HOSTILE, "value": HOSTILE, "ok": True, "text": HOSTILE}]
    audit["threat_model"] = [{"assumption": HOSTILE, "known": True, "detail": HOSTILE}]
    return audit


@pytest.mark.parametrize("case", ["one", "demo"])
def test_strangers_text_stays_text(build: Any, case: str) -> None:
    usual, audit = Page(render(build(case))), hostile(build(case))
    html = render(audit)
    page = Page(html)
    assert len(page.of("script")) == len(usual.of("script")) == 2
    assert page.of("img") == []
    assert not [attrs for _, attrs in page.elements if any(name.startswith("on") for name in attrs)]
    assert HOSTILE in page.words()  # read back as text, letter for letter
    assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|\b49\b", page.text["h1"][0])
    assert data_of(html) == audit


def test_embedded_json_cannot_end_its_element() -> None:
    text = escape({"a": "</script><!-- <script> ]]> &amp; \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!-- <script> ]]> &amp; \u2028"}


def test_text_no_file_can_hold_is_replaced(build: Any) -> None:
    audit = build("demo")
    audit["columns"][0]["label"] = "lone \ud800 half, \x00 and 年齢"
    html = render(audit)
    assert "年齢" in html
    html.encode("utf-8")


def test_warns_that_it_is_personal_data_before_anything_else(build: Any) -> None:
    words = Page(render(build("one"))).words()
    assert "This report is itself personal data." in words
    body = render(build("one")).split("<body>")[1]
    assert body.index("itself personal data") < body.index("<h1")
    assert "Values are left out of this report." in Page(render(build("redacted"))).words()


def test_redacted_shows_and_embeds_no_value_even_if_the_audit_still_has_it(build: Any) -> None:
    audit = build("one")
    audit["redacted"] = True
    cell = audit["records"][0]["columns"][2]
    cell |= {"recovered": "Atlantis", "true": "Lemuria", "guess": "Mu", "candidates": [["Hyperborea", 0.9]]}
    audit["records"][0]["target"] |= {"recovered": 1.2345678, "true": 1.2345678}
    html = render(audit)
    for secret in ("Atlantis", "Lemuria", "Hyperborea", ">Mu<", '"Mu"', "1.2345678", "3.43"):
        assert secret not in html
    assert html.count('class="block"') >= 3 * len(audit["records"][0]["columns"])
    assert cell["recovered"] == "Atlantis"  # the caller's dict is left as it was


def test_without_truth_there_is_no_score_but_a_confidence(build: Any) -> None:
    words = Page(render(build("one without truth"))).words()
    assert "No true record was given" in words
    assert "on the whole record being right" in words
    assert "Median cosine" not in words
    assert "wrong" not in words
    assert "Which columns come back?" not in words


def test_one_deletion_is_numbers_and_many_are_curves(build: Any) -> None:
    one, many = render(build("one")), render(build("demo"))
    assert "cdf-cosine-title" not in one
    assert "One deletion has no distribution" in one
    assert "cdf-cosine-title" in many
    assert "cdf-centred-cosine-title" in many
    for html in (one, many):
        assert "The cosine alone flatters" in html


def test_lift_and_intervals_stand_beside_the_control(build: Any) -> None:
    words = Page(render(build("demo"))).words()
    assert "recovers 74 percentage points more of the columns exactly than its best control" in words
    assert "(95 % interval 71 to 77)" in words
    audit = build("demo")
    audit["lift"] |= {"difference": -0.03, "low": -0.05, "high": -0.01}
    words = Page(render(audit)).words()
    assert "recovers 3 percentage points fewer" in words
    assert "interval −5 to −1" in words


def test_not_decidable_is_never_dressed_up_as_safe(build: Any) -> None:
    html = render(build("undecided"))
    assert "This is not a finding of safety" in html
    assert 'class="verdict unknown"' in html
    assert "How strong is it?" not in html
    assert 'id="records"' not in html


def test_a_logarithm_is_shown_undone(build: Any) -> None:
    audit = build("one")
    target = {"recovered": math.log(744), "low": math.log(700), "high": math.log(12345.6), "true": math.log(750)}
    audit["records"][0]["target"] |= target | {"guess": math.log(600)}
    words = Page(render(audit)).words()
    for shown in ("744 dollars", "750 dollars", "700 to 12,346 dollars", "600 dollars", "0.8 % off", "weekly income"):
        assert shown in words


def test_unchanged_and_direction_say_so_instead_of_values(build: Any) -> None:
    audit = build("one")
    audit["records"][0]["status"] = "unchanged"
    html = render(audit)
    assert "did not change the model, so there is nothing to recover" in html
    assert "Deletion 1 (row 1000): recovered beside true" not in html
    audit["records"][0]["status"] = "direction"
    assert "known only up to a factor" in render(audit)


def test_ten_thousand_deletions_stay_under_a_megabyte_and_say_what_is_left_out(build: Any) -> None:
    audit = build("ten thousand")
    html = render(audit)
    assert len(html.encode()) < 1_000_000
    assert "All 10,000 are in audit.json." in Page(html).words()
    assert "holds a sample of the deletions" in html
    data = data_of(html)
    assert data["sampled"]["of"] == 10_000
    kept = {row["deletion"] for row in data["scores"]}
    assert len(kept) == data["sampled"]["deletions"]
    assert len(data["scores"]) == len(kept) * len(audit["attacks"])
    best = max(audit["scores"], key=lambda s: (s["attack"] == "hrec+", s["exact_columns"], s["centred_cosine"] or 0))
    assert best["deletion"] in kept


def test_a_small_limit_thins_records_too(build: Any) -> None:
    text, thinned = embedded(build("demo"), largest=20_000)
    assert thinned
    assert json.loads(text)["sampled"] == {"deletions": 20, "of": 200, "records": 1}


def test_most_exposed_first(build: Any) -> None:
    audit = build("demo")
    table = render(audit).split('<table class="plain" data-sortable>')[1].split("</table>")[0]
    keys = [float(k) for k in re.findall(r'data-key="([\d.]+)">\d of 4<', table)]
    assert len(keys) == 200
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(("deletions", "shown"), [(19, False), (20, True)])
def test_reliability_needs_twenty_deletions(build: Any, deletions: int, shown: bool) -> None:
    audit = build("demo")
    audit["scores"] = [row for row in audit["scores"] if row["deletion"] < deletions]
    assert ("Can its confidence be believed?" in render(audit)) is shown


def test_the_calibration_error_stands_beside_its_figure(build: Any) -> None:
    audit = build("demo")
    assert "expected calibration error" not in render(audit)  # a summary that does not have it
    best = next(row for row in audit["summary"] if row["attack"] == "hrec+")
    best |= {"calibration_error": 0.034, "exact_record_surest_tenth": 0.9}
    text = " ".join(render(audit).split())
    assert "the two lie 3 percentage points apart on average" in text
    assert "Of the tenth of the deletions it was surest of, 90 % came back whole." in text


def test_nan_counts_as_null(build: Any) -> None:
    audit, null = build("demo"), build("demo")
    audit["scores"][0]["cosine"], null["scores"][0]["cosine"] = float("nan"), None
    assert render(audit) == render(null)


def test_refuses_another_schema_and_an_unknown_verdict(build: Any) -> None:
    audit = build("one")
    audit["schema"] = "undelete.audit/9"
    with pytest.raises(InputError, match=r"schema 'undelete.audit/9', the report reads 'undelete.audit/1'"):
        render(audit)
    audit = build("one")
    audit["verdict"]["word"] = "FINE"
    with pytest.raises(InputError, match="the verdict is 'FINE', but a report can only say EXPOSED, PARTLY"):
        render(audit)


def test_a_baseline_that_leans_on_the_attack_is_no_control(build: Any) -> None:
    audit = build("demo")
    leaning = {"name": "nearest", "label": "the nearest public person", "role": "baseline", "independent": False}
    audit["attacks"].append(leaning)
    best = next(row for row in audit["summary"] if row["attack"] == "hrec+")
    audit["summary"].append(best | {"attack": "nearest", "exact_columns": 0.99, "median_cosine": 0.99999})
    band = render(audit).split('<dl class="figures">')[1].split("</dl>")[0]
    assert "the nearest public person" not in band
    assert "the most changed public person" in band
