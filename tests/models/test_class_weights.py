"""Class weights: numbers, and those that balance the classes and so change with each deletion."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from tests.models.conftest import COLUMNS, SURE, customers, kept, pair
from undelete import InputError
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair
from undelete.scoring.table import columns_right

PRIMAL = {"dual": False, "tol": 1e-12, "max_iter": 100_000}
MODELS = {
    "logistic, balanced": (lambda: LogisticRegression(class_weight="balanced", **SURE), "left"),
    "logistic, numbers": (lambda: LogisticRegression(class_weight={1: 5.0}, **SURE), "left"),
    "softmax, balanced": (lambda: LogisticRegression(class_weight="balanced", **SURE), "plan"),
    "softmax, numbers": (lambda: LogisticRegression(class_weight={0: 3.0, 2: 0.5}, **SURE), "plan"),
    "svm, balanced": (lambda: LinearSVC(class_weight="balanced", **PRIMAL), "left"),
    "svm of three, balanced": (lambda: LinearSVC(class_weight="balanced", **PRIMAL), "plan"),
    "svm of three, numbers": (lambda: LinearSVC(class_weight={0: 3.0, 2: 0.5}, **PRIMAL), "plan"),
    "ridge, balanced": (lambda: RidgeClassifier(class_weight="balanced", solver="cholesky"), "left"),
    "ridge of three, balanced": (lambda: RidgeClassifier(class_weight="balanced", solver="cholesky"), "plan"),
    "each class, balanced": (
        lambda: OneVsRestClassifier(LogisticRegression(class_weight="balanced", **SURE)), "plan"
    ),
    "each class, numbers": (
        lambda: OneVsRestClassifier(LogisticRegression(class_weight={0: 0.5, 1: 3.0}, **SURE)), "plan"
    ),
    "each class, ridge, balanced": (
        lambda: OneVsRestClassifier(RidgeClassifier(class_weight="balanced", solver="cholesky")), "plan"
    ),
    "one class, balanced": (
        lambda: OneVsRestClassifier(LogisticRegression(class_weight="balanced", **SURE)), "left"
    ),
}  # fmt: skip
ONE_BY_ONE = [name for name in MODELS if name.startswith(("svm of three", "each"))]
RETRAINED = [name for name in MODELS if not name.startswith("one")]


@pytest.mark.parametrize("name", MODELS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_that_of_the_record(
    table, name, monkeypatch
):
    monkeypatch.setattr("undelete.auditing.with_change.trained_by", lambda *_: None)  # these were trained on
    make, target = MODELS[name]
    for who in (11, 12, 14):
        before, after = pair(make, table, target, who)
        found = read_pair(before, after, table.drop(index=who), target=target, n=len(table))
        x, y = found.old.features(table.iloc[[who]]), encode_target(found.old, table[target].iloc[[who]], target)
        exact = -(x[:, :, None] * found.release.loss.residual(y, x @ found.release.W_before)[:, None, :])[0]
        told = Difference.by(found.release, "answers").gradient[0]
        # the weights are told by n - 1 records
        np.testing.assert_allclose(told, exact, atol=(1e-2 if "balanced" in name else 1e-5) * np.abs(exact).max())


@pytest.mark.parametrize("name", RETRAINED)
def test_leave_one_out_equals_a_refit(table, name):
    make, target = MODELS[name]
    X, y = table[COLUMNS[:3]].iloc[:200], table[target].iloc[:200]
    rows = [0, 5, 9, 50]  # of several classes
    assert len(set(y.iloc[rows])) > 1
    found = undelete.leave_one_out(make(), X, y, rows)
    assert found.converged.all()
    for i, row in enumerate(rows):
        theirs = make().fit(X.drop(index=row), y.drop(index=row))
        each = getattr(theirs, "estimators_", [theirs])
        coef = np.concatenate([np.atleast_2d(one.coef_) for one in each])
        intercept = np.concatenate([np.atleast_1d(one.intercept_) for one in each])
        scale = np.abs(coef).max()
        np.testing.assert_allclose(found.coef[i], coef, atol=1e-7 * scale)
        shift = found.intercept[i].mean() - intercept.mean() if "softmax" in name else 0.0
        np.testing.assert_allclose(found.intercept[i] - shift, intercept, atol=1e-7)


@pytest.fixture(scope="module")
def halves():
    people = customers(6000, seed=3)
    return people.iloc[:3000].reset_index(drop=True), people.iloc[3000:].reset_index(drop=True)


@pytest.mark.parametrize("name", ["logistic, balanced", "softmax, balanced", "ridge of three, balanced", *ONE_BY_ONE])
def test_a_simulation_tells_whose_class_it_was(halves, name):
    private, public = halves
    make, target = MODELS[name]
    played = undelete.simulate(
        kept(make(), private), private[COLUMNS], private[target], public[COLUMNS], public[target], deletions=30,
        attacks=("hrec+", "hrec", "informed"),
    )  # fmt: skip
    found = played.summary()
    assert found.loc["informed", "median_centred_cosine"] > 0.999999
    assert (found.loc[["hrec+", "hrec"], "median_centred_cosine"] > 0.99).all()
    assert (found.loc[["hrec+", "hrec"], "label"] > 0.95).all()


def coded(count, seed):
    """People with four categories and an age, and whether they are rich."""
    rng = np.random.default_rng(seed)
    people = {f"c{i}": rng.choice(k, count, p=rng.dirichlet(np.full(k, 3.0))).astype(str)
              for i, k in enumerate((4, 5, 3, 6))}  # fmt: skip
    people["age"] = rng.integers(18, 80, count)
    table = pd.DataFrame(people)
    z = sum((table[f"c{i}"].astype(int) % 2) * 0.8 for i in range(4)) + table.age / 40
    return table.assign(rich=(z + rng.logistic(size=count) > np.quantile(z, 0.65)).astype(int))


def test_a_class_is_none_whose_record_does_not_fit_where_anothers_does():
    people = coded(1800, 0)
    private, public = people.iloc[:600], people.iloc[600:]
    columns = ["age", "c0", "c1", "c2", "c3"]
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(sparse_output=False), columns[1:]))
    model = make_pipeline(FrozenEstimator(steps.fit(private[columns])), MODELS["ridge, balanced"][0]())
    model.fit(private[columns], private.rich)
    played = undelete.simulate(model, private[columns], private.rich, public[columns], public.rich, deletions=40,
                               attacks=("hrec+",))  # fmt: skip
    found = played.found["hrec+"]
    assert (found.target == played.truth.Y).mean() >= 0.975  # by (48) alone three are wrong
    sure = np.nan_to_num(found.probability) >= 0.95
    assert columns_right(played.release, played.truth, found)[sure].mean() >= 0.98
    assert sure.sum() > 60


def test_balanced_weights_beside_an_l1_penalty(halves):
    private, public = halves
    sparse = {"l1_ratio": 1.0, "C": 0.05, "class_weight": "balanced", "tol": 1e-9, "max_iter": 20_000}
    settings = {**sparse, "solver": "liblinear", "fit_intercept": False}  # which has the intercept in the penalty
    X, y, rows = private[COLUMNS[:3]].iloc[:200] - private[COLUMNS[:3]].mean(), private.left.iloc[:200], [0, 5, 9]
    found = undelete.leave_one_out(LogisticRegression(**settings), X, y, rows)
    for i, row in enumerate(rows):
        theirs = LogisticRegression(**settings).fit(X.drop(index=row), y.drop(index=row))
        np.testing.assert_allclose(found.coef[i], theirs.coef_, atol=1e-6)
    played = undelete.simulate(
        kept(LogisticRegression(**sparse, solver="saga"), private), private[COLUMNS], private.left, public[COLUMNS],
        public.left, deletions=20, attacks=("hrec+", "hrec", "informed"),
    )  # fmt: skip
    scores = played.summary()
    assert scores.loc["informed", "median_centred_cosine"] > 0.999999
    assert scores.loc["hrec+", "median_centred_cosine"] > 0.95
    assert scores.loc["hrec+", "label"] >= 0.95


def test_membership_balances_each_shadow_model(halves):
    private, public = halves
    make, target = MODELS["softmax, balanced"]
    parts = [
        part for half in (private.iloc[:500], private.iloc[500:900], public) for part in (half[COLUMNS], half[target])
    ]
    assert 0.4 < undelete.membership(kept(make(), private.iloc[:500]), *parts, shadows=8).auc < 0.6


def test_refusals(table):
    make, target = MODELS["logistic, balanced"]
    before, after = pair(make, table, target)
    numbers = pair(MODELS["logistic, numbers"][0], table, target)
    bare = [make().fit(one[COLUMNS[:3]], one[target]) for one in (table, table.drop(index=11))]
    with pytest.raises(InputError, match="by an amount that depends on the number of training records: give n"):
        undelete.audit(*bare, table[[*COLUMNS[:3], target]], target=target)
    with pytest.raises(InputError, match="whose sizes the public records tell: name the target column"):
        undelete.audit(before, after, table, n=600)
    with pytest.raises(InputError, match="loss with class weights has a gradient that changes with a record's target"):
        undelete.audit(*numbers, table, n=600)
    with pytest.raises(InputError, match="no public record is of class 1: give public records of every class"):
        undelete.audit(before, after, table[table.left == 0], target=target, n=600)
    with pytest.raises(InputError, match="the models differ in their class weights: balanced before"):
        undelete.audit(before, numbers[1], table, target=target, n=600)
    answers = [undelete.Answers(model.predict_proba(table[COLUMNS])[:, 1]) for model in (before, after)]
    with pytest.raises(InputError, match="answers do not say whose class it was: give the two models"):
        undelete.audit(*answers, table, features=before, target=target, n=600)
    with pytest.raises(InputError, match="and sample_weight together are not retrained"):
        undelete.leave_one_out(make(), table[COLUMNS[:3]], table.left, [0], sample_weight=np.ones(600))


def test_weights_of_records_and_of_their_own_classes_multiply(table):
    X, y = table[COLUMNS[:3]].iloc[:200], table.plan.iloc[:200]
    weights = np.random.default_rng(4).choice([0.5, 1.0, 3.0], 200)
    make = MODELS["svm of three, numbers"][0]
    found = undelete.leave_one_out(make(), X, y, [0, 5], sample_weight=weights)
    for i, row in enumerate((0, 5)):
        theirs = make().fit(X.drop(index=row), y.drop(index=row), sample_weight=np.delete(weights, row))
        np.testing.assert_allclose(found.coef[i], theirs.coef_, atol=1e-7 * np.abs(theirs.coef_).max())


@pytest.mark.parametrize("name", ["svm of three, numbers", "each class, balanced"])
def test_what_is_not_played_for_weights_of_the_own_class_is_refused(table, name):
    X, y, make = table[COLUMNS[:3]], table.plan, MODELS[name][0]
    way = "weighs? a record in the model of its own class in another way"
    with pytest.raises(InputError, match=f"groups are not played for models that {way}"):
        undelete.simulate(make(), X, y, X, y, group=2, deletions=2)
    with pytest.raises(InputError, match=f"defences are not played for models that {way}"):
        undelete.protect(make(), X, y, X, y, deletions=5)
    with pytest.raises(InputError, match=way):
        undelete.membership(make(), X[:200], y[:200], X[200:400], y[200:400], X[400:], y[400:])


def test_a_mean_loss_with_weights_of_the_own_class_is_not_retrained(table):
    sgd = SGDClassifier("squared_hinge", class_weight="balanced", random_state=0)
    model = kept(sgd, table).fit(table[COLUMNS], table.plan)
    with pytest.raises(InputError, match="than in the others, which is not retrained with a penalty beside the mean"):
        undelete.leave_one_out(model, table[COLUMNS], table.plan, [0])
