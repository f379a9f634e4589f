"""Words of a deleted document, from two models of text and public documents."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete import InputError, deleted_words
from undelete.adapters.sklearn.text import read_text
from undelete.attacker.documents import _posterior
from undelete.attacker.word_errors import Noise
from undelete.attacker.word_sizes import Sizes
from undelete.cli import main

N = 900
SURE = {"solver": "newton-cg", "tol": 1e-9, "max_iter": 1000}


@pytest.fixture(scope="module")
def letters():
    """1800 letters of words that are used as often as words are, half of them about one thing, half about another."""
    rng = np.random.default_rng(3)
    p = 1 / np.arange(1, 601)
    words = np.array([f"word{j:03d}" for j in range(600)])
    about = rng.integers(0, 2, 2 * N)
    tilt = np.exp(0.5 * rng.normal(size=(2, 600)))
    texts = []
    for kind in about:
        own = p * tilt[kind]
        texts.append(" ".join(rng.choice(words, 25, p=own / own.sum())))
    return texts, np.where(about == 1, "complaint", "order")


def fitted(steps, linear, letters, who=None):
    texts, kinds = letters
    rows = [row for row in range(N) if row != who]
    return make_pipeline(clone(steps), linear).fit([texts[row] for row in rows], kinds[rows])


def told(steps, linear, letters, who):
    texts, kinds = letters
    pair = [fitted(steps, linear(), letters, gone) for gone in (None, who)]
    return deleted_words(*pair, texts[N:], kinds[N:], n=N)


@pytest.mark.parametrize(
    ("make", "linear"),
    [
        (TfidfVectorizer, lambda: LogisticRegression(**SURE)),
        (CountVectorizer, lambda: LogisticRegression(C=0.1, class_weight="balanced", **SURE)),
        (TfidfVectorizer, lambda: RidgeClassifier(solver="sparse_cg", tol=1e-12)),
        (TfidfVectorizer, lambda: OneVsRestClassifier(LogisticRegression(**SURE))),
    ],
)
def test_behind_a_fixed_vectoriser_words_come_back_with_the_class(letters, make, linear):
    texts, kinds = letters
    kept = FrozenEstimator(make().fit(texts[:N]))
    hits, said, there = 0, 0, 0
    for who in (1, 5, 9):
        found, own = told(kept, linear, letters, who), set(texts[who].split())
        hits += len(own & set(found.sure))
        said, there = said + len(found.sure), there + len(own)
        assert found.label in (None, kinds[who])
    assert said
    assert hits / said >= 0.9
    assert hits / there >= 0.5
    assert found.score(texts[who].split())["precision"] >= 0.7
    assert f"{len(found.sure)} surely" in str(found)


def test_hashed_words_are_found_among_public_ones(letters):
    texts, _ = letters
    found = told(HashingVectorizer(n_features=2**14), lambda: LogisticRegression(**SURE), letters, 5)
    assert found.score(texts[5].split())["precision"] >= 0.9
    assert found.score(texts[5].split())["recovered"] >= 0.3


def test_of_hashed_features_only_those_that_a_word_can_be_said_of_are_weighed(letters, monkeypatch):
    weighed = []
    spy = undelete.auditing.words_told.words
    monkeypatch.setattr(
        undelete.auditing.words_told, "words", lambda X, *more: weighed.append(X.shape[1]) or spy(X, *more)
    )
    found = told(HashingVectorizer(n_features=2**16), lambda: LogisticRegression(**SURE), letters, 5)
    assert found.score(letters[0][5].split())["precision"] >= 0.9
    assert found.sure
    assert max(weighed) <= 600  # the words that there are


def test_a_vectoriser_that_was_fitted_anew_says_the_words_itself(letters):
    texts, _ = letters
    found = told(TfidfVectorizer(), lambda: LogisticRegression(**SURE), letters, 5)
    assert set(found.table.word[found.table.exact]) == set(texts[5].split())
    assert any("say" in note and "exactly" in note for note in found.notes)


def test_a_fit_that_stopped_early_says_nothing_it_cannot_know(letters):
    texts, _ = letters
    kept = FrozenEstimator(TfidfVectorizer().fit(texts[:N]))
    found = [told(kept, lambda: LogisticRegression(tol=1e-3), letters, who) for who in (1, 5)]
    wrong = [set(one.sure) - set(texts[who].split()) for one, who in zip(found, (1, 5), strict=True)]
    assert sum(map(len, wrong)) <= 1
    with pytest.warns(ConvergenceWarning):
        stopped = [fitted(kept, LogisticRegression(max_iter=2), letters, who) for who in (None, 5)]
    with pytest.raises(InputError, match="does not say how near the optimum it stopped"):
        deleted_words(*stopped, texts[N:], letters[1][N:], n=N)


def test_sizes_are_those_of_words_and_documents():
    rng = np.random.default_rng(0)
    word, document = rng.normal(size=30), 0.3 * rng.normal(size=400)
    there = rng.random((400, 30)) < 0.4
    X = np.where(there, np.exp(document[:, None] + word), 0.0)
    sizes = Sizes.of(undelete.auditing.documents.sp.csr_array(X))
    np.testing.assert_allclose(sizes.word - sizes.word.mean(), word - word.mean(), atol=0.02)
    assert np.abs(sizes.rest).max() < 0.05


def test_from_the_command_line(letters, tmp_path, capsys):
    texts, kinds = letters
    kept = FrozenEstimator(TfidfVectorizer().fit(texts[:N]))
    for name, who in (("before", None), ("after", 5)):
        undelete.save_model(fitted(kept, LogisticRegression(**SURE), letters, who), tmp_path / f"{name}.skops")
    pd.DataFrame({"letter": texts[N:], "kind": kinds[N:]}).to_csv(tmp_path / "public.csv", index=False)
    files = [str(tmp_path / name) for name in ("before.skops", "after.skops")]
    given = ["--public", str(tmp_path / "public.csv"), "--target", "kind", "--n", str(N)]
    assert main(["words", *files, *given, "--out", str(tmp_path / "words")]) == 0
    shown = capsys.readouterr().out
    assert "words are told with a probability of .9 or more" in shown
    assert set(pd.read_csv(tmp_path / "words" / "words.csv").columns) == {"word", "probability", "exact", "common"}
    assert main(["audit", *files, *given, "--out", str(tmp_path / "audit")]) == 2
    assert "undelete words" in capsys.readouterr().err


def test_what_if_documents_were_deleted(letters, tmp_path, capsys):
    texts, kinds = letters
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(**SURE))
    found = undelete.simulate_words(model, texts[:N], kinds[:N], texts[N:], kinds[N:], deletions=3, rng=1)
    assert str(found).startswith(f"<PlayedDocuments: 3 deletions of {N} documents")
    assert (found.table.words > 5).all()
    assert (found.table.right <= found.table.told).all()
    assert found.summary["precision"] >= 0.9
    assert found.summary["recovered"] >= 0.5
    row = int(found.table.row[0])
    steps = FrozenEstimator(TfidfVectorizer().fit(texts[:N]))
    one = told(steps, lambda: LogisticRegression(**SURE), letters, row)
    assert len(set(one.sure) & set(texts[row].split())) == found.table.right[0]
    for name, part in (("train", slice(0, N)), ("public", slice(N, None))):
        pd.DataFrame({"letter": texts[part], "kind": kinds[part]}).to_csv(tmp_path / f"{name}.csv", index=False)
    undelete.save_model(model.fit(texts[:N], kinds[:N]), tmp_path / "model.skops")
    words = ["words", str(tmp_path / "model.skops"), "--public", str(tmp_path / "public.csv"), "--target", "kind",
             "--out", str(tmp_path / "out")]  # fmt: skip
    assert main([*words, "--train", str(tmp_path / "train.csv"), "--deletions", "2", "--refit"]) == 0
    shown = capsys.readouterr().out
    assert "2 of 900 documents deleted, one at a time" in shown
    assert "of 2 documents the files say words themselves" in shown
    assert len(pd.read_csv(tmp_path / "out" / "deletions.csv")) == 2
    assert main(words) == 2
    assert "give two models and --n, or one model and --train" in capsys.readouterr().err


@pytest.mark.parametrize("vectoriser", [TfidfVectorizer(max_features=40), HashingVectorizer(n_features=32)])
def test_each_document_is_left_out_exactly(letters, vectoriser):
    texts, kinds = letters[0][:300], letters[1][:300]
    model = make_pipeline(vectoriser, LogisticRegression(solver="newton-cholesky", tol=1e-12)).fit(texts, kinds)
    found = undelete.leave_one_out(model, texts, kinds, [4, 90])
    X, own = model[:-1].transform(texts), clone(model[-1])
    for coef, row in zip(found.coef, (4, 90), strict=True):
        rest = np.arange(300) != row
        np.testing.assert_allclose(coef, own.fit(X[rest], kinds[rest]).coef_, atol=1e-7)
    assert undelete.leave_one_out(clone(model), texts, kinds, [4]).coef.shape == (1, *own.coef_.shape)  # fitted here


def test_membership_of_documents(letters):
    texts, kinds = letters
    parts = [part for at in (0, 60, 120) for part in (texts[at : at + 60], kinds[at : at + 60])]
    model = make_pipeline(CountVectorizer(), LogisticRegression(C=100.0))
    assert undelete.membership(model, *parts, shadows=8).auc > 0.65  # hundreds of words, sixty letters
    with pytest.raises(InputError, match="give its records as a list of documents"):
        undelete.membership(model, pd.DataFrame({"a": [1, 2], "b": [3, 4]}), [0, 1], *parts[2:])


def test_refusals_of_what_if(letters):
    texts, kinds = letters
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=2))
    with pytest.raises(InputError, match="does not say how near the optimum it stopped"):
        undelete.simulate_words(model, texts[:99], kinds[:99], texts[N:], kinds[N:], deletions=1)
    with pytest.raises(InputError, match="is no Pipeline of a vectoriser"):
        undelete.simulate_words(LogisticRegression(), texts[:99], kinds[:99], texts[N:], kinds[N:])
    with pytest.raises(InputError, match="99 documents and 98 targets"):
        undelete.simulate_words(model, texts[:99], kinds[:98], texts[N:], kinds[N:])


def test_refusals(letters):
    texts, kinds = letters
    mixed = make_pipeline(TfidfVectorizer(), TruncatedSVD(5), LogisticRegression()).fit(texts[:99], kinds[:99])
    with pytest.raises(InputError, match="TruncatedSVD makes dense features of documents"):
        deleted_words(mixed, mixed, texts[N:], kinds[N:], n=99)
    numbers = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(InputError, match="does not start with a vectoriser of text"):
        deleted_words(numbers, numbers, texts[N:], kinds[N:], n=99)
    table = pd.DataFrame({"text": texts[:99]})
    beside = make_pipeline(ColumnTransformer([("words", CountVectorizer(), "text")]), LogisticRegression())
    beside.fit(table, kinds[:99])
    with pytest.raises(InputError, match="undelete audit reads it, and tells the words of its columns of text"):
        deleted_words(beside, beside, texts[N:], kinds[N:], n=99)
    plain = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts[:99], kinds[:99])
    with pytest.raises(InputError, match="1 public documents and 2 targets"):
        deleted_words(plain, plain, texts[:1], kinds[:2], n=99)
    with pytest.raises(InputError, match="n is 0: it is the number of training documents"):
        deleted_words(plain, plain, texts[N:], kinds[N:], n=0)


def test_what_reads_tables_names_what_reads_text(letters):
    texts, kinds = letters
    model = fitted(TfidfVectorizer(), LogisticRegression(), letters)
    one = pd.DataFrame({"text": texts})
    for records in (one, one.text, texts):
        with pytest.raises(InputError, match=r"undelete\.simulate_words"):
            undelete.simulate(model, records[:N], kinds[:N], records[N:], kinds[N:], deletions=2)
    beside = ColumnTransformer([("words", TfidfVectorizer(), "text"), ("long", StandardScaler(), ["long"])])
    mixed = make_pipeline(beside, LogisticRegression())
    table = one.assign(long=one.text.str.len())
    pair = [clone(mixed).fit(table.iloc[rows], kinds[rows]) for rows in (slice(0, N), slice(1, N))]
    said = undelete.scan(*pair).table
    assert set(said.value[said.kind == "word"]) == set(texts[0].split())
    assert said.value[said.column == "long"].iloc[0] == pytest.approx(len(texts[0]))


@pytest.mark.parametrize(
    "steps", [(TfidfVectorizer(norm="l1", sublinear_tf=True),), (CountVectorizer(), TfidfTransformer())]
)
def test_words_that_no_training_document_has_shorten_a_public_one_as_rare_ones_do(letters, steps):
    texts, kinds = letters
    pipeline = make_pipeline(*map(clone, steps), LogisticRegression()).fit(texts[:N], kinds[:N])
    public = ["word000 word001 nobody nobody else", "word003", "nothing known"]
    lengthened = [*texts[:N], "nobody", "else"]  # two documents more, each of which alone has such a word
    theirs = make_pipeline(*map(clone, steps)).fit(lengthened)
    known = [name.startswith("word") for name in theirs[0].get_feature_names_out()]
    found = read_text(pipeline).features(public, standing=True).toarray()
    np.testing.assert_allclose(found, theirs.transform(public).toarray()[:, known], rtol=5e-3)
    few = make_pipeline(TfidfVectorizer(min_df=2), LogisticRegression()).fit(texts[:N], kinds[:N])
    np.testing.assert_array_equal(
        read_text(few).features(public, standing=True).toarray(), few[:-1].transform(public).toarray()
    )


def test_words_of_another_document_that_shares_a_rare_word_are_not_surely_the_deleted_one_s():
    y = np.array([0.3, 0.2, *[-0.4] * 3])  # two of the deleted document, and three that made up for one of them
    noise = Noise(np.array([0.03, 0.03, *[1e-4] * 3]), heavy=False)
    sizes = Sizes(np.zeros(5), np.zeros(1), np.array([-0.1, 0.0, 0.1]), np.ones(5))
    frequency, flat = np.array([0.02, 0.02, *[2e-4] * 3]), np.zeros(6)
    scale = np.array([0.3, 0.4, 0.5, -0.3, -0.38, -0.41])
    found = _posterior(y, noise, frequency, sizes, scale, flat, np.ones(1))
    assert (found.probability[2:] < 0.95).all()
    sure = _posterior(y, noise, frequency, sizes, scale, np.where(scale > 0, -30.0, 0.0), np.ones(1))
    assert (sure.probability[2:] > 0.95).all()  # where the intercept says the side


@pytest.mark.parametrize("refit", [False, True])
def test_who_was_deleted_of_documents(letters, refit, tmp_path, capsys):
    texts, kinds = letters
    steps = TfidfVectorizer() if refit else FrozenEstimator(TfidfVectorizer().fit(texts[:N]))
    pair = [fitted(steps, LogisticRegression(class_weight="balanced", **SURE), letters, who) for who in (None, 7)]
    table = pd.DataFrame({"letter": texts, "kind": kinds, "day": np.arange(2 * N) % 7})
    public, people = table[N:], table[:60].assign(letter=[*texts[:20], *texts[:40]])
    ranked = undelete.who_was_deleted(*pair, public, people, target="kind", text="letter", n=N)
    assert set(ranked.index[:2]) == {7, 27}  # the same text twice
    assert ranked.probability.iloc[:2].sum() > 0.99
    assert ranked.p_value.iloc[0] > 0.01
    with pytest.raises(InputError, match="has 2 columns besides the target"):
        undelete.who_was_deleted(*pair, public, people, target="kind", n=N)
    with pytest.raises(InputError, match="candidates have no column 'kind'"):
        undelete.who_was_deleted(*pair, public, people[["letter"]], target="kind", text="letter", n=N)
    with pytest.raises(InputError, match="of models of text one document left"):
        undelete.who_was_deleted(*pair, public, people, target="kind", text="letter", n=N, joined=1)
    if refit:
        return
    files = {"public.csv": public, "people.csv": people}
    for name, one in files.items():
        one.to_csv(tmp_path / name, index=False)
    for name, one in zip(("before", "after"), pair, strict=True):
        undelete.save_model(one, tmp_path / f"{name}.skops")
    arguments = ["words", str(tmp_path / "before.skops"), str(tmp_path / "after.skops"), "--target", "kind", "--text"]
    arguments += ["letter", "--public", str(tmp_path / "public.csv"), "--candidates", str(tmp_path / "people.csv")]
    assert main([*arguments, "--n", str(N), "--out", str(tmp_path / "out")]) == 0
    assert "60 candidates; given that one of them was deleted" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "out" / "candidates.csv").row[0] in (7, 27)
