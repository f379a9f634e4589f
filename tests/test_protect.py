"""Defences on a table somebody really has: what the table says, what is recommended, and what is handed out."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete import InputError
from undelete.cli import main
from undelete.maintainer.defences.coarse import RoundedAnswers, Rounding
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maintainer.defences.networks_ladder import NETWORK_DEFENCES
from undelete.maintainer.defences.noisy import InstanceNoise, NoisyMoments, OutputPerturbation
from undelete.maintainer.defences.objective import CertifiedRemoval, ObjectivePerturbation
from undelete.maintainer.defences.waiting import Joined
from undelete.maintainer.fit import fit
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

N = 4000
COLUMNS = ["age", "hours", "children"]


def people(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"age": rng.integers(18, 80, N), "hours": rng.integers(0, 60, N), "children": rng.poisson(1.2, N)}
    )
    score = 0.05 * (table["age"] - 50) + 0.06 * (table["hours"] - 30) - 0.3 * table["children"]
    return table.assign(income=score + rng.normal(size=N), rich=np.where(score + rng.logistic(size=N) > 0, "yes", "no"))


@pytest.fixture(scope="module")
def halves():
    return people(0), people(1)


def play(halves, model, target, **options):
    private, public = halves
    return undelete.protect(
        model, private[COLUMNS], private[target], public[COLUMNS], public[target], deletions=40, **options
    )


@pytest.fixture(scope="module")
def ridge(halves):
    private, _ = halves
    model = make_pipeline(StandardScaler(), Ridge(1.0)).fit(private[COLUMNS], private["income"])
    ladder = [NoisyMoments((1.0, 0.01)), InstanceNoise((1.0,)), Rounding((8, 3)), "output_perturbation"]
    return model, play(halves, model, "income", defences=ladder)


def test_the_table_has_a_row_a_defence_and_strength_and_says_what_each_leaves_and_costs(ridge):
    _, found = ridge
    table = found.table
    assert table["defence"].tolist() == ["none", *["noisy_moments"] * 2, "instance_noise", *["rounding"] * 2]
    none, private, ruined, shaped, fine, _ = (table.iloc[i] for i in range(6))
    assert none["exposure"] > 0.9
    assert fine["exposure"] > 0.9  # eight digits hide nothing
    assert private["exposure"] < 0.3
    assert shaped["exposure_high"] < none["exposure_low"]
    assert abs(private["utility_loss"]) < 0.01 < ruined["utility_loss_low"]  # a hundredth of the budget costs
    assert none["utility_loss"] == none["largest_change"] == 0
    assert ((table["exposure_low"] <= table["exposure"]) & (table["exposure"] <= table["exposure_high"])).all()
    assert private["epsilon"] == 1.0 < private["epsilon_two_releases"] < 2.0
    assert np.isnan(shaped["epsilon"])
    assert found.refused == {
        "output_perturbation": "the gradient of this loss has no bound that does not depend on the target"
    }
    told = str(found)
    assert told.startswith("<Protection of ")
    assert "played under 5 defences: " in told
    assert len(told) < 200


def test_a_proof_that_says_something_is_recommended_and_its_model_predicts_as_the_table_says(halves, ridge, tmp_path):
    given, found = ridge
    assert (found.recommended["defence"], found.recommended["epsilon"]) == ("noisy_moments", 1.0)
    place = tmp_path / "safe.skops"
    beside = found.save(place)
    safe = skops.io.load(place)
    _, public = halves
    assert type(safe) is type(given)
    assert not np.allclose(safe[-1].coef_, given[-1].coef_, rtol=1e-4)
    assert safe.score(public[COLUMNS], public["income"]) == pytest.approx(found.recommended["utility"], abs=0.02)
    document = json.loads(beside.read_text())
    assert document["recommended"]["epsilon"] == 1.0
    assert document["means"].startswith("proved")
    assert "seed" not in json.dumps(document)
    assert (beside.stat().st_mode & 0o077) == 0


def test_a_few_deletions_are_no_ground_to_call_anything_safe(halves, ridge):
    model, _ = ridge
    found = undelete.protect(
        model, halves[0][COLUMNS], halves[0]["income"], halves[1][COLUMNS], halves[1]["income"], deletions=4,
        defences=Rounding((1,)), max_exposure=1.0, max_loss=1.0,
    )  # fmt: skip
    assert found.recommended is None
    assert found.table["standing"].tolist() == ["measured", "measured"]


def test_limits_that_nothing_meets_recommend_nothing(halves, ridge):
    model, _ = ridge
    found = play(halves, model, "income", defences=Rounding((8,)), max_exposure=0.05)
    assert found.recommended is None is found.model
    assert found.document()["means"] is None
    with pytest.raises(undelete.InputError, match="no defence is within the limits"):
        found.save("model.skops")


def test_an_epsilon_that_bounds_little_is_not_called_a_proof(halves):
    private, _ = halves
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9)).fit(private[COLUMNS], private["rich"])
    found = play(halves, model, "rich", defences=[OutputPerturbation((30.0,))], max_exposure=0.9, max_loss=0.1)
    assert found.recommended["epsilon"] == 30
    assert found.document()["means"].startswith("measured")
    assert found.recommended["measure"] == "accuracy"
    assert 0.5 < found.recommended["auc"] <= 1
    limited = play(halves, model, "rich", defences=[OutputPerturbation((30.0,))], max_exposure=0.9, epsilon=1.0)
    assert limited.recommended is None


def test_what_is_proved_of_records_that_count_alike_is_not_claimed_of_weighted_ones(halves):
    private, _ = halves
    model = LogisticRegression(tol=1e-9, class_weight="balanced")
    pipeline = make_pipeline(StandardScaler(), model).fit(private[COLUMNS], private["rich"])
    found = play(halves, pipeline, "rich", defences=["output_perturbation", "noisy_moments", Rounding((8,))])
    assert set(found.refused) == {"output_perturbation", "noisy_moments"}
    assert "weights" in found.refused["output_perturbation"]
    assert found.table["epsilon"].isna().all()
    assert found.table["exposure"].iloc[0] > 0.8


def test_deletions_that_change_nothing_have_nothing_to_defend():
    over = np.r_[np.tile(np.r_[-32:-15, 16:33], 20), -10, 10]  # years; only the last two are within the margin
    private = pd.DataFrame({"over": over, "old": np.where(over > 0, "yes", "no")})
    model = LinearSVC(dual=False, tol=1e-12, max_iter=10_000).fit(private[["over"]], private["old"])
    with pytest.raises(InputError, match="none of the 10 deletions that were played changed the model"):
        undelete.protect(
            model, private[["over"]], private["old"], private[["over"]], private["old"], deletions=10,
            defences=["instance_noise"],
        )  # fmt: skip


def test_a_coefficient_that_no_record_tells_is_not_counted_in_its_standard_errors():
    """Products of two categories of one column are zero for everybody."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"town": rng.choice(["Ely", "Ham", "Rye"], 600), "age": rng.integers(18, 80, 600)})
    y = 0.1 * table["age"] + (table["town"] == "Ely") + rng.normal(size=600)
    steps = make_column_transformer((OneHotEncoder(sparse_output=False), ["town"]), (StandardScaler(), ["age"]))
    model = make_pipeline(steps, PolynomialFeatures(interaction_only=True, include_bias=False), Ridge(1.0))
    private, public = table[:300], table[300:]
    found = undelete.protect(
        model.fit(private, y[:300]), private, y[:300], public, y[300:], deletions=20, defences=[Rounding((3,))]
    )
    assert found.table["coefficients_moved"].max() < 1e6


def test_counts_and_several_classes_are_played_too(halves):
    private, public = (table.assign(visits=table.children + 1, kind=table.age // 27) for table in halves)
    counts = make_pipeline(StandardScaler(), PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000))
    counts.fit(private[COLUMNS[:2]], private["visits"])
    found = undelete.protect(
        counts, private[COLUMNS[:2]], private["visits"], public[COLUMNS[:2]], public["visits"], deletions=20,
        defences=[RoundedAnswers((1,)), Joined((1,)), "refitting"],
    )  # fmt: skip
    assert found.table["defence"].tolist() == ["none", "refitting", "rounded_answers", "joined"]
    said = r2_score(public["visits"], counts.predict(public[COLUMNS[:2]]))
    assert found.table["utility"].iloc[0] == pytest.approx(said, abs=1e-4)
    assert found.table["whole_records"].iloc[1] == 1.0
    classes = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)).fit(private[COLUMNS], private["kind"])
    found = play((private, public), classes, "kind", defences=[CertifiedRemoval((1.0,)), ObjectivePerturbation((1.0,))])
    none, kept, proved = found.table.itertuples()
    assert kept.exposure > none.exposure - 0.1
    assert proved.exposure < 0.3
    assert proved.chance_before < proved.chance_after < 0.1


def test_a_search_keeps_its_type(halves):
    private, public = halves
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.5, 1.0]}, cv=2)
    found = play(
        halves, search.fit(private[COLUMNS], private["income"]), "income", defences=[Rounding((2,))], max_exposure=1.0
    )
    assert isinstance(found.model, GridSearchCV)
    coef = found.model.best_estimator_[-1].coef_
    assert [float(f"{number:.2g}") for number in coef] == coef.tolist()
    assert np.isfinite(found.model.predict(public[COLUMNS])).all()


def test_the_command_writes_the_model_what_it_rests_on_and_a_picture(halves, tmp_path, capsys):
    private, public = halves
    private[[*COLUMNS, "income"]].to_csv(tmp_path / "train.csv", index=False)
    public[[*COLUMNS, "income"]].to_csv(tmp_path / "public.csv", index=False)
    undelete.save_model(
        make_pipeline(StandardScaler(), Ridge(1.0)).fit(private[COLUMNS], private["income"]), tmp_path / "model.skops"
    )
    out = tmp_path / "out"
    command = ["protect", str(tmp_path / "model.skops"), "--train", str(tmp_path / "train.csv"), "--public",
               str(tmp_path / "public.csv"), "--target", "income", "--deletions", "8", "--out", str(out)]  # fmt: skip
    assert main([*command, "--defence", "noisy_moments", "--max-exposure", "0.5", "--resume"]) == 0
    said = capsys.readouterr().out
    assert "DP: noisy moments" in said
    assert "Budget   epsilon" in said
    assert max(map(len, said.splitlines())) <= 80
    assert {file.name for file in out.iterdir()} == {
        "protected.skops",
        "protection.json",
        "frontier.svg",
        "frontier.png",
        "distributions.svg",
        "distributions.png",
    }
    assert "recommended" in (out / "frontier.svg").read_text()
    simulated = [
        "simulate",
        *command[1:-2],
        "--protection",
        str(out / "protection.json"),
        "--out",
        str(tmp_path / "sim"),
    ]
    assert main(simulated) == 0
    page = (tmp_path / "sim" / "report.html").read_text()
    assert "What each defence leaves, and costs" in page
    assert "How exposed each deletion is under each defence" in page
    assert main([*command, "--defence", "rounding", "--max-loss", "0", "--out", str(tmp_path / "none")]) == 0
    assert "No defence keeps exposure" in capsys.readouterr().out
    assert not (tmp_path / "none" / "protected.skops").exists()
    assert not (out / "rows").exists()  # kept while it runs, with --resume, and forgotten at the end
    small = [*command, "--defence", "noisy_moments", "--max-exposure", "1", "--max-loss", "1", "--epsilon", "0.3"]
    assert main(small) == 0
    assert json.loads((out / "protection.json").read_text())["recommended"]["epsilon"] <= 0.3
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--epsilon", "0"])
    assert "'0' is not a number above 0" in capsys.readouterr().err
    assert main([*command, "--defence", "magic"]) == 2
    assert "there is no defence 'magic'" in capsys.readouterr().err


def test_the_command_says_what_it_left_out_and_names_what_can_be_played(halves, tmp_path, capsys):
    private, public = (table[[*COLUMNS, "rich"]] for table in halves)
    private.to_csv(tmp_path / "train.csv", index=False)
    public.assign(rich=public.rich.where(public.index > 2, "perhaps")).to_csv(tmp_path / "public.csv", sep=";")
    undelete.save_model(LogisticRegression().fit(private[COLUMNS], private.rich), tmp_path / "model.skops")
    command = ["protect", str(tmp_path / "model.skops"), "--train", str(tmp_path / "train.csv"), "--public",
               str(tmp_path / "public.csv"), "--target", "rich", "--deletions", "2", "--out", str(tmp_path / "out"),
               "--defence", "rounding"]  # fmt: skip
    assert main(command) == 0
    left = "3 of 4,000 public records are left out, whose target is no class of the model"
    said = json.loads((tmp_path / "out" / "protection.json").read_text())["warnings"]
    assert any(left in line for line in said)
    assert any("separated by ';'" in line for line in said)
    assert left in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit, match="0"):
        main(["protect", "--help"])
    told = set(capsys.readouterr().out.replace(",", " ").split())
    assert {*DEFENCES, *NETWORK_DEFENCES, "refitting"} <= told


def test_counts_beside_an_exposure_are_played_and_handed_out_with_it(halves):
    private, public = (half.assign(years=np.exp(half.income.clip(-1, 1))) for half in halves)
    model = undelete.LinearModel(
        coef=[[0.8, 0.1]], intercept=[-0.5], loss="poisson", feature_names=COLUMNS[1:], l2=1.0,
        offset=undelete.Offset(("log(years)",)),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    private["visits"], public["visits"] = (
        rng.poisson(half.years * np.exp(0.01 * half.hours + 0.1 * half.children - 0.5)) for half in (private, public)
    )
    y = private["visits"].to_numpy(float)[:, None]
    objective = Objective(np.c_[private[COLUMNS[1:]], np.ones(N)], y, LOSSES["poisson"], np.array([1.0, 1.0, 0.0]),
                          offset=np.log(private["years"].to_numpy()))  # fmt: skip
    W = fit(objective, tol=1e-12).W
    model = replace(model, coef=W[:-1].T, intercept=W[-1])
    columns = [*COLUMNS[1:], "years"]
    found = undelete.protect(
        model, private[columns], private["visits"], public[columns], public["visits"], deletions=20,
        defences=[InstanceNoise((100.0,)), RoundedAnswers((1,))],
    )  # fmt: skip
    assert found.table["defence"].tolist() == ["none", "instance_noise", "rounded_answers"]
    assert found.table["exposure"][0] > 0.9
    mean = np.exp(np.c_[public[COLUMNS[1:]], np.ones(N)] @ W[:, 0]) * public["years"]
    assert found.table["utility"][0] == pytest.approx(r2_score(public["visits"], mean))
