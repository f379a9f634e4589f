"""Are logistic models decidable as scikit-learn fits them by default? Prints a line for each table and solver.

    python benchmarks/defaults.py

LogisticRegression() with its own tolerance stops early, and what two early stops leave over is as large as what one
record changes. Each logistic and softmax pair of `research_tables`, scaled, the preprocessing kept, is fitted so with
and without one record, and audited without the true record, n given: how many are NOT DECIDABLE, what was said of the
columns, and what was right. Digits and tumours, with too few records for their columns whatever the tolerance, are left
out.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import undelete
from research_tables import Pair, pairs

SOLVERS = ("lbfgs", "liblinear", "newton-cg")
TOO_FEW = ("digits, softmax", "tumours, logistic")


def main() -> None:
    """Print the lines, and the share that is not decidable."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deletions", type=int, default=20, help="for each table and solver (default: 20)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    words: Counter[str] = Counter()
    print(f"{'table, model':<36}{'solver':<11}{'not decidable':>14}{'said':>7}{'right':>7}{'p > .95':>9}{'right':>7}")
    for pair in pairs():
        if pair.model not in ("logistic", "softmax") or pair.name in TOO_FEW:
            continue
        for solver in SOLVERS:
            if solver == "liblinear" and pair.model == "softmax":
                continue  # it has no softmax
            words += played(pair, solver, options.deletions)
    print(f"not decidable: {words['NOT DECIDABLE']} of {words.total()}; {dict(words)}")


def played(pair: Pair, solver: str, deletions: int) -> Counter[str]:
    """Print one line and return its verdicts."""
    X, y, X_public, y_public = pair.split(0)
    encode = FrozenEstimator(pair.estimator()[0].fit(X))
    public = X_public.assign(**{pair.target: y_public})
    before = make_pipeline(encode, LogisticRegression(solver=solver)).fit(X, y)
    words: Counter[str] = Counter()
    said, right = [], []
    for i in np.random.default_rng(1).choice(len(X), deletions, replace=False):
        rest = np.arange(len(X)) != i
        after = make_pipeline(encode, LogisticRegression(solver=solver)).fit(X[rest], y[rest])
        audit = undelete.audit(before, after, public, target=pair.target, n=len(X))
        words[audit.verdict.word] += 1
        for cell in audit.document()["records"][0]["columns"]:
            if cell["probability"] is not None and cell["recovered"] is not None:
                said.append(cell["probability"])
                right.append(bool(cell["recovered"] == X.iloc[i][cell["name"]]))
    sure, hit = np.array(said), np.array(right)
    above = sure > 0.95
    shares = (
        f"{sure.mean():>7.2f}{hit.mean():>7.2f}{above.sum():>9,}{hit[above].mean() if above.any() else np.nan:>7.2f}"
    )
    print(f"{pair.name:<36}{solver:<11}{words['NOT DECIDABLE']:>8} of {deletions:<3}{shares}", flush=True)
    return words


if __name__ == "__main__":
    main()
