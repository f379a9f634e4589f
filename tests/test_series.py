"""Every step of a series of releases, and what somebody knows who kept them all."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete.auditing.series import Series, files_of
from undelete.cli import main
from undelete.errors import InputError

COLUMNS, N = ["age", "kids", "rooms"], 500


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Three versions: one joins, and leaves again; the last of them only as answers too."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"age": rng.integers(20, 90, 2000), "kids": rng.poisson(1.2, 2000),
                          "rooms": rng.integers(1, 9, 2000)})  # fmt: skip
    table["ill"] = np.where(table.age + rng.normal(0, 20, 2000) > 55, "yes", "no")
    private, public = table[:N], table[N:].reset_index(drop=True)
    folder = tmp_path_factory.mktemp("series")
    (folder / "models").mkdir()
    fits = []
    for name, rows in (("v2", private.drop(3)), ("v9", private), ("v10", private.drop(3))):
        fits.append(make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)).fit(rows[COLUMNS], rows.ill))
        joblib.dump(fits[-1], folder / "models" / f"{name}.joblib")
    public.to_csv(folder / "public.csv", index=False)
    pd.DataFrame({"p": fits[2].predict_proba(public[COLUMNS])[:, 1]}).to_csv(folder / "answers.csv", index=False)
    return folder, fits, public, private


def test_each_step_is_an_audit_and_who_came_and_went_is_one_person(released):
    _, fits, public, private = released
    steps = undelete.audit_series(fits, public, target="ill")
    assert [one.setting.joined for one in steps] == [True, False]
    for one in steps:
        assert one.records[COLUMNS].iloc[0].tolist() == private.loc[3, COLUMNS].tolist()
    document = Series(steps, ["a", "b", "c"]).document()
    assert str(Series(steps, ["a", "b", "c"])) == "<Series of 2 steps: EXPOSED 2>"
    assert [(step["left"], step["joined"]) for step in document["steps"]] == [(0, 1), (1, 0)]
    assert document["keeper"]["came_and_went"] == [{"joined": 1, "left": 2}]
    closed = Series(steps, ["a", "b", "c"]).document(redact=True)
    assert closed["steps"][0]["people"] is None
    assert not closed["keeper"]["came_and_went"]


def test_a_folder_a_gate_and_one_report(released, tmp_path, capsys):
    folder = released[0]
    given = ["--public", str(folder / "public.csv"), "--target", "ill", "--trust", "--out", str(tmp_path / "out")]
    assert main(["audit", str(folder / "models"), *given, "--fail-above", "0.5"]) == 1
    shown = capsys.readouterr().out
    assert "1 joined" in shown
    assert "Who joined at step 1 is who left at step 2" in " ".join(shown.split())
    document = json.loads((tmp_path / "out" / "series.json").read_text())
    assert [step["before"] for step in document["steps"]] == ["v2.joblib", "v9.joblib"]  # 10 after 9
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'href="step-2/report.html"' in page
    assert (tmp_path / "out" / "step-2" / "report.html").exists()


def test_a_model_and_then_answers(released):
    folder, fits, public, _ = released
    steps = undelete.audit_series([*fits[:2], folder / "answers.csv"], public, target="ill", n=N - 1)
    assert len(steps) == 2
    assert steps[1].release.n == N
    assert steps[1].exposure[0] > 0.8


def test_what_is_no_series_is_refused(released, tmp_path):
    _, fits, public, _ = released
    with pytest.raises(InputError, match="there is one version"):
        undelete.audit_series(fits[:1], public, target="ill")
    with pytest.raises(InputError, match="is empty: a series is a folder"):
        files_of([tmp_path])
    (tmp_path / "notes.pdf").write_text("")
    with pytest.raises(InputError, match=r"holds notes\.pdf, which is neither a model"):
        files_of([tmp_path])
    other = make_pipeline(StandardScaler(), LogisticRegression()).fit(public[["age"]], public.ill)
    with pytest.raises(InputError, match="step 2: "):
        undelete.audit_series([*fits[:2], other], public, target="ill")
