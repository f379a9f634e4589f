"""Votes, stacks, chains, several outputs and what else holds a linear model: a part stands for the whole."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier, VotingRegressor
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import undelete
from tests.models.conftest import COLUMNS, SURE, WHO, customers
from undelete import InputError
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair

NUMBERS = COLUMNS[:3]


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression(**SURE))


HOLDERS = {
    "vote": (
        lambda: VotingClassifier([("tree", DecisionTreeClassifier(max_depth=2)), ("linear", logistic())]), "answer"
    ),
    "vote of numbers": (lambda: VotingRegressor([("a", Ridge()), ("b", Ridge(9.0))]), "wage"),
    "stack": (lambda: StackingClassifier([("a", logistic())], cv=2), "answer"),
    "calibrated": (lambda: CalibratedClassifierCV(logistic(), cv=2, ensemble=False), "answer"),
    "threshold": (lambda: FixedThresholdClassifier(logistic(), threshold=0.3), "answer"),
    "selected": (lambda: RFE(Ridge(), n_features_to_select=2), "wage"),
    "outputs": (lambda: MultiOutputRegressor(Ridge()), ["wage", "visits"]),
    "outputs of counts": (lambda: MultiOutputRegressor(PoissonRegressor(**SURE)), ["visits", "claims"]),
    "labels": (lambda: MultiOutputClassifier(logistic()), ["left", "plan"]),
    "chain": (lambda: ClassifierChain(logistic(), order=[1, 0]), ["left", "plan_0"]),
    "each class": (lambda: OneVsRestClassifier(logistic()), "plan"),
    "each class, squared": (lambda: OneVsRestClassifier(RidgeClassifier()), "plan"),
    "each class, behind a step that is asked": (
        lambda: make_pipeline(FunctionTransformer(np.arctan), OneVsRestClassifier(LogisticRegression(**SURE))), "plan",
    ),
    "in a pipeline": (
        lambda: make_pipeline(StandardScaler(), VotingClassifier([("a", LogisticRegression(**SURE))])), "answer",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def people():
    table = customers(300)
    return table.assign(answer=np.where(table.left == 1, "yes", "no"), plan_0=(table.plan == 0).astype(int))


@pytest.mark.parametrize("name", HOLDERS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(people, name):
    make, target = HOLDERS[name]
    before, after = (make().fit(part[NUMBERS], part[target]) for part in (people, people.drop(index=WHO)))
    used = people[[*NUMBERS, *([target] if isinstance(target, str) else target)]]
    found = read_pair(before, after, used.drop(index=WHO), target=target, n=len(people))
    record = used.loc[[WHO]]
    x, Y = found.old.features(record), encode_target(found.old, record[target], "target")
    exact = -(x[:, :, None] * found.release.loss.residual(Y, x @ found.release.W_before)[:, None, :])[0]
    told = Difference.by(found.release, "answers").gradient[0]
    np.testing.assert_allclose(told, exact, atol=1e-6 * np.abs(exact).max())


def test_an_audit_says_which_part_and_tells_the_classes_as_the_whole_calls_them(people):
    make, target = HOLDERS["vote"]
    before, after = (make().fit(part[NUMBERS], part[target]) for part in (people, people.drop(index=WHO)))
    found = undelete.audit(before, after, people[[*NUMBERS, target]], target=target)
    assert found.records.loc[0, "answer"] == people.answer[WHO]
    assert any("VotingClassifier holds 2 models, of which 'linear' is audited" in text for text in found.warnings)
    several = HOLDERS["labels"][0]().fit(people[NUMBERS], people[["left", "plan"]])
    later = HOLDERS["labels"][0]().fit(people[NUMBERS].drop(index=WHO), people[["left", "plan"]].drop(index=WHO))
    named = undelete.audit(several, later, people[[*NUMBERS, "left", "plan"]], target=["left", "plan"])
    assert named.records.columns.tolist() == [*NUMBERS, "left"]


@pytest.mark.parametrize("name", ["vote of numbers", "calibrated", "each class", "in a pipeline"])
def test_each_is_left_out_of_what_is_not_fitted_yet(people, name):
    make, target = HOLDERS[name]
    found = undelete.leave_one_out(make(), people[NUMBERS], people[target], [WHO])
    again = undelete.leave_one_out(make().fit(people[NUMBERS], people[target]), people[NUMBERS], people[target], [WHO])
    np.testing.assert_array_equal(found.coef, again.coef)


def test_a_part_is_played(people):
    make, _ = HOLDERS["outputs of counts"]
    half = [people.iloc[:150], people.iloc[150:].reset_index(drop=True)]
    parts = [one for part in half for one in (part[NUMBERS], part[["visits", "claims"]])]
    played = undelete.simulate(make(), *parts, deletions=5, attacks=("hrec+", "informed"))
    assert played.summary().loc["informed", "median_centred_cosine"] > 0.999999


def test_refusals(people):
    X, y = people[NUMBERS], people.answer
    folds = CalibratedClassifierCV(logistic(), cv=2, ensemble=True).fit(X, y)
    with pytest.raises(InputError, match="a deletion deals the folds anew"):
        undelete.audit(folds, folds, people[[*NUMBERS, "answer"]], target="answer")
    trees = VotingClassifier([("tree", DecisionTreeClassifier(max_depth=2))]).fit(X, y)
    with pytest.raises(InputError, match="holds DecisionTreeClassifier, none of which undelete reads"):
        undelete.audit(trees, trees, people[[*NUMBERS, "answer"]], target="answer")
