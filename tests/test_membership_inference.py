"""Who was in the training data, and who was deleted from it: the public functions."""

from __future__ import annotations

import copy
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete.attacker.member.lira import lira
from undelete.errors import InputError

COLUMNS = ["age", "years", "colour"]


def population(size, seed=0):
    rng = np.random.default_rng(seed)
    age, colour = rng.integers(18, 80, size), rng.choice(["blue", "green", "red"], size)
    table = pd.DataFrame({"age": age, "years": np.minimum(rng.geometric(0.1, size), age), "colour": colour})
    income = 20 + 0.5 * age + 4 * (colour == "red") + rng.normal(0, 8, size)
    group = np.where(income > 50, "high", np.where(income > 40, "middle", "low"))
    return table.assign(income=income, rich=np.where(income > 45, "yes", "no"), group=group)


def pipeline(model):
    parts = [("colour", OneHotEncoder(), ["colour"]), ("numbers", StandardScaler(), ["age", "years"])]
    return Pipeline([("features", ColumnTransformer(parts)), ("model", model)])


def parts(target, n=300, m=300, h=200, seed=0):
    table = population(n + m + h, seed)
    cut = [table.iloc[:n], table.iloc[n + m :], table.iloc[n : n + m]]  # private, held out, public
    return [part for piece in cut for part in (piece[COLUMNS], piece[target])]


def noise(seed, n=20, d=500, h=80, m=20):
    """Many more features than records, and labels that have nothing to do with them.

    A model fits its own records exactly, and predicts about 0 for all others, whose labels are +1 and -1: a member is
    always the one of whom it is surer, unless chance takes a prediction, of deviation a fifth, as far as that.
    """
    rng = np.random.default_rng(seed)
    return [part for size in (n, h, m) for part in (rng.normal(size=(size, d)), rng.choice([-1, 1], size))]


@pytest.mark.parametrize("variance", ["global", "record"])
@pytest.mark.parametrize("model", [LinearRegression(), RidgeClassifier(0.1), LogisticRegression(C=100.0)])
def test_a_model_that_memorises_gives_its_members_away(model, variance):
    for seed in range(2):
        found = undelete.membership(model, *noise(seed), shadows=8, variance=variance, rng=seed)
        assert found.auc > 0.98
        assert found.auc_interval[0] > 0.9
        assert found.tpr_at(0.1) > 0.9
        assert found.tpr_interval(0.1)[0] > 0.6


@pytest.mark.parametrize("model", [Ridge(), LogisticRegression()])
def test_with_few_features_and_no_signal_it_is_guessing(model):
    """Targets dealt anew: one half within the interval, in 19 of 20 cases."""
    inside = 0
    for seed in range(10):
        given = parts("income" if isinstance(model, Ridge) else "rich", 2000, 2000, 1000, seed)
        shuffle = np.random.default_rng(seed)
        given = [part if i % 2 == 0 else shuffle.permutation(part) for i, part in enumerate(given)]
        found = undelete.membership(pipeline(model), *given, shadows=16, rng=seed)
        low, high = found.auc_interval
        assert 0.44 < low < high < 0.56
        inside += low <= 0.5 <= high
    assert inside >= 7


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (Ridge(), "income"),
        (LinearRegression(), "income"),
        (RidgeClassifier(), "group"),
        (LogisticRegression(), "rich"),
        (LogisticRegression(), "group"),
        (LinearSVC(dual=False), "rich"),
        (LinearSVC(dual=False), "group"),
    ],
)
def test_every_kind_of_model_is_scored(model, target):
    given = parts(target)
    found = undelete.membership(pipeline(model), *given, shadows=8)
    assert found.scores.shape == (500,)
    assert np.isfinite(found.scores).all()
    assert found.member.sum() == 300
    assert found.auc == pytest.approx(roc_auc_score(found.member, found.scores))
    assert found.gradient_norm <= 1e-10
    assert found.tpr_interval(0.1)[0] <= found.tpr_at(0.1) <= found.tpr_interval(0.1)[1]


def test_the_seed_decides_and_nothing_else():
    given = parts("rich")
    first, again, other = (
        undelete.membership(pipeline(LogisticRegression()), *given, shadows=4, rng=seed) for seed in (0, 0, 1)
    )
    assert first.scores.tobytes() == again.scores.tobytes()
    assert first.document() == again.document()
    assert not np.array_equal(first.scores, other.scores)


def test_the_attack_is_told_nothing_of_who_is_a_member(monkeypatch):
    """Private and held-out records change places, the target model kept: only the scores change places with them."""
    X, y, X_out, y_out, X_public, y_public = parts("income", 200, 300, 200)
    W, l2 = np.array([[0.5], [0.1], [20.0]]), np.array([1.0, 1.0, 0.0])
    target = undelete.LinearModel(W[:2].T, W[2], "squared", ["age", "years"], l2=l2)
    seen = []

    def watched(loss, _, W_shadows, candidates, **options):
        seen.append((W_shadows, candidates))
        return lira(loss, W, W_shadows, candidates, **options)

    monkeypatch.setattr("undelete.auditing.membership.lira", watched)
    one = undelete.membership(target, X, y, X_out, y_out, X_public, y_public, shadows=6)
    two = undelete.membership(target, X_out, y_out, X, y, X_public, y_public, shadows=6)
    np.testing.assert_array_equal(seen[0][0], seen[1][0])  # shadows are of public records alone
    np.testing.assert_allclose(one.scores[:200], two.scores[200:], atol=1e-9)
    np.testing.assert_allclose(one.scores[200:], two.scores[:200], atol=1e-9)
    # what the attack is given has no field that could tell, and is in no order that could
    assert set(vars(seen[0][1])) == {"X", "Y", "offset"}
    start = seen[0][1].Y[:200, 0]
    assert 60 < np.isin(start, y).sum() < 140


def test_the_document_holds_numbers_and_no_record(tmp_path):
    found = undelete.membership(pipeline(Ridge()), *parts("income"), shadows=4)
    found.to_json(tmp_path / "membership.json")
    document = json.loads((tmp_path / "membership.json").read_text())
    assert document == json.loads(json.dumps(found.document()))
    assert document["schema"] == "undelete.membership/1"
    assert (document["members"], document["non_members"], document["shadows"]) == (300, 200, 4)
    assert document["auc_low"] < document["auc"] < document["auc_high"]
    assert [rate["fpr"] for rate in document["rates"]] == [0.001, 0.01, 0.1]
    assert all(rate["low"] <= rate["tpr"] <= rate["high"] for rate in document["rates"])
    assert "scores" not in document
    assert str(found).startswith("<Membership: AUC 0.")
    assert str(found).endswith("of 300 members and 200 others, 4 shadow models>")


def test_the_figure_has_logarithmic_axes():
    axes = undelete.membership(pipeline(Ridge()), *parts("income"), shadows=4).figure().axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert len(axes.lines) == 2  # the curve and the diagonal


def test_public_records_that_are_the_private_ones_are_said():
    X, y, X_out, y_out, _, _ = parts("income")
    assert undelete.membership(pipeline(Ridge()), *parts("income"), shadows=2).warnings == ()
    found = undelete.membership(pipeline(Ridge()), X, y, X_out, y_out, X, y, shadows=2)
    assert "of the public records equal a training record in every column" in found.warnings[0]


def test_a_model_that_stopped_early_is_said_to_be_refitted():
    X, y, *others = parts("income")
    early = pipeline(Ridge()).fit(X, y)
    early[-1].coef_ = early[-1].coef_ + 1.0
    found = undelete.membership(early, X, y, *others, shadows=2)
    assert "The model as given is not the optimum on these records" in found.warnings[0]


def test_refusals_of_membership():
    X, y, X_out, y_out, X_public, y_public = parts("income")
    model = pipeline(Ridge())
    with pytest.raises(InputError, match="shadows is 1: the spread of shadow models needs two at least, 64 are usual"):
        undelete.membership(model, X, y, X_out, y_out, X_public, y_public, shadows=1)
    with pytest.raises(InputError, match="rng is -1: it is a seed"):
        undelete.membership(model, X, y, X_out, y_out, X_public, y_public, rng=-1)
    with pytest.raises(InputError, match="there are 200 held-out records and 199 targets of them: give one each"):
        undelete.membership(model, X, y, X_out, y_out[1:], X_public, y_public)
    with pytest.raises(InputError, match="there are 0 public records and 0 targets of them"):
        undelete.membership(model, X, y, X_out, y_out, X_public[:0], y_public[:0])
    with pytest.raises(InputError, match="variance is 'both'"):
        undelete.membership(model, X, y, X_out, y_out, X_public, y_public, shadows=2, variance="both")
    found = undelete.membership(model, X, y, X_out, y_out, X_public, y_public, shadows=2)
    with pytest.raises(InputError, match=r"the false-positive rate is 1\.5: it is a share between 0 and 1"):
        found.tpr_at(1.5)


MODELS = {
    "ridge": (lambda: Ridge(), "income"),
    "least squares": (LinearRegression, "income"),
    "logistic": (lambda: LogisticRegression(tol=1e-10, max_iter=1000, solver="newton-cholesky"), "rich"),
    "softmax": (lambda: LogisticRegression(tol=1e-12, max_iter=5000), "group"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_deleted_person_is_named_from_two_pipelines(name):
    make, target = MODELS[name]
    table = population(8000, seed=3)
    private, public = table.iloc[:4000], table.iloc[4000:6000]
    named = 0
    for who in (5, 77, 1234):
        before = pipeline(make()).fit(private[COLUMNS], private[target])
        kept = private.drop(index=who)
        after = Pipeline([("features", before[0]), ("model", make())])
        after[1].fit(before[0].transform(kept[COLUMNS]), kept[target])
        people = pd.concat([private.loc[[who]], private.loc[100:140], table.iloc[6000:6040]])
        found = undelete.who_was_deleted(before, after, public, people, target=target, n=4000)
        assert list(found.columns) == ["probability", "misfit", "p_value"]
        assert found["misfit"].is_monotonic_increasing
        assert found["probability"].sum() == pytest.approx(1)
        assert found.loc[who, "p_value"] > 1e-4
        named += found.index[0] == who
    assert named == 3


def test_behind_random_features_members_and_the_deleted_are_told_as_well():
    """The model's space is the embedding's: held-out records and candidates go through it as the private ones do."""
    table, columns = population(2400, seed=5), ["age", "years"]
    model = make_pipeline(StandardScaler(), RBFSampler(gamma=0.2, n_components=30, random_state=0), Ridge(0.1))
    private, public, out = table[:1000], table[1000:2000], table[2000:]
    pairs = [part for piece in (private, out, public) for part in (piece[columns], piece["income"])]
    assert undelete.membership(model, *pairs, shadows=4).scores.shape == (1400,)
    before = clone(model).fit(private[columns], private["income"])
    after, kept = copy.deepcopy(before), private.drop(index=17)
    after[-1].fit(before[:-1].transform(kept[columns]), kept["income"])
    people = pd.concat([private[:30], out[:30]])[[*columns, "income"]]
    ranked = undelete.who_was_deleted(before, after, public[[*columns, "income"]], people, target="income", n=1000)
    assert ranked.index[0] == 17


def test_what_refitted_scalers_say_of_the_deleted_person_counts_in_either_order_of_the_files():
    table, columns = population(900, seed=8), ["age", "years"]
    own, public, model = table[:300], table[300:600], make_pipeline(StandardScaler(), Ridge(0.1))
    for who in range(2):
        before, after = (clone(model).fit(t[columns], t["income"]) for t in (own, own.drop(index=who)))
        for files in ((before, after), (after, before)):
            ranked = undelete.who_was_deleted(*files, public, own, target="income")
            alike = (own[columns] == own.loc[who, columns]).all(axis=1)
            assert ranked.loc[alike[alike].index, "probability"].sum() > 0.999
            assert ranked.loc[who, "p_value"] > 1e-3


def test_refusals_of_who_was_deleted():
    table = population(900)
    model = make_pipeline(StandardScaler(), Ridge()).fit(table[["age", "years"]], table["income"])
    with pytest.raises(InputError, match="the candidates have no column 'income': how a record pulls on the model"):
        undelete.who_was_deleted(model, model, table, table[["age", "years"]], target="income")
    with pytest.raises(InputError, match="there are 0 candidate records and 0 targets of them"):
        undelete.who_was_deleted(model, model, table, table[:0], target="income")


@pytest.mark.parametrize("mark", [np.nan, -1.0])
def test_scalers_behind_imputers_name_those_who_left_whatever_was_filled(mark):
    """With another filling the sums have others' missing cells in them, and their squares about the middle do not."""
    table, columns = population(900, seed=8), ["age", "years"]
    rng = np.random.default_rng(1)
    for name in columns:
        table[name] = table[name].astype(float).where(rng.random(len(table)) > 0.15, mark)
    table["years"] += rng.normal(0, 1e-3, len(table)) * (table["years"] != mark)  # so that the median moves
    own, public = table[:300], table[300:600]
    model = make_pipeline(SimpleImputer(missing_values=mark, strategy="median"), StandardScaler(), Ridge(0.1))
    for who in ([0, 1], [2, 3]):
        before, after = (clone(model).fit(t[columns], t["income"]) for t in (own, own.drop(index=who)))
        assert before[0].statistics_[1] != after[0].statistics_[1]
        ranked = undelete.who_was_deleted(before, after, public, own, target="income")
        assert set(ranked.index[:2]) == set(who)
        assert ranked.loc[who, "probability"].min() > 0.9
