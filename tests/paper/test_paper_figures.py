"""The figures, end to end on a stand-in, against a naive twin of the paper's attack."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paper.conftest import FEATURES, PERSONS, persons, write_state
from tests.paper.replay import agrees
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.errors import InputError
from undelete.lab.fitting import fit_private
from undelete.lab.models import LEAST_SQUARES, SVM
from undelete.lab.panel import play_panel
from undelete.lab.samples import Sample, regression
from undelete.lab.summary import LEVELS, summary
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.terminal import lines

DELETIONS = 12


@pytest.fixture(scope="module")
def figures(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The folder and the results of fig5 and fig6."""
    out = tmp_path_factory.mktemp("out") / "results"
    return out, {name: EXPERIMENTS[name].run(data_dir, out, DELETIONS, 0, None) for name in ("fig5", "fig6")}


def test_what_was_played_is_not_played_again(
    figures: tuple[Path, dict[str, dict[str, Any]]], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, results = figures
    monkeypatch.setattr("undelete.lab.game.play", None)
    monkeypatch.setattr("undelete.lab.panel.fit_private", None)
    assert EXPERIMENTS["fig5"].run(data_dir, out, DELETIONS, 0, None)["rows"] == results["fig5"]["rows"]
    with pytest.raises(TypeError):  # other deletions are played anew
        EXPERIMENTS["fig5"].run(data_dir, out, DELETIONS + 1, 0, None)


def panels(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for row in result["rows"] for panel in row["panels"]]


def test_least_squares_equals_a_naive_twin(data_dir: Path) -> None:
    sample = Sample("CA", acs_income("CA", data_dir))
    panel = play_panel(sample, LEAST_SQUARES, PERSONS // 2, seed=3).account
    dealt = sample.halves("number", 3)
    before = np.linalg.lstsq(dealt.X, dealt.Y, rcond=None)[0][:, 0]
    scores = []
    for i in range(len(dealt.X)):
        after = np.linalg.lstsq(np.delete(dealt.X, i, 0), np.delete(dealt.Y, i, 0), rcond=None)[0][:, 0]
        z = dealt.X_public.T @ dealt.X_public @ (before - after)  # the paper's Eq. (5)
        x, found = dealt.X[i, :-1], (z / z[-1])[:-1]
        scores.append(x @ found / np.linalg.norm(x) / np.linalg.norm(found))
    assert panel["deletions"] == panel["changed"] == len(scores)
    assert panel["attacks"]["hrec"]["median_cosine"] == pytest.approx(np.median(scores), abs=2e-7)
    expected = np.quantile(scores, LEVELS, method="inverted_cdf")
    assert np.allclose(panel["attacks"]["hrec"]["curve_cosine"], expected, atol=1e-6)
    assert panel["penalty"] == 0
    assert panel["gradient_norm_largest"] <= panel["gradient_tolerance"]


def test_the_halves_are_standardised_with_the_public_one_alone(data_dir: Path) -> None:
    sample = Sample("NY", acs_income("NY", data_dir))
    dealt = sample.halves("number", 0)
    assert np.allclose(dealt.X_public[:, :-1].mean(axis=0), 0, atol=1e-12)
    assert np.allclose(dealt.X_public[:, :-1].std(axis=0), 1)
    assert abs(dealt.X[:, :-1].mean(axis=0)).max() > 1e-3
    raw = sample.dataset.table[list(INCOME_FEATURES)].to_numpy(dtype=float)
    both = np.vstack([dealt.X, dealt.X_public])[:, :-1] + dealt.centre  # columns in deviations
    ratio = np.sort(raw, axis=0) / np.sort(both, axis=0)
    assert np.allclose(ratio, ratio[0])  # the same records, and one scale a column
    assert sorted(np.concatenate([dealt.Y, dealt.Y_public])[:, 0]) == sorted(sample.dataset.table["PINCP"])


def test_an_svm_forgets_only_records_inside_the_margin(data_dir: Path) -> None:
    sample = Sample("TX", acs_income("TX", data_dir))
    panel = play_panel(sample, SVM, PERSONS // 2, seed=1).account
    dealt = sample.halves("class", 1)
    W = fit_private(SVM, sample, dealt, 1).W
    inside = int((dealt.Y * (dealt.X @ W) < 1).sum())
    assert 0 < inside < PERSONS // 2
    assert panel["changed"] == inside
    assert panel["share_changed"] == pytest.approx(inside / (PERSONS // 2))
    assert {attack["deletions"] for attack in panel["attacks"].values()} == {inside}


def test_the_results_say_how_they_came_about(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, results = figures
    for name, models in (
        ("fig5", ["ridge regression", "ridge on 512 RFF"]),
        ("fig6", ["logistic regression", "SVM, squared hinge", "logistic on 512 RFF", "SVM on 512 RFF"]),
    ):
        result = results[name]
        assert json.loads((out / f"{name}.json").read_text()) == result
        assert result["schema"] == "undelete.paper/1"
        assert result["command"] == f"undelete reproduce {name} --data DIR --deletions {DELETIONS} --seed 0"
        assert result["environment"]["numpy"] == np.__version__
        assert "not the numbers" in result["notes"][0]
        assert [row["model"] for row in result["rows"]] == models
        for panel in panels(result):
            on_features = panel["key"].endswith("_rff")
            d = 1 + FEATURES if on_features else 11
            assert (panel["n"], panel["m"], panel["d"]) == (PERSONS // 2, PERSONS // 2, d)
            assert ("bandwidth" in panel) == on_features
            assert panel["deletions"] == DELETIONS
            assert 0.001 <= panel["penalty"] <= 1e5
            assert ("held out" if on_features else "5 folds") in panel["penalty_chosen"]
            assert "of the private half" in panel["penalty_chosen"]
            assert panel["gradient_norm_largest"] <= panel["gradient_tolerance"]
            assert 0 <= panel["certified"] <= DELETIONS
    assert [panel["sample"] for panel in panels(results["fig5"])] == 2 * ["NY", "CA", "TX"]
    assert {panel["target"] for panel in panels(results["fig5"])} == {"target: income in dollars"}
    assert {panel["target"] for panel in panels(results["fig6"])} == {"target 0/1: income over 50,000 dollars"}


def test_hrec_beats_the_baselines_and_avg_counts_as_nothing(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    for panel in (p for result in figures[1].values() for p in panels(result) if not p["key"].endswith("_rff")):
        hrec, avg, maxdiff = (panel["attacks"][name] for name in ("hrec", "avg", "maxdiff"))
        assert hrec["median_cosine"] > 0.85  # of 150 private and 150 public records only
        assert hrec["median_cosine"] > maxdiff["median_cosine"] + 0.1
        if hrec["direction_only"] == 0:  # a direction alone has no place relative to the mean
            assert hrec["median_centred"] == pytest.approx(hrec["median_cosine"], abs=1e-9)
        assert hrec["median_centred"] <= hrec["median_cosine"] + 1e-9
        assert set(avg["curve_cosine"]) == {0.0}
        assert avg["share_above_.9"] == 0
        assert avg["median_uncentred"] > 0.8  # what an average record scores where the means are left in
        assert len(hrec["curve_cosine"]) == len(LEVELS)


def test_the_pictures_are_whole(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, _ = figures
    assert sorted(file.name for file in out.iterdir() if file.name != "cache") == [
        f"{name}.{end}" for name in ("fig5", "fig6") for end in ("json", "png", "svg")
    ]
    for name in ("fig5", "fig6"):
        text = (out / f"{name}.svg").read_text()
        ElementTree.fromstring(text)
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        assert set(re.findall(r'href="#([^"]+)"', text)) <= ids  # every letter has its outline
        assert len(text) < 300_000
        assert "CA, " in text[: text.index("</desc>")]
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_files_and_another_does_not(data_dir: Path, tmp_path: Path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        EXPERIMENTS["fig10"].run(data_dir, tmp_path / folder, 4, seed, None)

    def content(folder: str, name: str) -> bytes:
        written = (tmp_path / folder / name).read_bytes()
        return re.sub(rb'"(gradient_norm|seconds|peak_memory)\w*": \S+', b"", written)  # rounding and time

    for name in ("fig10.json", "fig10.svg", "fig10.png"):
        assert content("a", name) == content("b", name)
        assert content("a", name) != content("c", name)


def test_all_deletions_and_progress(data_dir: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    result = EXPERIMENTS["fig10"].run(data_dir, tmp_path, None, 0, lambda done, total, _: seen.append((done, total)))
    assert result["deletions"] == "all"
    assert "--deletions all" in result["command"]
    assert {panel["deletions"] for panel in panels(result)} == {PERSONS // 2}
    assert {total for _, total in seen} == {2 * 4 * 3 * (PERSONS // 2)}
    done = [count for count, _ in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1][1]
    agrees(result)


def test_the_terminal_shows_medians_in_80_columns(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    text = lines(figures[1]["fig6"])
    assert max(map(len, text)) <= 80
    panel = panels(figures[1]["fig6"])[-1]
    row = next(line for line in reversed(text) if line.startswith("  TX, n = 150, target 0/1"))
    assert row.split()[-1] == f"{panel['changed']}/{DELETIONS}"
    assert f"{panel['attacks']['hrec']['median_cosine']:.3f}" in row
    assert "not the numbers" in " ".join(line.strip() for line in text)
    large = copy.deepcopy(figures[1]["fig6"])
    panels(large)[-1].update(n=124_187, deletions=124_187, changed=124_187, unit="dollars")
    row = next(line for line in lines(large) if "dollars" in line and "n = 124" in line)
    assert len(row) == 80
    assert row.split()[-1] == "124,187/124,187"  # touches no other column


def test_summary_counts_what_did_not_come_back_as_nothing() -> None:
    cos = np.array([0.95, np.nan, 0.995, 0.5])
    row = summary({"cosine": cos, "centred": cos, "uncentred": cos, "direction": np.array([0.0, 1.0, 0.0, 0.0])})
    assert row["deletions"] == 4
    assert row["direction_only"] == 1
    assert row["median_cosine"] == pytest.approx((0.5 + 0.95) / 2)
    assert (row["share_above_.9"], row["share_above_.99"]) == (0.5, 0.25)
    assert row["share_above_.9_low"] == pytest.approx(0.15, abs=1e-3)  # Wilson, 2 of 4
    assert row["curve_cosine"][0] == 0.0
    assert row["curve_cosine"][-1] == 0.995


def test_summary_of_no_deletion_has_no_numbers() -> None:
    none = np.empty(0)
    row = summary({"cosine": none, "centred": none, "uncentred": none, "direction": none})
    assert row["median_cosine"] is None
    assert row["share_above_.9"] is None
    assert row["curve_cosine"] == []


def test_labels_alone_are_said_to_be_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sample = persons(rng).drop(columns=["PINCP", "PWGTP"]).assign(PINCP_gt50k=rng.integers(0, 2, PERSONS))
    sample["state"] = np.resize(["NY", "CA", "TX"], PERSONS)
    sample.to_parquet(tmp_path / "acs2018_income_ca_ny_tx.parquet")
    result = EXPERIMENTS["fig10"].run(tmp_path, tmp_path / "out", 3, 0, None)
    assert {panel["target"] for panel in panels(result)} == {"target 0/1: income over 50,000 dollars"}
    assert result["notes"][-1].startswith("No panel with income in dollars: ")
    # with the mobility file beside it there is a panel in dollars
    mobility = {name: rng.integers(1, 6, 60) for name in ("AGEP", "SCHL", "MAR", "SEX", "DIS", "CIT", "MIL", "ANC")}
    for name in ("NATIVITY", "RELP", "DEAR", "DEYE", "DREM", "RAC1P", "GCL", "COW", "ESR", "WKHP", "JWMNP", "PINCP"):
        mobility[name] = rng.integers(1, 6, 60)
    type(sample)(mobility).to_parquet(tmp_path / "acs2018_mobility_us_40pct.parquet")
    samples, notes = regression(tmp_path)
    assert [(one.name, one.dataset.unit == "dollars") for one in samples] == [
        ("NY", False), ("CA", False), ("TX", False), ("US", True),
    ]  # fmt: skip
    assert notes == []


def test_refusals(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDELETE_DATA", raising=False)
    with pytest.raises(InputError, match=r"^no data folder is known: give --data DIR or set UNDELETE_DATA; "):
        EXPERIMENTS["fig5"].run(None, tmp_path / "out", 1, 0, None)
    with pytest.raises(InputError, match=r"has no ACS 2018 data of NY: pip install folktables"):
        EXPERIMENTS["fig6"].run(tmp_path, tmp_path / "out", 1, 0, None)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^cannot write to .*file \(File exists\): choose another folder with --out$"):
        EXPERIMENTS["fig10"].run(data_dir, tmp_path / "file", 1, 0, None)
    table = persons(np.random.default_rng(0))
    write_state(tmp_path, "06", table.assign(SEX=1))
    with pytest.raises(InputError, match=r"SEX is the same for the whole public half, so it cannot be standardised"):
        Sample("CA", acs_income("CA", tmp_path)).halves("number", 0)
    write_state(tmp_path, "06", table.head(19))
    with pytest.raises(InputError, match=r"\(19 persons\): too few for two halves and a choice of the penalty; 20 are"):
        Sample("CA", acs_income("CA", tmp_path)).halves("number", 0)


def test_the_key_numbers_are_as_they_were(figures):
    for result in figures[1].values():
        agrees(result)
