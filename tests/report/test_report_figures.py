"""Figures: the curve is the distribution, the bytes repeat, the colours follow the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undelete.report import figures, svg
from undelete.report.distribution import POINTS, lower_end, steps, styles

CURVES = {"hrec+": np.linspace(0.9, 1, 300), "avg": np.linspace(0.2, 0.9, 300), "maxdiff": np.linspace(0, 1, 300)}


def draw(curves: Any = None) -> str:
    return figures.cdf(curves or CURVES, name="fig", title="A & B", x_label="cosine", labels={"avg": "<avg>"})


@pytest.mark.parametrize("n", [1, 2, 7, 198, 199, 400, 5000])
def test_the_curve_is_the_empirical_distribution(n: int) -> None:
    scores = np.random.default_rng(n).uniform(-1, 1, n)
    found = steps(scores, lower=-1.0)
    assert found is not None
    x, y = found
    assert len(x) == len(y) <= POINTS
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    assert y[-1] == 1
    for at in np.linspace(-1, 1, 41):
        drawn = np.max(y[x <= at], initial=0.0)
        assert abs(drawn - np.mean(scores <= at)) <= (0 if n < 199 else 2 / POINTS + 1e-12)


def test_deletions_without_a_score_lift_the_start_of_the_curve() -> None:
    found = steps([np.nan, np.nan, 0.5, 0.9], lower=0.0)
    assert found is not None
    assert found[1][0] == 0.5
    assert steps([np.nan], lower=0.0) is None


def test_the_axis_starts_on_a_round_number_below_nearly_all_scores() -> None:
    assert lower_end([np.linspace(0.925, 1, 100)]) == pytest.approx(0.92)
    assert lower_end([np.linspace(-0.9, 1, 100)]) == -1
    assert lower_end([np.full(5, np.nan)]) == pytest.approx(0.0)


def test_baselines_share_one_grey_and_differ_in_dashes() -> None:
    chosen = styles(["hrec", "avg", "maxdiff", "nearest", "informed"], {}, {})
    greys = [chosen[name] for name in ("avg", "maxdiff", "nearest")]
    assert {look.colour for look in greys} == {svg.PALETTE["baseline"]}
    assert len({str(look.dashes) for look in greys}) == 3
    assert chosen["hrec"].colour != chosen["informed"].colour != svg.PALETTE["baseline"]


def test_inline_svg_is_themed_accessible_and_the_same_each_time() -> None:
    text = draw()
    assert text == draw()
    assert text.startswith('<svg viewBox="')
    assert 'role="img" aria-labelledby="fig-title fig-desc"' in text
    assert '<title id="fig-title">A &amp; B</title>' in text
    assert "&lt;avg&gt;: median 0.550" in text
    assert not re.search(r"#[0-9a-fA-F]{6}", text)  # every colour is the page's
    assert "http" not in text
    assert "<style" not in text
    assert "DejaVu" not in text
    for name in ("hrec+", "&lt;avg&gt;", "maxdiff"):  # written on the curves
        assert re.search(rf"<text[^>]*>{re.escape(name)}</text>", text)


def test_every_curve_in_the_drawing_has_at_most_400_vertices() -> None:
    rng = np.random.default_rng(0)
    text = draw({"hrec": rng.beta(8, 1, 10_000), "avg": rng.uniform(size=9)})
    assert max(len(re.findall(r"[ML] ", path)) for path in re.findall(r' d="([^"]*)"', text)) <= POINTS


def test_a_column_called_like_mathematics_or_markup_is_drawn_as_text() -> None:
    bars = [(r"$\frac$", 0.9, 0.1), ("<b>\x00", 1.0, None), ("年齢", 0.999, 0.0)]
    text = figures.per_column(bars, attack="a", baseline="b", colour="attack", name="bars")
    assert r"$\frac$" in text
    assert "&lt;b&gt;" in text
    assert "年齢" in text
    assert "99.9" in text
    ET.fromstring(text.replace("xlink:href", "href"))


def test_reliability_counts_every_deletion_once() -> None:
    sure = np.array([0.0, 0.1, 0.5, 0.99, 1.0])
    text = figures.reliability(sure, np.array([0, 0, 1, 1, 0]), colour="attack", name="r")
    assert sorted(map(int, re.findall(r"n = (\d+)</text>", text))) == [1, 2, 2]


def test_grid_writes_the_same_two_files_each_time(tmp_path: Path) -> None:
    panels = [[("NY", CURVES), ("CA", CURVES)], [("TX", CURVES)]]
    first = figures.grid(panels, tmp_path / "new" / "fig5", title="Figure", note="n = 300, seed 0")
    second = figures.grid(panels, tmp_path / "fig5", title="Figure", note="n = 300, seed 0")
    assert [path.name for path in first] == ["fig5.svg", "fig5.png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first[1].read_bytes().startswith(b"\x89PNG")
    root = ET.parse(first[0]).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "var(--" not in first[0].read_text()
