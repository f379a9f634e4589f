"""Is the change that of one deleted record, and do the files say so? On pairs of models that are not, or do not."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from tests.attacker.test_inversion import play_embedded
from undelete.attacker.hrec import hrec
from undelete.attacker.implied import Implied, estimated, implied
from undelete.attacker.table import mixtures
from undelete.attacker.table.mixtures import _pairs
from undelete.auditing import one_record
from undelete.auditing.implied_number import size_check
from undelete.auditing.one_record import _agreement, one_deletion
from undelete.maths.losses import LOSSES
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

N, WHO = 900, 17
WEEKDAYS = ["mon", "tue", "wed"]


def people(seed=0, size=4 * N):
    """Yes/no answers and a small count; a class and a number that depend on them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "smokes": rng.random(size) < 0.3,
            "owns": rng.random(size) < 0.6,
            "children": rng.poisson(1.2, size),
        }
    ).astype(int)
    z = 1.2 * table.smokes - 0.8 * table.owns + 0.3 * table.children
    table["cost"] = (10 * z + rng.normal(0, 6, size)).round(2)
    return table.assign(ill=np.where(rng.random(size) < 1 / (1 + np.exp(-z)), "ill", "well"))


@pytest.fixture(scope="module")
def halves():
    table = people()
    return table[:N], table[N:].reset_index(drop=True)


COLUMNS = ["smokes", "owns", "children"]


def fitted(table, model, target, *, scaled=False, **fit):
    pipeline = make_pipeline(StandardScaler(), model) if scaled else model
    return pipeline.fit(table[COLUMNS], table[target], **fit)


def logistic(**settings):
    return LogisticRegression(**({"solver": "newton-cholesky", "tol": 1e-12} | settings))


def check(audit, name):
    return next(check for check in audit.diagnostics if check.name == name)


def audited(before, after, public, target, **more):
    drop = [name for name in ("cost", "ill") if name != target]
    return undelete.audit(before, after, public.drop(columns=drop), target=target, **more)


def test_a_fit_that_used_up_its_iterations_is_refused_a_verdict(halves):
    private, public = halves
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few = {"solver": "lbfgs", "max_iter": 4}
        before, after = (fitted(t, logistic(**few), "ill") for t in (private, private.drop(WHO)))
    result = audited(before, after, public, "ill", n=N, truth=private.loc[[WHO]])
    assert result.verdict.word == "NOT DECIDABLE"
    assert "n_iter_ = max_iter = 4" in result.verdict.reason
    assert "both models" in result.verdict.reason
    good = audited(before, fitted(private.drop(WHO), logistic(), "ill"), public, "ill", n=N)
    assert "the old model" in check(good, "End of the fits").text


def test_the_files_own_numbers_of_records_are_heeded(halves):
    private, public = halves
    before = fitted(private, Ridge(), "cost", scaled=True)
    same = pd.concat([private.drop(WHO), public[:1]])
    result = audited(before, fitted(same, Ridge(), "cost", scaled=True), public[3:], "cost")
    assert result.verdict.word == "NOT DECIDABLE"
    assert "Both models were fitted on 900 records" in result.verdict.reason
    for rows, who, said in (
        (private.drop([7, 8, 9]), private.loc[[7, 8, 9]], "3 people left"),
        (pd.concat([private, public[:3]]), public[:3], "3 people joined"),
    ):
        three = audited(before, fitted(rows, Ridge(), "cost", scaled=True), public[3:], "cost")
        assert said in three.setting.text
        assert (three.records[COLUMNS].sum() == who[COLUMNS].sum()).all()


def test_equal_numbers_of_a_kept_scaler_say_nothing(halves):
    private, public = halves
    scaler = StandardScaler().fit(private[COLUMNS])
    models = [
        make_pipeline(scaler, Ridge().fit(scaler.transform(t[COLUMNS]), t.cost)) for t in (private, private.drop(WHO))
    ]
    result = audited(*models, public, "cost")
    assert result.release.n == N
    assert not any(one.name == "Number of deleted records" for one in result.diagnostics)
    assert result.verdict.word == "EXPOSED"
    said = "Nothing in the two files says which of them has the record."
    assert any(text.startswith(said) for text in result.warnings)
    other = audited(*models[::-1], public, "cost")
    assert (other.records[COLUMNS] == result.records[COLUMNS]).all(axis=None)
    predicted = models[0].predict(result.records[COLUMNS])
    assert np.isclose(other.records["cost"] - predicted, predicted - result.records["cost"], atol=0.3).all()
    told = audited(*models, public, "cost", deleted=1)
    assert not any(text.startswith(said) for text in told.warnings)
    # it may have been fitted on others: a number that is given counts more
    assert audited(*models, public, "cost", n=N - 100).release.n == N - 100


def test_a_pair_of_whom_one_pulls_next_to_nothing_is_told_as_the_other(halves):
    """One left whom the model predicts to a cent, and one joined: nothing shows it, and a note says so."""
    private, public = halves
    scaler = StandardScaler().fit(private[COLUMNS])

    def kept(table):
        return make_pipeline(scaler, Ridge().fit(scaler.transform(table[COLUMNS]), table.cost))

    before = kept(private)
    off = (private.cost - before.predict(private[COLUMNS])).abs()
    who = (public.cost - before.predict(public[COLUMNS])).abs().sort_values().index[int(0.9 * len(public))]
    joined, seen = public.loc[[who]], public.drop(who)
    result = audited(before, kept(pd.concat([private.drop(off.idxmin()), joined])), seen, "cost")
    assert result.verdict.word == "EXPOSED"
    assert (result.records[COLUMNS].to_numpy() == joined[COLUMNS].to_numpy()).all()
    assert any("may be the record of either" in text for text in result.warnings)
    told = audited(before, kept(private.drop(WHO)), seen, "cost", deleted=1)
    assert not any("may be the record of either" in text for text in told.warnings)


def test_what_an_estimator_stores_of_its_records_is_no_preprocessing_that_was_fitted_anew(halves):
    """The scaler and the choice of features were kept, so that the equal numbers that they count say nothing."""
    private, public = halves
    X = private[["smokes", "owns", "children"]]
    steps = make_pipeline(StandardScaler(), SelectKBest(k=2)).fit(X, private.cost)
    before, after = (
        make_pipeline(FrozenEstimator(steps), BayesianRidge(tol=1e-10)).fit(X.drop(index=gone), private.cost.drop(gone))
        for gone in ([], [WHO])
    )
    table = public[["smokes", "owns", "children", "cost"]]
    audit = undelete.audit(before, after, table, target="cost", n=len(private))
    assert not any(one.name == "Number of deleted records" for one in audit.diagnostics)


def continuous(leave, join, seed=0):
    """A table of numbers that nothing rounds, and two ridges behind one scaler."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(2400, 4))
    table = pd.DataFrame(Z, columns=list("abcd")).assign(y=Z @ rng.normal(size=4) + rng.normal(size=2400))
    rest = np.append(np.arange(leave, 400), np.arange(400, 400 + join))
    models = [Ridge().fit(t[list("abcd")], t.y) for t in (table[:400], table.iloc[rest])]
    return *models, table[500:].reset_index(drop=True), table


@pytest.mark.parametrize(("leave", "join"), [(1, 0), (3, 0), (1, 1)])
def test_where_nothing_tests_one_record_it_is_said_and_nothing_promised(leave, join):
    before, after, public, table = continuous(leave, join)
    result = undelete.audit(before, after, public, target="y", n=400)
    untested = check(result, "One record")
    assert (untested.ok, untested.blocking) == (None, True)
    assert result.verdict.word == "NOT DECIDABLE"
    assert "all columns are continuous" in result.verdict.reason
    if (leave, join) == (1, 0):
        known = undelete.audit(before, after, public, target="y", n=400, truth=table[:1])
        assert known.verdict.word == "EXPOSED"


def test_files_that_count_one_less_are_a_test():
    before, after, public, _ = continuous(1, 0)
    names = list("abcd")
    models = [
        undelete.LinearModel(m.coef_, m.intercept_, "squared", names, l2=1.0, n=n)
        for m, n in ((before, 400), (after, 399))
    ]
    result = undelete.audit(*models, public, target="y")
    assert not any(one.name == "One record" for one in result.diagnostics)
    assert result.verdict.word == "EXPOSED"
    twice = [models[0], undelete.LinearModel(after.coef_, after.intercept_, "squared", names, l2=1.0, n=400)]
    assert "Both models were fitted on 400 records" in undelete.audit(*twice, public, target="y").verdict.reason


def leads(make, public, gone, **told):
    """By how much one record explains each of some changes better than two do; None of each that gives none."""
    every = [audited(*make(i), public, "cost", n=N, **told) for i in gone]
    return np.array([one.found["hrec+"].lead_over_two[0] for one in every]), every


def test_one_record_explains_its_change_better_than_two_do_and_worse_that_of_two(halves):
    private, public = halves
    before, gone = fitted(private, LinearRegression(), "cost"), [3, 17, 88, 140, 201, 333, 512, 777]
    one, _ = leads(lambda i: (before, fitted(private.drop(i), LinearRegression(), "cost")), public, gone)
    two, told = leads(lambda i: (before, fitted(private.drop([i, i + 1]), LinearRegression(), "cost")), public, gone)
    joined = public.iloc[:8]
    swap, _ = leads(
        lambda i: (
            before,
            fitted(pd.concat([private.drop(i), joined.iloc[[i % 8]]]), LinearRegression(), "cost"),
        ),
        public,
        gone,
    )
    assert (one > 2).sum() >= 7
    assert (two < 0).sum() >= 5  # the others are two of a kind, or one of them had hardly a residual
    assert (swap < 0).sum() >= 5
    assert all(result.verdict.word == "NOT DECIDABLE" for result, lead in zip(told, two, strict=True) if lead < -1)


def test_that_two_left_and_that_one_joined_are_half_of_two_each(halves, monkeypatch):
    private, public = halves
    pair = [fitted(rows, LinearRegression(), "cost") for rows in (private, private.drop(3))]
    told = {}
    for name, swapped in (("alike", -9.0), ("only two that left", -1e9)):
        monkeypatch.setattr(mixtures, "_pairs", lambda *given, swapped=swapped: -9.0 if given[-1] > 0 else swapped)
        told[name] = leads(lambda _: pair, public, [3])[0][0]
    assert told["only two that left"] - told["alike"] == pytest.approx(np.log(2))


def test_a_number_that_agrees_speaks_for_one_record_and_one_that_does_not_for_two(monkeypatch):
    public = np.ones((4, 1))
    given = Release(LOSSES["logistic"], np.ones((1, 1)), np.ones((1, 1, 1)), public, n=1000)

    def agreement(n, error):
        return _agreement(given, Implied(n, error, float("nan")))

    assert 0.9 < agreement(1000, 0.4) < agreement(1000, 0.3)
    assert agreement(500, 0.3) < 0 < agreement(700, 0.3)
    assert abs(agreement(300, 9.0)) < 0.01  # an error as wide as anything says nothing
    assert agreement(float("nan"), 0.3) == 0
    assert _agreement(replace(given, n=None), Implied(1000, 0.3, 0.0)) == 0
    # two explain the change a little better, and the number decides
    sure = {"codes": np.zeros((1, 1), dtype=int), "probability": np.full((1, 1), 0.95)}
    found = Reconstruction(attack="hrec+", X=np.ones((1, 1)), status=("ok",), lead_over_two=np.array([-0.4]), **sure)
    column = Column("a", "categorical", np.zeros((1, 0)), np.arange(2), np.zeros((2, 0)), np.array([0.5, 0.5]))
    nobody = {"public_codes": np.zeros((4, 1), dtype=int), "public_values": np.full((4, 1), np.nan)}
    seen = replace(given, columns=[column], **nobody)
    for n, tested in ((1000, True), (400, False)):
        monkeypatch.setattr(one_record, "implied", lambda *_, n=n: Implied(n, 0.4, float("nan")))
        names = [one.name for one in one_deletion(seen, found, found, counted=False)]
        assert ("One record" not in names) == tested


def test_where_columns_have_fine_steps_nothing_tells_one_from_two(halves):
    rng = np.random.default_rng(2)
    fine = pd.DataFrame(rng.normal(400, 100, size=(4 * N, 3)).round(), columns=COLUMNS)
    fine["cost"] = fine @ [0.02, -0.01, 0.01] + rng.normal(0, 6, size=4 * N)
    fine["ill"] = "well"
    private, public = fine[:N], fine[N:].reset_index(drop=True)
    before, gone = fitted(private, LinearRegression(), "cost"), [3, 17, 88, 140]
    one, _ = leads(lambda i: (before, fitted(private.drop(i), LinearRegression(), "cost")), public, gone)
    two, told = leads(lambda i: (before, fitted(private.drop([i, i + 1]), LinearRegression(), "cost")), public, gone)
    assert np.abs(np.r_[one, two]).max() < 6
    said = [check(result, "One record") for result, lead in zip(told, two, strict=True) if lead < 0]
    assert all("two records explain it about as well as one" in each.text for each in said)
    assert len(said) > 0


def test_pairs_of_gradients_are_all_that_two_records_can_do():
    rng = np.random.default_rng(3)
    gradients, change = rng.normal(size=(7, 3)), rng.normal(size=3)
    for sign in (1.0, -1.0):
        naive = [
            np.exp(-0.5 * ((change - gradients[i] - sign * gradients[j]) ** 2).sum())
            for i in range(7)
            for j in range(7)
            if i != j
        ]
        assert _pairs(gradients, change, sign) == pytest.approx(np.log(np.mean(naive)))


def test_an_unknown_number_is_estimated_for_a_class_and_asked_for_otherwise(halves):
    private, public = halves
    models = [fitted(t, logistic(), "ill") for t in (private, private.drop(WHO))]
    result = audited(*models, public, "ill")
    assert result.release.n == pytest.approx(N, rel=0.25)
    assert 0 < result.release.n_error < 0.15
    assert result.verdict.word == audited(*models, public, "ill", n=N).verdict.word != "NOT DECIDABLE"
    assert result.setting.model["n"] is None
    number = next(row for row in result.document()["threat_model"] if row["assumption"].startswith("The number"))
    assert not number["known"]
    assert "from the size of the change" in number["detail"]
    said = check(result, "Implied number of records")
    assert said.ok is None
    assert "in the wrong order" in said.text
    numeric = [fitted(t, Ridge(), "cost") for t in (private, private.drop(WHO))]
    asked = audited(*numeric, public, "cost")
    assert asked.verdict.word == "NOT DECIDABLE"
    assert "Give n (n=, --n)" in asked.verdict.reason
    assert audited(*numeric, public, "cost", truth=private.loc[[WHO]]).verdict.word == "EXPOSED"


def test_of_three_classes_of_which_two_are_likely_the_size_says_the_order_or_a_note_that_nothing_does(halves):
    tables = [table.assign(ill=table.ill.where(table.children < 4, "not known")) for table in halves]
    private, public = tables
    before = fitted(private, logistic(C=100.0), "ill")
    nothing = "Nothing in the two files says which of them has the record, and the change is that of one in either."
    for who, told in ((WHO, True), (19, False)):  # who was sick against the odds pulls as hard as one who was well
        after = fitted(private.drop(who), logistic(C=100.0), "ill")
        right, turned = (audited(*pair, public, "ill", n=N) for pair in ((before, after), (after, before)))
        assert right.records.ill[0] == private.ill[who]
        assert any(line.startswith(nothing) for line in right.warnings) is not told
        assert (
            any(line.startswith("The change has the sign of a record that joined") for line in turned.warnings) is told
        )
        if told:
            assert turned.records.ill[0] == private.ill[who]
        else:
            assert any(line.startswith(nothing) for line in turned.warnings)


def test_the_number_that_is_implied_is_off_by_as_much_as_its_error_says():
    table = people(seed=5, size=8000)
    public = table[1200:].reset_index(drop=True)
    errors = []
    for gone in range(40):
        models = [fitted(t, logistic(), "ill") for t in (table[:1200], table[:1200].drop(gone))]
        release = audited(*models, public, "ill", attacks=["hrec"]).release
        errors.append(np.log(release.n / 1200) / release.n_error)
    assert 0.3 < np.sqrt(np.mean(np.square(errors))) < 1.3


@pytest.mark.parametrize(("error", "ok"), [(1.1, None), (0.1, False)])
def test_a_size_that_fits_no_target_is_a_fault_only_where_it_is_known(error, ok):
    g = np.random.default_rng(0)
    release = Release(LOSSES["squared"], np.zeros((2, 1)), np.zeros((1, 2, 1)), g.normal(size=(9, 2)), n=50)
    check = size_check(release, Implied(float("nan"), error, 40.0))
    assert check.ok is ok
    assert "nan" not in check.value + check.text


def test_a_record_that_joined_is_seen_by_the_size_of_the_change_and_comes_back(halves):
    private, public = halves
    seen = 0
    for gone in range(12):
        models = [fitted(t, logistic(), "ill") for t in (private.drop(gone), private)]
        result = audited(*models, public, "ill", n=N - 1)
        left = audited(*models[::-1], public, "ill", n=N)
        assert check(left, "Implied number of records").ok
        assert not left.setting.joined
        if result.setting.joined:
            assert result.release.n == N
            pd.testing.assert_frame_equal(result.records, left.records)
            assert any("the sign of a record that joined" in text for text in result.warnings)
            seen += 1
    assert seen > 6  # where a class is as likely as the other, the change has the same size either way


def test_of_three_classes_the_order_shows_in_the_directions(halves):
    private, public = halves
    third = lambda table: table.assign(  # noqa: E731
        ill=np.where(np.arange(len(table)) % 3 == 0, "unsure", table.ill)
    )
    private, public = third(private), third(public)
    models = [fitted(t, logistic(), "ill") for t in (private.drop(WHO), private)]
    result = audited(*models, public, "ill")
    assert result.setting.joined
    assert "joined between" in result.setting.text
    release = audited(*models[::-1], public, "ill").release
    assert estimated(release)[0] == pytest.approx(N, rel=0.3)
    assert not implied(release, hrec(release, np.random.default_rng(0))).several


def test_weights_are_mentioned_where_a_number_rests_on_them(halves, tmp_path):
    private, public = halves
    weights = np.random.default_rng(0).choice([1.0, 8.0], N)
    models = [
        fitted(t, Ridge(), "cost", scaled=True, ridge__sample_weight=weights[t.index])
        for t in (private, private.drop(WHO))
    ]
    result = audited(*models, public, "cost")
    assert "sample_weight" in result.document()["records"][0]["target"]["note"]
    result.to_html(tmp_path / "report.html")
    assert "sample_weight" in (tmp_path / "report.html").read_text()
    assert "note" in result.document(redact=True)["records"][0]["target"]
    # of a class the size of the change says so
    classes = [fitted(t, logistic(), "ill", sample_weight=weights[t.index]) for t in (private, private.drop(WHO))]
    size = check(audited(*classes, public, "ill", n=N), "Implied number of records")
    assert size.ok is False
    assert "sample_weight" in size.text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda w: np.round(w, 3), "to 3 decimals"),
        (lambda w: np.array([float(f"{v:.3e}") for v in np.ravel(w)]).reshape(np.shape(w)), "to 4 digits"),
        (lambda w: np.float64(np.float32(w)), "to single precision"),
        (lambda w: w, ""),
    ],
)
def test_rounded_coefficients_are_seen(spoil, words, halves):
    private, public = (table.assign(children=50 * table.children) for table in halves)
    models = [fitted(t, Ridge(), "cost") for t in (private, private.drop(WHO))]
    for model in models:
        model.coef_, model.intercept_ = spoil(model.coef_), spoil(model.intercept_)
    result = audited(*models, public, "cost", n=N)
    found = [one for one in result.diagnostics if one.name == "Digits of the coefficients"]
    assert len(found) == bool(words)
    if words:
        assert words in found[0].value
        assert found[0].ok is (words == "to single precision")


@pytest.mark.parametrize("model", [Ridge(1.0), LogisticRegression(tol=1e-8, max_iter=1000)])
def test_a_category_that_no_public_record_has_does_not_spoil_the_others(model):
    """Four private records have it; everybody else who leaves is decoded as if nobody did."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"age": rng.integers(20, 60, N).astype(float), "kind": rng.choice(list("abc"), N)})
    table["sex"] = rng.choice(["f", "m"], N)
    table.loc[:3, "kind"] = "z"
    score = 0.05 * table.age + (table.kind == "b") + 2 * (table.kind == "z") + rng.normal(0, 1, N)
    table["y"] = score.round(1) if isinstance(model, Ridge) else np.where(score > score.median(), "yes", "no")
    own, public, encode = table[: N // 3], table[N // 3 :], OneHotEncoder(sparse_output=False)
    steps = make_column_transformer((StandardScaler(), ["age"]), (encode, ["kind", "sex"]))
    for gone in (10, 11, 12):
        pair = [make_pipeline(clone(steps), clone(model)).fit(t.drop(columns="y"), t.y) for t in (own, own.drop(gone))]
        audit = undelete.audit(*pair, public, target="y", n=len(own), truth=own.loc[[gone]])
        assert audit.verdict.word == "EXPOSED"
        assert audit.right["hrec+"].all()
    without = undelete.audit(*pair, public, target="y", n=len(own))
    assert without.verdict.word == "EXPOSED"  # that the person might have it is no width of the others
    assert without.exposure[0] == pytest.approx(audit.exposure[0], abs=0.1)


def test_the_models_own_words_name_the_cause(halves):
    private, public = halves
    rng = np.random.default_rng(0)
    before, after = (fitted(t, logistic(tol=1e-4), "ill") for t in (private, private.drop(WHO)))
    after.coef_ = after.coef_ + 0.02 * rng.normal(size=after.coef_.shape)
    result = audited(before, after, public, "ill", n=N)
    fit = check(result, "Fits one record")
    assert fit.ok is False
    assert "LogisticRegression was fitted with tol=0.0001" in fit.text
    assert "noised" not in fit.text
    found = result.found["hrec+"]  # its probabilities would be of one record, and there is none that fits
    assert np.isnan(found.probability).all()
    assert np.isnan(found.confidence).all()


def test_a_model_of_more_features_than_records_is_seen():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(4000, 40)).astype(float)
    y = X[:, 0] + rng.normal(size=4000)
    public = pd.DataFrame(X[40:], columns=[f"x{j}" for j in range(40)]).assign(y=y[40:])
    models = [Ridge().fit(X[rows], y[rows]) for rows in (slice(0, 30), slice(1, 30))]
    result = undelete.audit(*models, public, target="y", n=30)
    few = check(result, "Records and features")
    assert few.ok is False
    assert "d > n" in few.text
    assert result.verdict.word == "NOT DECIDABLE"
    short = undelete.audit(*models, public[:300], target="y", n=30)  # also public records are few, which is no news
    assert short.verdict.reason == few.text


def test_what_overflows_has_failed(halves):
    private, public = halves
    release = audited(*(fitted(t, Ridge(), "cost") for t in (private, private.drop(WHO))), public, "cost", n=N)
    found = release.found["hrec+"]
    broken = type(found)(**(vars(found) | {"misfit": np.array([np.nan])}))
    (fit, *_) = one_deletion(release.release, release.found["hrec"], broken, counted=True)
    assert (fit.name, fit.ok) == ("Fits one record", False)


def test_an_embedding_is_a_test_of_its_own():
    release, _, _, _ = play_embedded(deletions=1)
    found = hrec(release, np.random.default_rng(0))
    names = [one.name for one in one_deletion(release, found, found, counted=False)]
    assert "Fits one record" in names
    assert "One record" not in names
