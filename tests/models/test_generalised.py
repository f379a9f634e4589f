"""Generalised linear models, and penalties that are another after a deletion."""

import numpy as np
import pytest
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeCV,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from tests.models.conftest import COLUMNS, SURE, WHO, customers, kept, pair
from undelete import InputError, LinearModel
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair

MODELS = {
    "poisson": (lambda: PoissonRegressor(alpha=0.02, **SURE), "visits"),
    "gamma": (lambda: GammaRegressor(alpha=0.02, **SURE), "spent"),
    "tweedie": (lambda: TweedieRegressor(power=1.4, alpha=0.02, **SURE), "claims"),
    "normal": (lambda: TweedieRegressor(power=0, alpha=0.02, **SURE), "wage"),
}


CHANGED = {
    **{name: (make, target, None) for name, (make, target) in MODELS.items()},
    "another penalty": (lambda: Ridge(1.0), "wage", lambda: Ridge(2.0)),
    "chosen by cross-validation": (lambda: RidgeCV([1.0]), "wage", lambda: RidgeCV([3.0])),
    "classes, another penalty": (
        lambda: LogisticRegression(C=1.0, **SURE), "left", lambda: LogisticRegression(C=0.5, **SURE)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(table, name):
    make, target, later = CHANGED[name]
    before, after = pair(make, table, target, later=later)
    found = read_pair(before, after, table.drop(index=WHO), target=target, n=len(table))
    x = found.old.features(table.iloc[[WHO]])
    y = table[target].to_numpy(dtype=float)[[WHO], None]
    y = y if found.old.classes is None else 2 * y - 1
    exact = -(x * found.release.loss.residual(y, x @ found.release.W_before))[0]
    told = Difference.by(found.release, "answers").gradient[0, :, 0]
    np.testing.assert_allclose(told, exact, atol=2e-6 * np.abs(exact).max())


def test_a_penalty_beside_the_mean_is_exact_with_a_refitted_preprocessing(table):
    X, y = table[COLUMNS[:3]], table.visits
    models = [
        make_pipeline(StandardScaler(), PoissonRegressor(alpha=0.3, **SURE)).fit(one, y[one.index])
        for one in (X, X.drop(index=WHO))
    ]
    found = read_pair(*models, table.drop(index=WHO)[[*COLUMNS[:3], "visits"]], target="visits")
    assert found.release.n == len(table)
    x = found.old.features(table.iloc[[WHO]])[0]
    exact = -x * (np.exp(x @ found.release.W_before[:, 0]) - y[WHO])
    told = Difference.by(found.release, "answers").gradient[0, :, 0]
    np.testing.assert_allclose(told, exact, atol=2e-6 * np.abs(exact).max())


@pytest.mark.parametrize("name", MODELS)
def test_leave_one_out_equals_a_refit(table, name):
    make, target = MODELS[name]
    X, y = table[COLUMNS[:3]].iloc[:200], table[target].iloc[:200]
    found = undelete.leave_one_out(make(), X, y, [0, 50])
    assert found.converged.all()
    for i, row in enumerate((0, 50)):
        theirs = make().fit(X.drop(index=row), y.drop(index=row))
        np.testing.assert_allclose(found.coef[i, 0], theirs.coef_, atol=1e-7 * np.abs(theirs.coef_).max())
        np.testing.assert_allclose(found.intercept[i, 0], theirs.intercept_, rtol=1e-7)


@pytest.fixture(scope="module")
def halves():
    people = customers(5000, seed=3)
    return people.iloc[:2500].reset_index(drop=True), people.iloc[2500:].reset_index(drop=True)


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_an_audit_gives_the_record_and_its_target_back(halves, name):
    private, public = halves
    make, target = MODELS[name]
    who = int(np.flatnonzero(private[target] >= 2)[0])
    before, after = pair(make, private, target, who)
    truth = private[[*COLUMNS, target]].iloc[[who]]
    result = undelete.audit(before, after, public[[*COLUMNS, target]], target=target, n=len(private), truth=truth)
    assert result.summary().loc["hrec+", "median_centred_cosine"] > 0.99
    record = result.records.iloc[0]
    assert record["member"] == truth["member"].iloc[0]
    assert record["town"] == truth["town"].iloc[0]
    assert record[target] == pytest.approx(truth[target].iloc[0], abs=0.5)
    assert result.verdict.word == "EXPOSED"


def test_a_simulation_and_the_ranking_of_candidates(halves):
    private, public = (half[[*COLUMNS, "visits"]] for half in halves)
    make = MODELS["poisson"][0]
    played = undelete.simulate(
        kept(make(), private), private[COLUMNS], private.visits, public[COLUMNS], public.visits, deletions=30
    )
    assert played.summary().loc["hrec+", "median_centred_cosine"] > 0.99
    assert played.summary().loc["informed", "median_centred_cosine"] > 0.999999
    before, after = pair(make, private, "visits")
    people = private.iloc[:200]
    ranked = undelete.who_was_deleted(before, after, public, people, target="visits", n=len(private))
    alike = (people == people.iloc[WHO]).all(axis=1)
    assert alike[ranked.index[0]]
    member = undelete.membership(
        kept(make(), private), private[COLUMNS], private.visits, public[COLUMNS].iloc[:500], public.visits.iloc[:500],
        public[COLUMNS].iloc[500:], public.visits.iloc[500:], shadows=8,
    )  # fmt: skip
    assert 0.45 < member.auc < 0.6


def test_refusals(table):
    X = table[COLUMNS[:3]]
    models = [GammaRegressor(**SURE).fit(one, table.spent[one.index]) for one in (X, X.drop(index=WHO))]
    public = table[[*COLUMNS[:3], "spent"]]
    with pytest.raises(InputError, match="gamma loss has a gradient that changes with a record's target: name"):
        undelete.audit(*models, public.drop(columns="spent"))
    with pytest.raises(InputError, match=r"has 0 in row 3, and a model of gamma loss is of numbers above 0"):
        undelete.audit(*models, public.assign(spent=public.spent.where(public.index != 3, 0.0)), target="spent")
    for power, link, why in ((3, "log", "is not convex: undelete reads"), (1.5, "identity", "with the identity link")):
        model = TweedieRegressor(power=power, link=link)
        model.coef_, model.intercept_, model.n_features_in_ = np.zeros(3), 0.0, 3
        with pytest.raises(InputError, match=why):
            undelete.audit(model, model, public, target="spent")
    averaged = LinearModel([1.0], 0.0, "poisson", ["age"], l2=0.1, averaged=True)
    with pytest.raises(InputError, match="the penalty is beside the mean loss"):
        undelete.save_model(averaged, "model.json")


def test_a_tweedie_model_is_read_from_its_file(table, tmp_path):
    make, target = MODELS["tweedie"]
    files = [tmp_path / "before.skops", tmp_path / "after.skops"]
    for file, model in zip(files, pair(make, table, target), strict=True):
        undelete.save_model(model, file)
    found = undelete.audit(*files, table[[*COLUMNS, target]], target=target, n=600)
    assert found.setting.model["loss"] == "tweedie(1.4)"
