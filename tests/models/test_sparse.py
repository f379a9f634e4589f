"""Models with an l1 penalty: exact where a feature is in both models, and silent elsewhere."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LassoCV,
    LassoLars,
    LogisticRegression,
    OrthogonalMatchingPursuit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVR

import undelete
from tests.models.conftest import COLUMNS, customers
from undelete import InputError
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair
from undelete.auditing.words import Words
from undelete.data.schema import ImageInfo, Schema
from undelete.maintainer.resample import bootstrap, fit_each_resample
from undelete.maintainer.sparse import fit_sparse
from undelete.maths.losses import loss_of
from undelete.maths.objective import Objective

DESCENT = {"tol": 1e-14, "max_iter": 100_000}
PRIMAL = {"dual": False, "tol": 1e-12, "max_iter": 100_000}
SAGA = {"solver": "saga", "tol": 1e-10, "max_iter": 100_000}
MODELS = {
    "lasso": (lambda: Lasso(0.2, **DESCENT), "wage"),
    "elastic net": (lambda: ElasticNet(0.3, l1_ratio=0.9, **DESCENT), "wage"),
    "chosen by cross-validation": (lambda: LassoCV(alphas=[0.2, 0.3], **DESCENT), "wage"),
    "least angles": (lambda: LassoLars(0.2), "wage"),
    "logistic, l1": (lambda: LogisticRegression(l1_ratio=1.0, C=0.05, **SAGA), "left"),
    "logistic, elastic net": (lambda: LogisticRegression(l1_ratio=0.5, C=0.05, **SAGA), "left"),
    "liblinear, l1": (lambda: LogisticRegression(l1_ratio=1.0, C=0.05, solver="liblinear", tol=1e-12), "left"),
    "Bayesian": (lambda: BayesianRidge(tol=1e-12), "wage"),
    "support vectors": (lambda: LinearSVR(loss="squared_epsilon_insensitive", epsilon=0.5, **PRIMAL), "wage"),
}
RETRAINED = ["lasso", "elastic net", "logistic, l1", "logistic, elastic net", "support vectors"]


def noisy(n, seed=0):
    """People with four columns more that say nothing of any target."""
    rng = np.random.default_rng(seed + 100)
    table = customers(n, seed)
    return table.assign(**{f"noise{j}": rng.integers(0, 10, n) for j in range(4)})


NUMBERS = [*COLUMNS[:3], *(f"noise{j}" for j in range(4))]


def fitted(make, table, target, frame):
    steps = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(drop="first"), ["town"])).fit(frame)
    from sklearn.frozen import FrozenEstimator

    return make_pipeline(FrozenEstimator(steps), make()).fit(table[[*NUMBERS, "town"]], table[target])


@pytest.mark.parametrize("name", MODELS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact_where_it_is_known(name):
    make, target = MODELS[name]
    table = noisy(400)
    columns = [*NUMBERS, "town"]
    for who in (11, 13):
        before, after = (fitted(make, one, target, table[columns]) for one in (table, table.drop(index=who)))
        found = read_pair(before, after, table.drop(index=who)[[*columns, target]], target=target, n=len(table))
        x, y = found.old.features(table.iloc[[who]]), encode_target(found.old, table[target].iloc[[who]], target)
        exact = -(x * found.release.loss.residual(y, x @ found.old.W))[0]
        if found.old.l1 is not None:
            assert found.kept is not None
            assert 1 < found.kept.sum() < len(found.kept)
            exact = exact[found.kept]
        told = Difference.by(found.release, "answers").gradient[0, :, 0]
        np.testing.assert_allclose(told, exact, atol=1e-4 * np.abs(exact).max() + 1e-6)


@pytest.mark.parametrize("name", RETRAINED)
def test_leave_one_out_equals_a_refit(name):
    make, target = MODELS[name]
    table = noisy(200)
    found = undelete.leave_one_out(make(), table[NUMBERS] / 10, table[target], [0, 50])
    assert found.converged.all()
    for i, row in enumerate((0, 50)):
        rest = table.drop(index=row)
        theirs = make().fit(rest[NUMBERS] / 10, rest[target])
        coef = np.ravel(theirs.coef_)
        np.testing.assert_allclose(found.coef[i, 0], coef, atol=1e-6 * np.abs(coef).max())
        assert ((coef == 0) == (found.coef[i, 0] == 0)).all() or name == "support vectors"


def test_an_audit_and_a_simulation_say_what_is_left_out():
    people = noisy(5000, seed=4)
    private, public = (half.reset_index(drop=True) for half in (people.iloc[:2500], people.iloc[2500:]))
    columns, make = [*NUMBERS, "town"], MODELS["elastic net"][0]
    before, after = (fitted(make, one, "wage", private[columns]) for one in (private, private.drop(index=3)))
    truth = private[[*columns, "wage"]].iloc[[3]]
    found = undelete.audit(before, after, public[[*columns, "wage"]], target="wage", n=2500, truth=truth)
    assert any("l1 penalty holds" in warning and "noise0" in warning for warning in found.warnings)
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.99
    assert found.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    assert abs(found.records["wage"].iloc[0] - truth["wage"].iloc[0]) < 2
    ranked = undelete.who_was_deleted(
        before, after, public[[*columns, "wage"]], private[[*columns, "wage"]].iloc[:100], target="wage", n=2500
    )
    assert ranked.index[0] == 3
    played = undelete.simulate(
        before,
        private[columns],
        private.wage,
        public[columns],
        public.wage,
        deletions=20,
        attacks=("hrec+", "informed"),
    )
    assert played.summary().loc["hrec+", "median_centred_cosine"] > 0.99
    assert played.summary().loc["informed", "median_centred_cosine"] > 0.999999


def test_least_angles_leave_out_what_is_a_sum_of_others_whatever_it_pulls():
    people = noisy(400, seed=2).assign(gone=lambda t: 1.0 - t.member)
    numbers = ["age", "member", "gone"]
    before, after = (LassoLars(0.01).fit(part[numbers], part.wage) for part in (people, people.drop(index=3)))
    found = undelete.audit(before, after, people[[*numbers, "wage"]], target="wage", n=400, attacks=("hrec",))
    assert any("LassoLars leaves 1 of 3 features out of" in text for text in found.warnings)
    assert not any("pulled no harder" in text for text in found.warnings)


def test_least_angles_are_not_retrained_where_features_are_sums_of_others():
    people = noisy(400, seed=2).assign(gone=lambda t: 1.0 - t.member)
    with pytest.raises(InputError, match=r'LassoLars are sums of others.*drop="first"'):
        undelete.leave_one_out(LassoLars(0.01), people[["age", "member", "gone"]], people.wage, [3])
    found = undelete.leave_one_out(LassoLars(0.01), people[["age", "member"]], people.wage, [3])
    rest = people.drop(index=3)
    theirs = LassoLars(0.01).fit(rest[["age", "member"]], rest.wage)
    np.testing.assert_allclose(found.coef[0, 0], theirs.coef_, rtol=1e-6)


def test_of_two_indicators_one_is_enough():
    people = noisy(3000, seed=6)
    private, public = (half.reset_index(drop=True) for half in (people.iloc[:1500], people.iloc[1500:]))
    numbers = [name for name in NUMBERS if name != "member"]
    steps = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), ["member"]))
    columns = [*numbers, "member"]
    model = make_pipeline(steps, Lasso(0.1, **DESCENT)).fit(private[columns], private.wage)
    played = undelete.simulate(
        model, private[columns], private.wage, public[columns], public.wage, deletions=10, attacks=("hrec+",)
    )
    assert np.isfinite(played.summary().loc["hrec+", "median_centred_cosine"])


def test_a_column_that_is_the_sum_of_others_and_was_left_out_is_not_told_from_them_twice():
    def people(n, seed):
        table = customers(n, seed)[["children", "member", "wage"]]
        rng = np.random.default_rng(seed)
        return table.assign(school=rng.integers(8, 18, n), work=rng.integers(0, 40, n)).assign(
            age=lambda one: one.school + one.work + 6, wage=lambda one: one.wage + 2.0 * one.school + one.work
        )

    table, public = people(500, 0), people(1000, 1)
    X, y = table.drop(columns="wage"), table.wage
    scaler = StandardScaler().fit(X)
    before, after = (
        make_pipeline(scaler, Lasso(0.05, **DESCENT).fit(scaler.transform(X[rows]), y[rows]))
        for rows in (np.ones(500, dtype=bool), np.arange(500) != 7)
    )
    assert (before[-1].coef_ == 0).sum() == 1  # any one of the three
    found = undelete.audit(before, after, public, target="wage", n=500)
    gone = X.columns[int(np.flatnonzero(before[-1].coef_ == 0)[0])]
    assert found.records.loc[0, gone] is None
    others = [name for name in ("school", "work", "age") if name != gone]
    assert (np.abs(found.records.loc[0, others].astype(float) - table.loc[7, others]) <= 4).all()


def test_a_refit_that_scales_is_taken_out_and_what_one_that_mixes_leaves_open_is_in_the_error():
    table = noisy(400)
    pairs = {
        name: [
            make_pipeline(*steps(), Lasso(0.2, **DESCENT)).fit(one[NUMBERS], one.wage)
            for one in (table, table.drop(index=11))
        ]
        for name, steps in {
            "scaled": lambda: (StandardScaler(),),
            "mixed": lambda: (StandardScaler(), PCA(4)),
        }.items()
    }
    public = table.drop(index=11)[[*NUMBERS, "wage"]]
    for name, pair in pairs.items():
        found = read_pair(*pair, public, target="wage", n=400)
        x = found.old.features(table.iloc[[11]])
        exact = -(x[0] * (float(x[0] @ found.old.W[:, 0]) - table.wage[11]))[found.kept]
        off = Difference.by(found.release, "answers").gradient[0, :, 0] - exact
        assert found.release.share_error is not None
        error = np.sqrt(np.diag(found.release.share_error[0, 0]))  # of sampling there is none
        np.testing.assert_array_less(np.abs(off), 3 * error + 1e-6 * np.abs(exact).max())
        assert (
            (error.max() > 1e-3 * np.abs(exact).max())
            == (np.abs(off).max() > 1e-3 * np.abs(exact).max())
            == (name == "mixed")
        )


def test_a_refit_that_mixes_is_refused_of_models_that_leave_features_out_without_a_penalty():
    table = noisy(400)
    before, after = (
        make_pipeline(StandardScaler(), PCA(4), OrthogonalMatchingPursuit(n_nonzero_coefs=2)).fit(
            one[NUMBERS], one.wage
        )
        for one in (table, table.drop(index=11))
    )
    with pytest.raises(InputError, match="features became combinations of each other, and the model left features out"):
        read_pair(before, after, table.drop(index=11)[[*NUMBERS, "wage"]], target="wage", n=400)


def test_refusals():
    table = noisy(300)
    three = LogisticRegression(l1_ratio=1.0, C=0.1, solver="saga", tol=1e-3, max_iter=1000)
    three.fit(table[NUMBERS], table.plan)
    with pytest.raises(InputError, match="l1 penalty and several outputs"):
        undelete.audit(three, three, table[[*NUMBERS, "plan"]], target="plan", n=300)
    nothing = Lasso(1e6).fit(table[NUMBERS], table.wage)
    with pytest.raises(InputError, match="left no feature in both models"):
        undelete.audit(nothing, nothing, table[[*NUMBERS, "wage"]], target="wage", n=300)
    flat = LinearSVR(loss="epsilon_insensitive", max_iter=100_000).fit(table[NUMBERS] / 10, table.wage / 10)
    with pytest.raises(InputError, match="a record pulls in full or not at all, whatever its target"):
        undelete.audit(flat, flat, table[[*NUMBERS, "wage"]], target="wage", n=300)


def test_pictures_of_a_model_that_holds_pixels_at_zero_are_refused_and_its_pixels_are_told_as_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 17, (900, 9)) / 16, columns=[f"p{j}" for j in range(9)])
    y = 3 * X.p0 - 2 * X.p4 + rng.normal(size=900)
    public = X[300:].assign(y=y[300:]).reset_index(drop=True)
    before, after = (Lasso(0.05, **DESCENT).fit(X[:300].drop(index=i), y[:300].drop(i)) for i in ([], [3]))
    assert (before.coef_ == 0).any()
    words = Words(schema=Schema(image=ImageInfo((3, 3))))
    with pytest.raises(InputError, match="holds pixels at zero"):
        undelete.audit(before, after, public, target="y", n=300, words=words)
    with pytest.raises(InputError, match="holds pixels at zero"):
        undelete.simulate(before, X[:300], y[:300], public.drop(columns="y"), public.y, deletions=3, words=words)
    told = undelete.audit(before, after, public, target="y", n=300)
    assert told.records.loc[0, "p0"] == pytest.approx(X.p0[3], abs=0.1)


def test_shadow_models_are_fits_of_their_resamples():
    table = noisy(400)
    X, y = table[NUMBERS].to_numpy(dtype=float), table.wage.to_numpy()
    drawn = bootstrap(400, 150, 3, np.random.default_rng(1))
    design, l1 = np.c_[X, np.ones(400)], np.r_[np.full(X.shape[1], 150 * 0.2), 0.0]
    objective = Objective(design, y[:, None], loss_of("squared"), np.zeros(len(l1)))
    found = fit_each_resample(objective, np.zeros((len(l1), 1)), drawn, lambda one, start: fit_sparse(one, l1, start))
    for W, count in zip(found.W, drawn, strict=True):
        rows = np.repeat(np.arange(400), count.astype(int))
        theirs = Lasso(0.2, **DESCENT).fit(X[rows], y[rows])
        np.testing.assert_allclose(W[:-1, 0], theirs.coef_, atol=1e-6)
    parts = [one for part in (table[:150], table[150:250], table[250:]) for one in (part[NUMBERS], part.wage)]
    assert 0.2 < undelete.membership(Lasso(0.2, **DESCENT), *parts, shadows=4).auc < 0.8
