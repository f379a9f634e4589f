"""Text beside other columns: the record in raw columns, its words, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete import InputError
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.attacker.told_pull import with_pull
from undelete.auditing.released import read_pair
from undelete.cli import main

N = 900
SURE = {"solver": "newton-cg", "tol": 1e-9, "max_iter": 1000}
KINDS = {"tf-idf": TfidfVectorizer, "counts": CountVectorizer, "hashed": lambda: HashingVectorizer(n_features=2**12)}


@pytest.fixture(scope="module")
def people():
    return reviewers()


def reviewers():
    """1800 people with a review, an age, a score, a city and whether they smoke."""
    rng = np.random.default_rng(3)
    p, words = 1 / np.arange(1, 401), np.array([f"word{j:03d}" for j in range(400)])
    about, tilt = rng.integers(0, 2, 2 * N), np.exp(0.5 * rng.normal(size=(2, 400)))
    table = pd.DataFrame(
        {
            "review": [" ".join(rng.choice(words, 20, p=p * tilt[k] / (p * tilt[k]).sum())) for k in about],
            "age": rng.integers(18, 80, 2 * N),
            "score": np.round(rng.normal(50, 12, 2 * N) + 4 * about, 1),
            "city": rng.choice(["Rome", "Oslo", "Bern", "Kyiv"], 2 * N, p=[0.4, 0.3, 0.2, 0.1]),
            "smoker": rng.choice(["yes", "no"], 2 * N, p=[0.3, 0.7]),
        }
    )
    z = 1.5 * (about - 0.5) + 0.03 * (table.age - 48) + 0.8 * (table.city == "Oslo") - 0.5 * (table.smoker == "yes")
    return table.assign(
        kind=np.where(rng.random(2 * N) < 1 / (1 + np.exp(-z)), "complaint", "order"),
        paid=np.round(z + rng.normal(size=2 * N), 2),
        desk=np.where(z < -0.5, "a", np.where(z < 0.8, "b", "c")),
    )


def columns(text=TfidfVectorizer):
    return ColumnTransformer(
        [
            ("text", text(), "review"),
            ("num", StandardScaler(), ["age", "score"]),
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["city", "smoker"]),
        ]
    )


def pair(people, linear, who, *, target="kind", steps=None, frozen=True):
    train = people[:N].drop(columns=[name for name in ("kind", "paid", "desk") if name != target])
    steps = columns() if steps is None else steps
    steps = FrozenEstimator(clone(steps).fit(train)) if frozen else steps
    model = make_pipeline(steps, linear)
    return (
        [clone(model).fit(rows.drop(columns=target), rows[target]) for rows in (train, train.drop(index=who))],
        people[N:][train.columns].reset_index(drop=True),
        train.loc[[who]],
    )


@pytest.mark.parametrize(
    ("kind", "linear"),
    [
        ("tf-idf", LogisticRegression(**SURE)),
        ("counts", LogisticRegression(C=0.1, class_weight="balanced", **SURE)),
        ("hashed", LogisticRegression(**SURE)),
        ("tf-idf", LinearSVC(C=0.1, tol=1e-9, max_iter=100_000)),
    ],
)
def test_the_record_comes_back_with_its_words(people, kind, linear):
    sure, told = [], 0
    for who in (5, 11):
        models, public, true = pair(people, linear, who, steps=columns(KINDS[kind]))
        found = undelete.audit(*models, public, target="kind", truth=true, n=N, attacks=["hrec+"])
        assert found.records.kind[0] == true.kind.iloc[0]
        p, right = found.found["hrec+"].probability[0], found.right["hrec+"][0]
        sure += right[p >= 0.99].tolist()
        score = found.documents[0]["review"].score(true.review.iloc[0].split())
        assert score["precision"] >= 0.9 or score["told"] == 0
        told += score["told"]
        if found.found["hrec+"].status[0] == "ok":
            low, high = (end[0] for end in found.found["hrec+"].ranges)
            assert (low[:2] <= true[["age", "score"]].to_numpy(float)[0] + 12).all()
            assert (high[:2] >= true[["age", "score"]].to_numpy(float)[0] - 12).all()
        assert found.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    assert told > 10
    assert len(sure) >= 2
    assert all(sure)


def test_a_number_and_several_classes(people):
    models, public, true = pair(people, Ridge(solver="sparse_cg", tol=1e-12), 7, target="paid")
    found = undelete.audit(*models, public, target="paid", truth=true, n=N, attacks=["hrec+"])
    low, high = found.found["hrec+"].target_range
    assert low[0, 0] <= true.paid.iloc[0] <= high[0, 0]
    assert high[0, 0] - low[0, 0] < 3 * people.paid.std()
    models, public, true = pair(people, LogisticRegression(**SURE), 7, target="desk")
    found = undelete.audit(*models, public, target="desk", truth=true, n=N, attacks=["hrec+"])
    assert found.records.desk[0] == true.desk.iloc[0]
    assert found.documents[0]["review"].score(true.review.iloc[0].split())["precision"] >= 0.9


def test_steps_that_were_fitted_anew_say_the_words_and_numbers_exactly(people):
    models, public, true = pair(people, LogisticRegression(**SURE), 5, frozen=False)
    found = undelete.audit(*models, public, target="kind", truth=true, attacks=["hrec+"])
    words = found.documents[0]["review"].table
    assert set(words.word[words.exact]) == set(true.review.iloc[0].split())
    assert found.records.age[0] == true.age.iloc[0]
    assert found.verdict.word == "EXPOSED"
    assert any("words of the deleted record exactly" in text for text in found.warnings)


def test_behind_steps_that_are_asked(people):
    steps = ColumnTransformer(
        [
            ("text", TfidfVectorizer(), "review"),
            ("bins", KBinsDiscretizer(4, encode="onehot", quantile_method="averaged_inverted_cdf"), ["age"]),
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["city", "smoker"]),
        ],
        transformer_weights={"text": 2.0},
    )
    models, public, true = pair(people, LogisticRegression(**SURE), 5, steps=steps)
    found = undelete.audit(*models, public, target="kind", truth=true, n=N, attacks=["hrec+"])
    assert found.records.city[0] == true.city.iloc[0]
    assert found.documents[0]["review"].score(true.review.iloc[0].split())["precision"] >= 0.9


def test_a_pipeline_is_the_sum_of_its_parts(people):
    models, public, _ = pair(people, LogisticRegression(**SURE), 5, steps=columns(CountVectorizer))
    read = from_sklearn(models[0], public, "kind")
    own = models[0].decision_function(public)
    np.testing.assert_allclose(read.decision(public)[:, 0], own, rtol=1e-9)
    assert [one.column for one in read.texts] == ["review"]
    assert "review" not in read.design.raw


@pytest.mark.parametrize("words", [True, False])  # whether they tell it too, or public records alone
@pytest.mark.parametrize(
    ("model", "target"),
    [(LogisticRegression(C=3.0, **SURE), "kind"), (Ridge(alpha=0.3, solver="sparse_cg", tol=1e-12), "paid")],
)
def test_the_pull_is_told_within_its_error(people, model, target, words, monkeypatch):
    """Of models that follow their training records closely: public ones as strangers would say it too large."""
    if not words:
        monkeypatch.setattr("undelete.auditing.beside.with_pull", lambda *given: with_pull(*given[:-1], np.inf))
    off, plain, ratio = [], [], []
    for who in (2, 5, 7, 11, 13, 17, 19, 23, 29, 31):
        models, public, true = pair(people, model, who, target=target)
        found = read_pair(*models, public, target=target, n=N)
        release, z = found.release, found.old.decision(true)[0, 0]
        number = target == "paid"
        true_pull = float(true.paid.iloc[0]) - z if number else (
            float(true.kind.iloc[0] == found.old.classes[1]) - 1 / (1 + np.exp(-z))
        )  # fmt: skip
        t = release.answer_change[0][:, 0]
        told = release.share_error if release.error_told else None
        error = np.sqrt(release.scatter * t.var() if told is None else told[0, 0, -1, -1])
        off.append(((N - 1) / len(public) * t.sum() - true_pull) / error)
        ratio.append((N - 1) / len(public) * t.sum() / true_pull)
        Z, Z_after = (one.decision(public, standing=True) for one in (found.old, found.new))
        r = [release.loss.residual(release.Y_public, one) for one in (Z, Z_after)]
        plain.append((N - 1) / len(public) * float((r[0] - r[1]).sum()) / true_pull)
        if release.own_offsets is None:  # no surer than public texts
            continue
        score = found.old.offsets(true)[0]
        assert abs(release.own_offsets.mean() - score) < 4 * release.own_offsets.std()
    assert np.sqrt(np.mean(np.square(off))) < 1.6
    assert np.median(plain) > 1.2
    assert abs(np.median(ratio) - 1) < 0.15


def test_who_was_deleted_counts_words_and_columns(people):
    models, public, true = pair(people, LogisticRegression(**SURE), 7)
    train = people[:N].drop(columns=["paid", "desk"])
    asked = train[:40].reset_index(drop=True)
    twin = asked.assign(review=train.review[100:140].to_numpy())  # the same columns with other words
    asked = pd.concat([asked, twin], ignore_index=True)
    ranked = undelete.who_was_deleted(*models, public, asked, target="kind", n=N)
    assert ranked.index[0] == 7
    assert ranked.probability.iloc[0] > 0.99
    assert ranked.p_value.iloc[0] > 1e-3
    assert true.index[0] == 7


def test_a_scaled_target_is_in_its_own_unit(people):
    """Of a target that is standardised inside the words' part of the model is scaled as the columns' is."""
    table, paid = people[:N].drop(columns=["kind", "paid", "desk"]), people.paid[:N]
    scaled = TransformedTargetRegressor(Ridge(), transformer=StandardScaler())
    model = make_pipeline(columns(), scaled).fit(table, paid)
    read = from_sklearn(model, people[N:].drop(columns="paid"), None)
    np.testing.assert_allclose(read.decision(people[N:])[:, 0], model.predict(people[N:]), rtol=1e-9)
    assert read.target_map is None


@pytest.mark.parametrize("frozen", [True, False])
def test_each_record_is_left_out_exactly(people, frozen):
    table, kinds = people[:300].drop(columns=["kind", "paid", "desk"]), people.kind[:300]
    steps = columns(lambda: TfidfVectorizer(max_features=30))
    model = make_pipeline(steps, LogisticRegression(solver="newton-cholesky", tol=1e-12))
    model = model.fit(table, kinds) if frozen else model
    found = undelete.leave_one_out(model, table, kinds, [4, 90])
    fitted = model if frozen else clone(model).fit(table, kinds)
    X, own = fitted[:-1].transform(table), clone(fitted[-1])
    for coef, row in zip(found.coef, (4, 90), strict=True):
        rest = np.arange(300) != row
        np.testing.assert_allclose(coef, own.fit(X[rest], kinds[rest]).coef_, atol=1e-7)


def test_membership(people):
    table, kinds = people.drop(columns=["kind", "paid", "desk"]), people.kind
    parts = [part for at in (0, 60, 120) for part in (table[at : at + 60], kinds[at : at + 60])]
    model = make_pipeline(columns(CountVectorizer), LogisticRegression(C=100.0, max_iter=1000))
    assert undelete.membership(model, *parts, shadows=8).auc > 0.6


def test_from_the_command_line(people, tmp_path, capsys):
    models, public, true = pair(people, LogisticRegression(**SURE), 5)
    for name, model in zip(("before", "after"), models, strict=True):
        undelete.save_model(model, tmp_path / f"{name}.skops")
    public.to_csv(tmp_path / "public.csv", index=False)
    true.to_csv(tmp_path / "true.csv", index=False)
    files = [str(tmp_path / name) for name in ("before.skops", "after.skops")]
    given = ["--public", str(tmp_path / "public.csv"), "--target", "kind", "--n", str(N), "--out", str(tmp_path / "a")]
    assert main(["audit", *files, *given, "--truth", str(tmp_path / "true.csv")]) == 0
    shown = capsys.readouterr().out
    assert "words at 90% or more" in shown
    document = json.loads((tmp_path / "a" / "audit.json").read_text())
    (text,) = document["records"][0]["texts"]
    assert text["name"] == "review"
    assert {"word", "probability", "exact", "common", "right"} == set(text["words"][0])
    page = (tmp_path / "a" / "report.html").read_text()
    assert text["words"][0]["word"] in page
    assert main(["audit", *files, *given, "--redact"]) == 0
    hidden = (tmp_path / "a" / "audit.json").read_text() + (tmp_path / "a" / "report.html").read_text()
    assert not any(entry["word"] in hidden + capsys.readouterr().out for entry in text["words"])


def test_refusals(people):
    sure = LogisticRegression(**SURE)
    models, public, _ = pair(people, sure, 5)
    with pytest.raises(InputError, match=r"give n \(n=, --n\) and the target"):
        undelete.audit(*models, public.drop(columns="kind"), n=N)
    with pytest.raises(InputError, match="several people came between models that read text"):
        undelete.audit(*models, public, target="kind", n=N, deleted=2)
    two = make_pipeline(columns(), Ridge()).fit(people[:N].drop(columns=["kind", "desk"]), people[["paid", "age"]][:N])
    with pytest.raises(InputError, match="predicts 2 numbers, to each of which the words"):
        undelete.audit(two, two, people[N:], target=["paid", "age"], n=N)
    steps = make_pipeline(columns(), MaxAbsScaler())
    with pytest.raises(InputError, match="MaxAbsScaler follows the ColumnTransformer"):
        undelete.audit(*pair(people, sure, 5, steps=steps)[0], public, target="kind", n=N)
    twice = ColumnTransformer([("a", TfidfVectorizer(), "review"), ("b", CountVectorizer(), "review")])
    with pytest.raises(InputError, match="is read as text by 'a' and once more by 'b'"):
        undelete.audit(*pair(people, sure, 5, steps=twice)[0], public, target="kind", n=N)
    alone = ColumnTransformer([("a", TfidfVectorizer(), "review")])
    with pytest.raises(InputError, match="reads no column but text"):
        undelete.audit(*pair(people, sure, 5, steps=alone)[0], public, target="kind", n=N)
    passes = SGDClassifier(loss="log_loss", random_state=0)
    with pytest.raises(InputError, match=r"SGDClassifier (had not converged|stops after some passes)"):
        undelete.audit(*pair(people, passes, 5)[0], public, target="kind", n=N)
    with pytest.raises(InputError, match="no column 'review'"):
        undelete.audit(*models, public.drop(columns="review"), target="kind", n=N)


def test_two_models_that_read_other_columns_as_text_are_refused(people):
    other = people.assign(note=people.review)
    one = make_pipeline(columns(), LogisticRegression()).fit(other[:N].drop(columns=["kind"]), other.kind[:N])
    steps = ColumnTransformer(
        [
            ("text", TfidfVectorizer(), "note"),
            ("num", StandardScaler(), ["age", "score"]),
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["city", "smoker"]),
        ]
    )
    two = make_pipeline(steps, LogisticRegression()).fit(other[1:N].drop(columns=["kind"]), other.kind[1:N])
    with pytest.raises(InputError, match="differ in their columns of text"):
        undelete.audit(one, two, other[N:], target="kind")
