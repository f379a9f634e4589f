"""Answers in place of models: what two scored tables give away, and what is refused."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete.auditing.answers import Answers
from undelete.auditing.old_features import _in_order
from undelete.cli import main
from undelete.errors import InputError

N = 4000
X = ["hours", "grade", "team"]
WHO = 5


def workers(seed):
    """A made-up firm: hours, grades, teams; who stays, how far they live, and how they come."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "hours": rng.integers(10, 60, N),
            "grade": rng.integers(1, 6, N),
            "team": rng.choice(["red", "blue", "green"], N, p=[0.5, 0.3, 0.2]),
        }
    )
    score = (table.hours - 35) / 12 + 0.4 * (table.grade - 3) + (table.team == "red")
    stays = np.where(score + rng.logistic(size=N) > 0, "yes", "no")
    way = np.select([score + rng.logistic(size=N) > 1, rng.random(N) < 0.5], ["car", "train"], "foot")
    return table.assign(stays=stays, pay=2 * score + rng.normal(size=N), way=way)


@cache
def firm():
    return workers(0), workers(1)


def pair(target, who=WHO):
    private, _ = firm()
    last = (
        LinearRegression()
        if target == "pay"
        else LogisticRegression(C=100.0, solver="newton-cholesky" if target == "stays" else "newton-cg", tol=1e-11)
    )
    steps = make_column_transformer((StandardScaler(), X[:2]), (OneHotEncoder(), X[2:]))
    return [clone(make_pipeline(steps, last)).fit(rows[X], rows[target]) for rows in (private, private.drop(who))]


def answers(models, how, digits=None):
    public = firm()[1][X]
    told = {
        "probability": lambda m: m.predict_proba(public)[:, 1],
        "probabilities": lambda m: m.predict_proba(public),
        "decision": lambda m: m.decision_function(public),
        "prediction": lambda m: m.predict(public),
    }[how]
    return [Answers(told(m) if digits is None else np.round(told(m), digits)) for m in models]


def centred(result):
    return result.scores.set_index("score").value["centred_cosine"]


def audited(models, told, target, features=None, **more):
    private, public = firm()
    truth = private.loc[[WHO], [*X, target]]
    return undelete.audit(
        *told, public[[*X, target]], features=models[0] if features is None else features, target=target, truth=truth,
        n=N, attacks=["hrec+"], **more,
    )  # fmt: skip


CASES = [
    ("stays", "probability"), ("stays", "probabilities"), ("stays", "decision"), ("pay", "prediction"),
    ("way", "probabilities"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "how"), CASES)
def test_answers_give_as_much_away_as_the_models(target, how):
    models = pair(target)
    told = audited(models, answers(models, how), target)
    private, public = firm()
    whole = undelete.audit(
        *models, public[[*X, target]], target=target, truth=private.loc[[WHO], [*X, target]], n=N, attacks=["hrec+"]
    )
    assert centred(told) > min(centred(whole), 0.999) - 0.03  # a grade or an hour may be one off
    assert told.records.iloc[0]["team"] == private.team[WHO]
    assert told.release.answer_change is not None
    assert any("written in full" in text for text in told.warnings)


def test_rounding_goes_into_the_error_bars():
    models = pair("stays")  # whose public records are alike in many: answers to those are off alike
    results = [audited(models, answers(models, "probability", digits), "stays") for digits in (None, 5, 3)]
    assert centred(results[1]) > 0.99
    bits = [float(result.found["hrec+"].bits[0]) for result in results]
    assert bits[0] > bits[2] + 0.3
    assert results[2].found["hrec+"].misfit[0] < 2 * results[2].found["hrec+"].misfit_terms
    for result in results[1:]:
        assert any("of the error's variance" in text for text in result.warnings)


def test_coarser_answers_need_more_queries():
    models = pair("stays")
    counts = []
    for digits in (6, 4):
        text = next(
            t for t in audited(models, answers(models, "probability", digits), "stays").warnings if "would be" in t
        )
        counts.append(int(text.split("; ")[1].split()[0].replace(",", "")))
    assert counts[0] < counts[1]


def test_a_few_answers_in_full_do_as_well_as_all():
    models = pair("stays")
    before, after = answers(models, "probability")
    some = np.where(np.arange(N)[:, None] % 40 == 3, after.values, np.nan)
    result = audited(models, [before, Answers(some)], "stays")
    assert centred(result) > 0.999
    assert any("answered 100 of the 4,000" in text for text in result.warnings)
    fewer = np.where(np.arange(N)[:, None] % 2000 == 3, after.values, np.nan)
    open_ = audited(models, [before, Answers(fewer)], "stays")
    assert any("do not settle how the model changed" in text for text in open_.warnings)
    bits = [float(one.found["hrec+"].bits[0]) for one in (open_, result)]
    assert not bits[0] > bits[1] - 1  # nothing is said of the record, or less


@pytest.mark.parametrize("target", ["stays", "pay", "way"])
def test_without_a_model_file_the_features_are_assumed_and_said_to_be(target):
    models = pair(target)
    how = {"stays": "probability", "pay": "prediction", "way": "probabilities"}[target]
    result = audited(models, answers(models, how), target, features="numeric,onehot")
    assert centred(result) > 0.97
    assert any("is assumed" in text for text in result.warnings)
    assert result.records.iloc[0]["team"] == firm()[0].team[WHO]


def test_the_command_reads_scored_tables(tmp_path, capsys):
    models, (private, public) = pair("stays"), firm()
    for name, told in zip(("before", "after"), answers(models, "probability", 5), strict=True):
        pd.DataFrame({"yes": told.values[:, 0]}).to_csv(tmp_path / f"{name}.csv", index=False)
    undelete.save_model(models[0], tmp_path / "before.skops")
    public[[*X, "stays"]].to_csv(tmp_path / "public.csv", index=False)
    scored = ["--answers-before", str(tmp_path / "before.csv"), "--answers-after", str(tmp_path / "after.csv")]
    common = ["audit", "--public", str(tmp_path / "public.csv"), "--target", "stays", "--n", str(N)]
    for what in (["--model", str(tmp_path / "before.skops")], ["--features", "numeric,onehot"]):
        assert main([*common, *scored, *what, "--out", str(tmp_path / "out")]) == 0
        assert "red" in capsys.readouterr().out or private.team[WHO] != "red"
    refused = {
        (): "give two models",
        (*scored[:2], "--features", "numeric,onehot"): "give two models",
        (*scored,): "what the model reads",
        (*scored, "--features", "a,b"): "are not known",
        (*scored, "--features", "numeric,onehot", "--model", "m.skops"): "give one of them",
    }
    for given, message in refused.items():
        assert main([*common, *given, "--out", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err


def test_refusals():
    models = pair("stays")
    public = firm()[1]
    good = answers(models, "probability")

    def audit(before, after, features=models[0], table=public[X]):
        return undelete.audit(before, after, table, features=features, n=N)

    with pytest.raises(InputError, match="answers are not numbers: labels"):
        Answers(np.array(["yes", "no"]))
    with pytest.raises(InputError, match="row 1 is missing in part or infinite"):
        Answers([0.5, np.inf])
    with pytest.raises(InputError, match="every answer is missing"):
        Answers([np.nan, np.nan])
    with pytest.raises(InputError, match="no public record has an answer before and one after"):
        audit(*(Answers(np.where(np.arange(N) % 2 == i, one.values[:, 0], np.nan)) for i, one in enumerate(good)))
    with pytest.raises(InputError, match="digits is -1"):
        Answers([0.5], digits=-1)
    with pytest.raises(InputError, match="4,000 public records"):
        audit(Answers(good[0].values[:10]), good[1])
    with pytest.raises(InputError, match="not the old model's own"):
        audit(Answers(good[0].values[::-1]), good[1])
    with pytest.raises(InputError, match="3 columns and the old model 1 output"):
        audit(*(Answers(np.repeat(one.values, 3, axis=1)) for one in good))
    with pytest.raises(InputError, match="take the place of both models"):
        audit(good[0], models[1])
    with pytest.raises(InputError, match="off by up to"):
        audit(*good, features="numeric,onehot", table=public[["hours", "team"]])
    with pytest.raises(InputError, match="different numbers of columns"):
        audit(good[0], Answers(np.repeat(good[1].values, 2, axis=1)))


def test_the_same_answers_twice_give_nothing_away():
    models = pair("stays")
    told = answers(models, "probability")[0]
    result = audited(models, [told, told], "stays")
    assert result.verdict.word == "NOT DECIDABLE"
    assert result.found["hrec+"].status == ("unchanged",)


def significant(values, digits):
    return np.array([float(f"%.{digits}g" % one) for one in np.ravel(values)]).reshape(values.shape)


WAYS = {
    "4 decimals": lambda v: np.round(v, 4),
    "3 significant digits": lambda v: significant(v, 3),
    "single precision": lambda v: v.astype(np.float32).astype(float),
    "half precision": lambda v: v.astype(np.float16).astype(float),
}


@pytest.mark.parametrize("words", WAYS)
@pytest.mark.parametrize(("target", "how"), [("stays", "probability"), ("pay", "prediction")])
def test_how_answers_were_written_is_seen_and_goes_into_the_error_bars(target, how, words):
    models = pair(target)
    told = [Answers(WAYS[words](one.values)) for one in answers(models, how)]
    assert [one.rounding for one in told] == [words, words]
    truth = [one.values for one in answers(models, how)]
    for one, full in zip(told, truth, strict=True):
        assert (np.abs(one.values - full) <= 0.51 * one.step).all()
        assert (np.abs(one.values - full) > 0.05 * one.step).mean() > 0.8  # no finer than it is
    result = audited(models, told, target)
    assert centred(result) > 0.999
    assert any(f"rounded to {words}" in text for text in result.warnings)


def test_decimals_in_single_precision_are_decimals():
    values = np.round(np.random.default_rng(0).random(500), 3).astype(np.float32).astype(float)
    assert Answers(values).rounding == "3 decimals"
    assert Answers(values, digits=2).rounding == "2 decimals"
    assert Answers(np.random.default_rng(0).random(500)).rounding == ""
    assert Answers([0.0, 1.0, 0.0, 1.0]).rounding == "0 decimals"


def test_few_answers_in_single_precision_are_not_taken_for_exact():
    models = pair("stays")
    some = np.arange(N)[:, None] % 1000 == 3
    open_, full = (
        audited(models, [Answers(np.where(some, way(one.values), np.nan)) for one in answers(models, "probability")],
                "stays")
        for way in (WAYS["half precision"], lambda v: v)
    )  # fmt: skip
    assert not float(open_.found["hrec+"].bits[0]) > float(full.found["hrec+"].bits[0]) - 0.3


def test_a_column_that_numbers_the_rows_is_left_out_and_said_to_be(tmp_path):
    told = answers(pair("stays"), "probability")[0]
    pd.DataFrame({"yes": told.values[:, 0]}).to_csv(tmp_path / "numbered.csv")
    found = undelete.auditing.answers.read_answers(tmp_path / "numbered.csv")
    assert np.array_equal(found.values, told.values)
    assert "numbers the rows" in found.note
    pd.DataFrame({"a": [3, 1, 2], "b": [0.5, 0.25, 1]}).to_csv(tmp_path / "two.csv", index=False)
    assert undelete.auditing.answers.read_answers(tmp_path / "two.csv").values.shape == (3, 2)
    (tmp_path / "signs.csv").write_text("p\n12.3%\n\n4.0 %\n")
    signs = undelete.auditing.answers.read_answers(tmp_path / "signs.csv").values.ravel()
    np.testing.assert_array_equal(signs[np.isfinite(signs)], [12.3, 4.0])


def test_answers_in_per_cent_are_probabilities():
    models = pair("stays")
    shares = answers(models, "probabilities", 4)
    percent = [Answers(np.round(100 * one.values, 2)) for one in shares]
    public = firm()[1][[*X, "stays"]]
    for features in (models[0], "numeric,onehot"):
        as_shares, as_percent = (
            undelete.audit(*both, public, features=features, target="stays", n=N, attacks=("hrec+",))
            for both in (shares, percent)
        )
        np.testing.assert_allclose(as_percent.release.W_after, as_shares.release.W_after, rtol=1e-6)
        assert as_percent.records.equals(as_shares.records)
        assert "The answers are taken as per cent." in as_percent.warnings


@pytest.mark.parametrize("features", ["the model", "numeric,onehot"])
@pytest.mark.parametrize(
    ("target", "form", "words"),
    [("stays", lambda p: p[:, ::-1], "in the order 'yes', 'no'"), ("way", np.log, "taken as logarithms"),
     ("way", lambda p: p[:, [2, 0, 1]], "in the order 'train', 'car', 'foot'"),
     ("stays", lambda p: p[:, :1], "of the first class")],
)  # fmt: skip
def test_probabilities_in_another_form_or_order_tell_the_same(target, form, words, features):
    models = pair(target)
    plain = answers(models, "probabilities")
    others = [Answers(form(one.values)) for one in plain]
    assumed = features == "numeric,onehot"
    one, other = (audited(models, told, target, features if assumed else None) for told in (plain, others))
    np.testing.assert_allclose(other.records.hours, one.records.hours, rtol=1e-6)
    assert other.records[target].tolist() == one.records[target].tolist() == [firm()[0][target][WHO]]
    if not assumed:
        assert any(words in text for text in other.warnings)


def test_what_columns_are_called_says_whose_probabilities_they_are():
    models, classes = pair("way"), ["car", "foot", "train"]
    told = [pd.DataFrame(one.values, columns=[f"p_{c}" for c in classes]) for one in answers(models, "probabilities")]
    told[1] = told[1][["p_train", "p_car", "p_foot"]]
    public = firm()[1][[*X, "way"]].assign(way=np.resize(classes, N))  # which no probability fits
    for given in (told, [told[0][["p_foot", "p_train", "p_car"]], told[1]]):
        found = undelete.audit(*map(Answers, given), public, features="numeric,onehot", target="way", n=N)
        assert found.records.loc[0, "way"] == firm()[0].way[WHO]


def test_classes_are_sorted_as_numbers_where_they_are_numbers():
    shares, targets = np.full((40, 2), 0.5), pd.Series([9, 10] * 20)
    assert _in_order(targets, np.ones(40, dtype=bool), shares, ()) == (9, 10)


def test_whole_per_cent_of_three_classes_are_taken_though_they_sum_to_99():
    percent = [Answers(np.round(100 * one.values)) for one in answers(pair("way"), "probabilities")]
    assert set(percent[0].values.sum(axis=1)) > {99.0, 100.0}
    found = audited(pair("way"), percent, "way", features="numeric,onehot")
    assert "The answers are taken as per cent." in found.warnings


def test_decision_values_alone_do_not_say_their_loss():
    models = pair("stays")
    with pytest.raises(InputError, match="of decision values the loss cannot be assumed"):
        audited(models, answers(models, "decision"), "stays", features="numeric,onehot")
