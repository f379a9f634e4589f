"""Models of which it is stated how they were protected: the audit knows it, and says what their noise hides."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete.attacker.gradient.protected import hiding, knowing
from undelete.attacker.hrec import hrec
from undelete.auditing.exposure import exposure
from undelete.auditing.protection import digest
from undelete.cli import main
from undelete.maintainer.defences.fitting import gaussian
from undelete.maintainer.defences.noisy import InstanceNoise, NoisyMoments
from undelete.maths.losses import LOSSES
from undelete.release.protection import Law, Noise
from undelete.release.release import Release
from undelete.report.page import render
from undelete.scoring.scores import centred_cosine

N = 3000
COLUMNS = ["age", "hours", "children"]


def people(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"age": rng.integers(18, 80, N), "hours": rng.integers(0, 60, N), "children": rng.poisson(1.2, N)}
    )
    return table.assign(income=0.05 * table.age + 0.06 * table.hours - 0.3 * table.children + rng.normal(size=N))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two plain models, and each protected in two ways; the scaler is kept, as is advised."""
    private, public = people(0), people(1)
    place = tmp_path_factory.mktemp("stated")
    public.to_csv(place / "public.csv", index=False)
    scaler = StandardScaler().fit(private[COLUMNS])
    for name, rows in (("before", private), ("after", private[1:])):
        model = make_pipeline(scaler, Ridge(1.0, solver="cholesky"))
        model[-1].fit(scaler.transform(rows[COLUMNS]), rows["income"])
        undelete.save_model(model, place / f"{name}.skops")
        for way, defence in (("proved", NoisyMoments((1.0,))), ("little", InstanceNoise((3000.0,)))):
            found = undelete.protect(
                model, rows[COLUMNS], rows["income"], public[COLUMNS], public["income"], deletions=20,
                defences=[defence], max_exposure=1.0, max_loss=1.0, rng=len(rows),
            )  # fmt: skip
            (place / way / name).mkdir(parents=True)
            found.save(place / way / name / "model.skops")
    return place


def audited(folder, *models, **options):
    options = {"target": "income", "n": N, "attacks": ("hrec+", "hrec")} | options
    return undelete.audit(*models, folder / "public.csv", **options)


def check_of(result):
    return next((check for check in result.diagnostics if check.name == "Stated noise"), None)


def test_the_law_of_a_protected_pair_is_found_beside_it_and_its_noise_hides_the_record(folder, tmp_path, capsys):
    files = [str(folder / "proved" / name / "model.skops") for name in ("before", "after")]
    command = ["audit", *files, "--public", str(folder / "public.csv"), "--target", "income", "--out", str(tmp_path)]
    assert main([*command, "--fail-above", "0.5"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "NOT EXPOSED" in said
    assert "epsilon 1 and delta 1e-06 proved" in said
    document = json.loads((tmp_path / "audit.json").read_text())
    assert "is right with a probability of at most 0.5" in document["verdict"]["reason"]


def test_of_noise_that_is_not_stated_nothing_is_said_to_be_safe(folder, tmp_path):
    pair = []
    for name in ("before", "after"):
        pair.append(tmp_path / f"{name}.skops")
        pair[-1].write_bytes((folder / "proved" / name / "model.skops").read_bytes())
    result = audited(folder, *pair)
    assert check_of(result) is None
    assert result.verdict.word == "NOT DECIDABLE"


def test_only_the_new_model_protected_is_said(folder):
    result = audited(folder, folder / "before.skops", folder / "proved" / "after" / "model.skops")
    assert result.verdict.word == "NOT EXPOSED"
    assert any("The other of the two models was not protected" in text for text in result.warnings)


def test_little_noise_is_known_and_hides_nobody(folder):
    models = [folder / "little" / name / "model.skops" for name in ("before", "after")]
    result = audited(folder, *models, truth=people(0)[:1])
    assert check_of(result).ok
    assert hiding(result.release).apart > 0.5
    assert result.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    right, sure = result.right["hrec+"][0], result.found["hrec+"].probability[0]
    assert abs(right.mean() - sure.mean()) < 0.5


def test_noise_that_was_stated_and_not_added_is_seen(folder):
    law = json.loads((folder / "proved" / "before" / "protection.json").read_text())
    models = [undelete.load_model(folder / f"{name}.skops") for name in ("before", "after")]
    lies = [dict(law, parameters=digest(np.atleast_2d(m[-1].coef_), np.atleast_1d(m[-1].intercept_))) for m in models]
    result = audited(folder, *models, protection=lies)
    assert result.verdict.word == "NOT DECIDABLE"
    assert check_of(result).ok is False
    assert "was not added" in result.verdict.reason


def test_what_cannot_be_a_law_is_refused_in_one_line(folder, tmp_path):
    models = [folder / f"{name}.skops" for name in ("before", "after")]
    true = dict(json.loads((folder / "proved" / "before" / "protection.json").read_text()), of="another")
    with pytest.raises(undelete.InputError, match="speaks of other parameters than these two models have"):
        audited(folder, *models, protection=true)
    bad = tmp_path / "protection.json"
    for held, why in (
        ("{", "is no protection.json"), ("[1]", "it holds no object"), (json.dumps({"schema": "x"}), "has schema 'x'"),
        (json.dumps(dict(true, law=dict(true["law"], l2=[-1.0]))), "penalties are numbers of at least 0"),
        (json.dumps(dict(true, law=None)), "recommends no defence"),
        (json.dumps(dict(true, table=[])), "does not begin with the row without a defence"),
        (json.dumps(dict(true, table=[dict(true["table"][0], exposure="much")])), "something else than numbers"),
        (json.dumps(dict(true, table=[dict(true["table"][0], standing="safe")])), "what stands behind it"),
    ):  # fmt: skip
        bad.write_text(held)
        with pytest.raises(undelete.InputError, match=why):
            audited(folder, *models, protection=bad)
    with pytest.raises(undelete.InputError, match="cannot be read"):
        audited(folder, *models, protection=tmp_path / "none.json")


def test_what_protect_measured_of_a_model_is_what_an_audit_and_a_simulation_of_it_advise(folder):
    place = folder / "proved" / "before" / "protection.json"
    result = audited(folder, folder / "before.skops", folder / "after.skops", protection=place)
    first, *others = result.document()["advice"]
    assert first["measured"]
    assert first["action"] == "DP: noisy moments, epsilon 1"
    assert "Of 20 deletions played under it the exposure is" in first["why"]
    assert "Proved, of the coefficients." in first["why"]
    assert next(one["action"] for one in others if not one["measured"]) == "Do not let both models be seen"
    assert "Train with differential privacy" not in [one["action"] for one in others]
    page = render(result.document())
    assert "measured on this model" in page
    assert "Exposure against the loss of utility" in page
    table, model = people(0), undelete.load_model(folder / "before.skops")
    private, public = (table[COLUMNS], table["income"]), (people(1)[COLUMNS], people(1)["income"])
    played = undelete.simulate(model, *private, *public, deletions=2, attacks=("hrec",), protection=place)
    assert played.document()["protection"]["recommended"]["defence"] == "noisy_moments"
    other = folder / "proved" / "after" / "protection.json"
    with pytest.raises(undelete.InputError, match="speaks of other parameters than this model has"):
        undelete.simulate(model, *private, *public, deletions=2, attacks=("hrec",), protection=other)


def test_a_law_comes_back_from_its_document():
    law = Law("noise", (1.0, 0.0), Noise("statistics", 2.0, (1.0, 3.0), (4.0,)), 1.0, 1e-6)
    assert Law.of(json.loads(json.dumps(law.document()))) == law
    H = np.array([[[4.0, 1.0], [1.0, 3.0]]])
    tilt = Noise("gradient", 2.0, (1.0, 3.0)).covariance(H, np.zeros((2, 1)))
    assert np.allclose(H @ tilt @ H, np.diag([4.0, 36.0]))  # what a tilt adds to the gradient
    with pytest.raises(ValueError, match="shape 'x' is not known"):
        Noise("x", 1.0, (1.0,))


def test_error_bars_know_the_noise():
    """Over many draws of the noise the records' and the targets' errors are as large as is said of them."""
    rng = np.random.default_rng(3)
    m, d = 4000, 4
    X = np.c_[rng.normal(size=(m, d - 1)) + 1.0, np.ones(m)]
    W = rng.normal(size=(d, 1))
    Y = X @ W + rng.normal(size=(m, 1))
    l2, H = np.full(d, 1e-3), X.T @ X
    W = np.linalg.solve(H + np.diag(l2), X.T @ Y)
    x, y = np.array([2.0, -1.0, 0.5, 1.0]), 6.0 + np.array([2.0, -1.0, 0.5, 1.0]) @ W[:, 0]
    noise = Noise("hessian", 0.015, (1.0,) * d)
    C = noise.covariance((H + np.diag(l2))[None], W)
    before = np.linalg.solve(H + np.outer(x, x) + np.diag(l2), X.T @ Y + np.outer(x, [y]))
    said, promised, near, target = [], [], [], []
    for _ in range(150):
        pair = [parameters + gaussian(C, 1, rng)[0] for parameters in (before, W)]
        plain = Release(LOSSES["squared"], pair[0], pair[1][None], X, Y, n=m + 1, l2=l2, constant=np.eye(d)[-1])
        release = knowing(plain, (noise, noise))
        found = hrec(release, np.random.default_rng(0))
        if found.status[0] != "ok":
            continue
        bars = exposure(release, found, None)
        promised.append(bars.value[0])
        near.append(centred_cosine(x[None], found.X, X.mean(axis=0))[0])
        target.append((found.target[0, 0] - y) / found.target_error[0, 0])
        said.append(bars.most[0])
    assert len(promised) > 120
    assert 0.7 < np.std(target) < 1.4
    assert abs(np.mean(promised) - np.mean(near)) < 0.05
    assert np.mean(np.array(near) <= np.array(said)) > 0.93
    assert 0.9 < np.mean(near) < 0.995  # so that there is noise to speak of
