"""Deletions of text beside other columns, played: each as the audit of two fits says, scored, and what is refused."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import HuberRegressor, Lasso, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import undelete
from tests.models.test_text_beside import SURE, columns, reviewers
from undelete import InputError
from undelete.attacker.hrec_plus import hrec_plus
from undelete.cli import main
from undelete.release.release import Release

N = 400


@pytest.fixture(scope="module")
def tables():
    whole = reviewers()
    return whole[:N], whole[900 : 900 + N].reset_index(drop=True)


def game(tables, linear, target="kind", text=TfidfVectorizer):
    """Return what `simulate` takes, the pipeline not fitted."""
    others = [name for name in ("kind", "paid", "desk") if name != target]
    (X, y), (X_public, y_public) = ((t.drop(columns=[*others, target]), t[target]) for t in tables)
    return make_pipeline(columns(text), linear), X, y, X_public, y_public


@pytest.mark.parametrize(
    ("linear", "target"),
    [
        (LogisticRegression(**SURE), "kind"),
        (LogisticRegression(**SURE), "desk"),
        (LogisticRegression(class_weight="balanced", C=0.3, **SURE), "kind"),
        (Ridge(solver="sparse_cg", tol=1e-13), "paid"),
    ],
)
def test_each_deletion_is_what_an_audit_of_two_fits_says(tables, linear, target):
    model, X, y, X_public, y_public = game(tables, linear, target)
    rows = np.array([5, 7, 11])
    played = undelete.simulate(model, X, y, X_public, y_public, deletions=rows, attacks=["hrec+"])
    fit = make_pipeline(FrozenEstimator(clone(model[0]).fit(X)), linear)
    before, public = clone(fit).fit(X, y), X_public.assign(**{target: y_public})
    found = played.found["hrec+"]
    for i, row in enumerate(rows):
        after = clone(fit).fit(X.drop(index=row), y.drop(index=row))
        one = undelete.audit(before, after, public, target=target, n=N, deleted=1, attacks=["hrec+"])
        alone = one.found["hrec+"]
        assert found.status[i] == alone.status[0]
        likely = alone.probability[0] > 0.2  # of numbers that are about as probable as the next either may be first
        np.testing.assert_array_equal(found.codes[i][likely], alone.codes[0][likely])
        np.testing.assert_allclose(found.probability[i], alone.probability[0], atol=0.02)
        np.testing.assert_allclose(found.values[i][likely], alone.values[0][likely], rtol=0.01)
        np.testing.assert_allclose(found.target[i], alone.target[0], rtol=0.01)
        if found.target_range is not None:
            np.testing.assert_allclose(found.target_range[0][i], alone.target_range[0][0], rtol=0.05)
        words, told = (audit.documents[k]["review"].table for audit, k in ((played, i), (one, 0)))
        told = dict(zip(told.word, told.probability, strict=True))
        assert len(words) > 3
        for word, p in zip(words.word, words.probability, strict=True):
            assert abs(told.get(word, 0.5) - p) < 0.02
        assert set(played.documents[i]["review"].true) == set(X.review[row].split())


def test_columns_and_words_are_scored(tables):
    told = []
    played = undelete.simulate(
        *game(tables, LogisticRegression()), deletions=4, attacks=["hrec+", "avg", "maxdiff", "informed"],
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    p, right = played.found["hrec+"].probability, played.right["hrec+"]
    assert (p >= 0.99).sum() >= 4
    assert right[p >= 0.99].all()
    assert played.right["informed"].all()
    document = played.document()
    (row,) = document["words"]
    assert row["column"] == "review"
    assert row["deletions"] == 4
    assert row["told"] > 3
    assert row["precision"] > 0.9
    sure = [set(one["review"].sure) for one in played.documents]
    own = [set(text.split()) for text in tables[0].review.iloc[played.truth.rows]]
    assert row["told"] == np.mean([len(one) for one in sure])
    assert row["recovered"] == np.median([len(a & b) / len(b) for a, b in zip(sure, own, strict=True)])
    assert "TfidfVectorizer" in " ".join(played.warnings)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (4 * 6, 4 * 6)


def test_a_deletion_that_changes_nothing_tells_no_word(tables):
    model, X, y, X_public, y_public = game(tables, LinearSVC(C=1.0, tol=1e-9, max_iter=100_000))
    fitted = clone(model).fit(X, y)
    margin = np.where(y == fitted.classes_[1], 1, -1) * fitted.decision_function(X)
    far, near = int(margin.argmax()), int(margin.argmin())
    assert margin[far] > 1
    played = undelete.simulate(model, X, y, X_public, y_public, deletions=[far, near], attacks=["hrec+"])
    first, second = played.found["hrec+"].status
    assert first == "unchanged"
    assert second != "unchanged"
    unchanged, changed = (one["review"] for one in played.documents)
    assert not len(unchanged.table)
    assert len(changed.table)
    assert any("Of 1 of 2 deletions no word is told" in text for text in played.warnings)


def test_words_that_are_hashed(tables):
    model, *given = game(tables, LogisticRegression(), text=lambda: HashingVectorizer(n_features=2**9))
    played = undelete.simulate(model, *given, deletions=2, attacks=["hrec+"])
    assert played.document()["words"][0]["precision"] > 0.8
    found = undelete.leave_one_out(model, *given[:2], [3])
    assert found.coef.shape == (1, 1, 2**9 + 8)


def test_who_has_the_exported_release_alone_says_the_same(tables, tmp_path):
    played = undelete.simulate(
        *game(tables, Ridge(), "paid"), deletions=[5, 8], attacks=["hrec+"]
    )  # numbers, over the offsets of each record's own words
    played.release.save(tmp_path / "release.npz")
    again = hrec_plus(Release.load(tmp_path / "release.npz"), np.random.default_rng(0))
    found = played.found["hrec+"]
    np.testing.assert_allclose(again.probability, found.probability)
    np.testing.assert_allclose(again.target_range, found.target_range)
    apart = [hrec_plus(played.release.take(slice(i, i + 1)), np.random.default_rng(0)) for i in (0, 1)]
    np.testing.assert_allclose([one.target_low[0] for one in apart], found.target_low)


def test_of_a_search_the_best_pipeline_is_played(tables):
    model, *given = game(tables, LogisticRegression())
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0]}, cv=2).fit(*given[:2])
    one, other = (
        undelete.simulate(m, *given, deletions=[4], attacks=["hrec+"]) for m in (search, search.best_estimator_)
    )
    np.testing.assert_allclose(one.found["hrec+"].probability, other.found["hrec+"].probability)


def test_from_the_command_line(tables, tmp_path, capsys):
    model, X, y, X_public, y_public = game(tables, LogisticRegression())
    undelete.save_model(model.fit(X, y), tmp_path / "model.skops")
    X.assign(kind=y).to_csv(tmp_path / "train.csv", index=False)
    X_public.assign(kind=y_public).to_csv(tmp_path / "public.csv", index=False)
    given = ["simulate", str(tmp_path / "model.skops"), "--train", str(tmp_path / "train.csv"), "--target", "kind"]
    given += ["--public", str(tmp_path / "public.csv"), "--deletions", "2", "--out", str(tmp_path / "out")]
    assert main(given) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "words a record are told at 90% or more" in shown
    assert "city + smoker + review" in shown
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    words = [entry["word"] for record in document["records"] for entry in record["texts"][0]["words"]]
    page = (tmp_path / "out" / "report.html").read_text()
    assert words
    assert all(word in page for word in words)
    assert "words a record are told" in page
    assert main([*given, "--redact"]) == 0
    hidden = "".join((tmp_path / "out" / name).read_text() for name in ("audit.json", "report.html"))
    assert not any(word in hidden + capsys.readouterr().out for word in words)


def test_what_memory_it_takes_is_said_before(tables, monkeypatch):
    monkeypatch.setattr("undelete.auditing.written_out.free_memory", lambda: 1_000_000)
    with pytest.raises(InputError, match=r"the words of 400 records become columns of a dense table of 4\d\d, and"):
        undelete.simulate(*game(tables, LogisticRegression()), deletions=2)


def test_refusals(tables):
    model, *given = game(tables, LogisticRegression())
    with pytest.raises(InputError, match="without columns of text: leave out the text, or group"):
        undelete.simulate(model, *given, group=2, deletions=2)
    with pytest.raises(InputError, match="leave out sample_weight, offset and exposure"):
        undelete.simulate(model, *given, sample_weight=np.ones(N), deletions=2)
    with pytest.raises(InputError, match="told by the public targets: give y_public"):
        undelete.simulate(model, *given[:3], deletions=2)
    for linear, target, text in (
        (Lasso(alpha=0.01), "paid", "holds words at zero by an l1 penalty"),
        (HuberRegressor(alpha=10.0, max_iter=20_000), "paid", "a scale that each fit finds anew"),
    ):
        with pytest.raises(InputError, match=text):
            undelete.simulate(*game(tables, linear, target), deletions=2)
    model, X, y, X_public, y_public = game(tables, Ridge(), "paid")
    two = [
        table.assign(age=other.age)[["age", "paid"]]
        for table, other in ((y.to_frame(), X), (y_public.to_frame(), X_public))
    ]
    with pytest.raises(InputError, match="predicts 2 numbers"):
        undelete.simulate(model, X, two[0], X_public, two[1], deletions=2)
    with pytest.raises(InputError, match="defences are not played of it"):
        undelete.protect(model, X, y, X_public, y_public, deletions=2)
