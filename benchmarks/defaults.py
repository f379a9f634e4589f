"""Are logistic models decidable as scikit-learn fits them by default? Prints a line for each table and solver.

    python benchmarks/defaults.py

LogisticRegression() with its own tolerance stops early, and what two early stops leave over is as large as what one
record changes. Each logistic and softmax pair of `research_tables`, scaled, the preprocessing kept, is fitted so with
and without one record, and audited without the true record, n given: how many are NOT DECIDABLE, what was said of the
columns, and what was right. The same models fitted to the optimum stand above: what is not decidable of those is not
for the early stop. Digits and tumours, with too few records for their columns whatever the tolerance, are left
out. Columns as they are, unscaled, stand below: with the 100 iterations of the default, and with 1,000.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import undelete
from research_tables import Pair, pairs

TOO_FEW = ("digits, softmax", "tumours, logistic")


@dataclass(frozen=True)
class Way:
    """How models are fitted: the solver, its limit of iterations, tolerance, and whether numbers are scaled."""

    solver: str
    most: int = 100
    scaled: bool = True
    tol: float = 1e-4

    def __str__(self) -> str:
        if self.tol < 1e-4:
            return f"{self.solver}, tol={self.tol:g}"
        return self.solver if self.scaled else f"{self.solver}, unscaled, max_iter={self.most:,}"

    def model(self) -> LogisticRegression:
        """Return the unfitted model."""
        return LogisticRegression(solver=self.solver, max_iter=self.most, tol=self.tol)


SCALED = tuple(Way(solver) for solver in ("lbfgs", "liblinear", "newton-cg"))
CONVERGED = (Way("newton-cg", 10_000, tol=1e-10),)
UNSCALED = tuple(Way("lbfgs", most, scaled=False) for most in (100, 1000))


def main() -> None:
    """Print the lines, and the share that is not decidable."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deletions", type=int, default=20, help="for each table and solver (default: 20)")
    parser.add_argument("--unscaled", action="store_true", help="the unscaled ones alone")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    head = f"{'table, model':<36}{'solver':<33}{'not decidable':>14}{'said':>7}{'right':>7}{'p > .95':>9}{'right':>7}"
    for ways in [UNSCALED] if options.unscaled else [CONVERGED, SCALED, UNSCALED]:
        print(head)
        words: Counter[str] = Counter()
        for pair in pairs():
            if pair.model not in ("logistic", "softmax") or pair.name in TOO_FEW:
                continue
            for way in ways:
                if way.solver == "liblinear" and pair.model == "softmax":
                    continue  # it has no softmax
                words += played(pair, way, options.deletions)
        print(f"not decidable: {words['NOT DECIDABLE']} of {words.total()}; {dict(words)}")


def played(pair: Pair, way: Way, deletions: int) -> Counter[str]:
    """Print one line and return its verdicts."""
    X, y, X_public, y_public = pair.split(0)
    encoder = pair.estimator()[0]
    if not way.scaled:
        words_only = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        encoder = make_column_transformer(
            (words_only, make_column_selector(dtype_exclude=np.number)), remainder="passthrough"
        )
    encode = FrozenEstimator(encoder.fit(X))
    public = X_public.assign(**{pair.target: y_public})
    before = make_pipeline(encode, way.model()).fit(X, y)
    words: Counter[str] = Counter()
    said, right = [], []
    for i in np.random.default_rng(1).choice(len(X), deletions, replace=False):
        rest = np.arange(len(X)) != i
        after = make_pipeline(encode, way.model()).fit(X[rest], y[rest])
        audit = undelete.audit(before, after, public, target=pair.target, n=len(X))
        words[audit.verdict.word] += 1
        for cell in audit.document()["records"][0]["columns"]:
            if cell["probability"] is not None and cell["recovered"] is not None:
                said.append(cell["probability"])
                right.append(bool(cell["recovered"] == X.iloc[i][cell["name"]]))
    sure, hit = np.array(said), np.array(right)
    above = sure > 0.95
    if not sure.size:
        sure = hit = np.full(1, np.nan)
    shares = (
        f"{sure.mean():>7.2f}{hit.mean():>7.2f}{above.sum():>9,}{hit[above].mean() if above.any() else np.nan:>7.2f}"
    )
    print(f"{pair.name:<36}{way!s:<33}{words['NOT DECIDABLE']:>8} of {deletions:<3}{shares}", flush=True)
    return words


if __name__ == "__main__":
    main()
