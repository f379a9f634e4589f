"""Refitted pipelines: what comes back when everything is refitted without the person; the table of maths (20).

    python benchmarks/pipelines.py --data DIR [NAME ...]

Ten columns of people of California (ACS), a tenth of ages and of weekly hours missing, income above 50,000 dollars by a
logistic model. Each deletion refits the whole pipeline with scikit-learn. Columns: the centred cosine (median) of the
paper's estimate with the refit ignored, that is by the coefficients' own difference, maths (4); of the change of the
answers alone, (19); of hrec+ with what the refit adds, (20); and of the raw columns the share that comes back exactly,
with everything refitted, the same with what the two files store, as an audit has it (50), and with the preprocessing as
it was, where files say nothing. "jumped": the deletions after which a feature is another
for some people by more than rounding and the shift of a mean (an edge of a bin has passed a value that many have), and
the columns of the others, refitted and as it was; "scale": of all deletions, how many had one that can be told.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

from undelete.adapters.align import align
from undelete.adapters.comparable import NotFoldable
from undelete.adapters.leaks import between, exact_values, ranges
from undelete.adapters.model import LinearModel
from undelete.adapters.refitted import affine_share, refitted
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.attacker.gradient.difference import Difference, answer_change
from undelete.attacker.gradient.refit import Refit
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.hrec_plus import hrec_plus
from undelete.auditing import given_away, inputs, truths
from undelete.auditing.grid import on_grid
from undelete.auditing.with_given import with_exact
from undelete.data.acs import acs_income
from undelete.maths.arrays import Floats
from undelete.maths.losses import LOSSES
from undelete.release.public import After
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.table import columns_right, score
from undelete.scoring.truth import Truth

NUMBERS, CODES = ["AGEP", "SCHL", "WKHP", "OCCP", "POBP"], ["COW", "MAR", "RELP", "SEX", "RAC1P"]
JUMP = 0.02  # of a feature's deviation


def prepared(*steps: Any) -> BaseEstimator:
    """Return steps for the numbers, and indicators of the codes."""
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return make_column_transformer((make_pipeline(*steps), NUMBERS), (encoder, CODES))


def median() -> SimpleImputer:
    """Return the imputer that one deletion hardly moves."""
    return SimpleImputer(strategy="median")


PIPELINES: dict[str, Callable[[], BaseEstimator]] = {
    "mean imputer, standard": lambda: prepared(SimpleImputer(), StandardScaler()),
    "median imputer, robust": lambda: prepared(median(), RobustScaler()),
    "mean imputer, splines": lambda: prepared(SimpleImputer(), SplineTransformer()),
    "bins": lambda: prepared(median(), KBinsDiscretizer(encode="onehot-dense")),
    "powers": lambda: prepared(median(), PowerTransformer()),
    "degree 2 between scalers": lambda: make_pipeline(
        prepared(median(), StandardScaler(), PolynomialFeatures(2, include_bias=False)), StandardScaler()
    ),
    "principal components": lambda: make_pipeline(prepared(SimpleImputer(), StandardScaler()), PCA(6)),
    "quantiles, normal": lambda: prepared(median(), QuantileTransformer(n_quantiles=100, output_distribution="normal")),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PIPELINES), help="pipelines (default: all)")
    parser.add_argument("--data", type=Path, help="folder of the ACS data (default: $UNDELETE_DATA)")
    parser.add_argument("--n", type=int, default=10_000, help="private records (default: 10000)")
    parser.add_argument("--m", type=int, default=30_000, help="public records (default: 30000)")
    parser.add_argument("--deletions", type=int, default=40, help="how many (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="of who is private, and who deleted (default: 0)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of bins that are one value wide
    table, target = people(options.data, options.seed)
    private, public = slice(0, options.n), slice(options.n, options.n + options.m)
    head = f"{'pipeline':<26}{'d':>4}{'(4)':>9}{'(19)':>9}{'hrec+':>9}{'columns':>10}{'files':>8}{'frozen':>8}"
    print(f"{head}{'misfit':>8}{'jumped':>8}{'others':>8}{'frozen':>8}{'scale':>7}{'s':>6}")
    for name in options.names:
        start = time.perf_counter()
        found = played(PIPELINES[name](), table, target, private, public, options.deletions)
        print(f"{name:<26}{found} {time.perf_counter() - start:5.0f}", flush=True)


def people(data: Path | None, seed: int) -> tuple[pd.DataFrame, pd.Series[int]]:
    """Return shuffled people, a tenth of two columns missing, and whether they earn above 50,000 dollars."""
    source = acs_income("CA", data)
    shuffled = source.table.assign(target=source.over_50k()).sample(frac=1, random_state=seed).reset_index(drop=True)
    table, rng = shuffled[[*NUMBERS, *CODES]].astype(float), np.random.default_rng(seed + 1)
    for column in ("AGEP", "WKHP"):
        table[column] = table[column].mask(rng.random(len(table)) < 0.1)
    return table, shuffled["target"]


def played(
    steps: BaseEstimator, table: pd.DataFrame, target: pd.Series[int], private: slice, public: slice, deletions: int
) -> str:
    """Return one row: deletions with everything refitted, and with the preprocessing as it was."""
    X, y, seen = table.iloc[private], target.iloc[private], table.iloc[public].reset_index(drop=True)
    last = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=300)
    before = make_pipeline(steps, last).fit(X, y)
    old = from_sklearn(before, seen, None)
    Y = np.where(target.iloc[public].to_numpy()[:, None] > 0, 1.0, -1.0)
    view = inputs.public_view(old, seen, Y)
    base: dict[str, Any] = {"loss": LOSSES[old.loss], "W_before": old.W, "n": len(X), "l2": old.l2, **view}
    rows = np.arange(deletions)
    fits = [
        from_sklearn(make_pipeline(clone(steps), clone(last)).fit(X.drop(index=i), y.drop(index=i)), seen, None)
        for i in rows
    ]
    refit = released(base, [later(old, new, seen, view["X_public"], Y, len(X)) for new in fits])
    kept = make_pipeline(before[:-1])
    Z = kept.transform(X)
    frozen = [np.delete(Z, i, axis=0) for i in rows]
    W = [parameters(clone(last).fit(part, y.drop(index=i))) for i, part in zip(rows, frozen, strict=True)]
    held = Release(W_after=np.array(W), **base)
    truth = Truth(X=old.features(X.iloc[rows]), **truths.own_columns(old, refit, X.iloc[rows]))
    ignored = dataclasses.replace(held, W_after=np.array([new.W for new in fits])) if same_size(old, fits) else None
    bare = dataclasses.replace(refit, penalty_share=None, share_error=None, l2=None)
    scores = [
        float("nan") if ignored is None else cosine(ignored, truth, paper(ignored, "hessian")),
        cosine(bare, truth, paper(bare, "answers")),
    ]
    best = hrec_plus(refit, np.random.default_rng(0))
    scores.append(cosine(refit, truth, best))
    right = [share(one, truth, hrec_plus(one, np.random.default_rng(0))) for one in (refit, held)]
    files = [
        stored_too(old, new, refit.take(rows[[i]]), X[i : i + 1], float(right[0][i])) for i, new in enumerate(fits)
    ]
    stayed = np.array([jump(old, new, seen, view["X_public"]) <= JUMP for new in fits])
    told = [float(part[stayed].mean()) if stayed.any() else float("nan") for part in right]
    scaled = sum(status == "ok" for status in best.status)
    misfit = float("nan") if best.misfit is None else float(np.nanmedian(best.misfit)) / best.misfit_terms
    numbers = f"{right[0].mean():10.3f}{np.mean(files):8.3f}{right[1].mean():8.3f}{misfit:8.2f}"
    others = f"{int((~stayed).sum()):8}{told[0]:8.3f}{told[1]:8.3f}{scaled:7}"
    return f"{len(old.W):>4}" + "".join(f"{s:9.4f}" for s in scores) + numbers + others


def later(old: LinearModel, new: LinearModel, seen: pd.DataFrame, X: Floats, Y: Floats, n: int) -> After:
    """Return what a release says of one new model."""
    try:
        return {"W_after": align(old, new)[None], **affine_share(old, new, seen, X, n)}
    except NotFoldable:
        return refitted(old, new, seen, X, Y, n)


def released(base: dict[str, Any], parts: list[After]) -> Release:
    """Return all deletions as one release; what one part alone does not say is filled with what it means."""
    W, X = base["W_before"], base["X_public"]
    for part in parts:
        change = part["W_after"] - W
        own = answer_change(base["loss"], base["Y_public"], X @ W, X @ part["W_after"][0])
        part.setdefault("answer_change", own[None])
        part.setdefault("penalty_share", -base["l2"][:, None] * change)
        part.setdefault("share_error", np.zeros((1, W.shape[1], len(W), len(W))))
    return Release(
        **base,
        W_after=np.concatenate([part["W_after"] for part in parts]),
        answer_change=np.concatenate([part["answer_change"] for part in parts]),
        penalty_share=np.concatenate([part["penalty_share"] for part in parts]),
        share_error=np.concatenate([part["share_error"] for part in parts]),
    )


def parameters(model: LogisticRegression) -> Floats:
    """Return coefficients and intercept in one column."""
    return np.asarray(np.r_[model.coef_[0], model.intercept_][:, None])


def same_size(old: LinearModel, fits: list[LinearModel]) -> bool:
    """Return whether each new model has as many features as the old one."""
    return all(len(new.W) == len(old.W) for new in fits)


def paper(release: Release, way: Any) -> Reconstruction:
    """Return what the paper's decoder makes of the gradient by one way, the penalty left out."""
    bare = dataclasses.replace(release, columns=())
    return from_gradient(bare, Difference.by(bare, way, penalised=False), unchanged(bare), attack=way)


def cosine(release: Release, truth: Truth, found: Reconstruction) -> float:
    """Return the median centred cosine; nothing recovered counts as zero."""
    return float(np.median(np.nan_to_num(score(release, truth, found)["centred_cosine"])))


def share(release: Release, truth: Truth, found: Reconstruction) -> Floats:
    """Return the share of each record's raw columns that came back exactly (b,)."""
    right = columns_right(release, truth, found)
    return np.full(release.deletions, np.nan) if right is None else np.asarray(right.mean(axis=1))


def stored_too(old: LinearModel, new: LinearModel, release: Release, record: pd.DataFrame, without: float) -> float:
    """Return the share of one record's raw columns that comes back with what the files store, as an audit has it.

    `without` is the share that does where they say nothing.
    """
    stored = exact_values(old, new)
    used = on_grid(release, stored, between(old, new).proven)
    known, _ = given_away.within(given_away.told(release, used), ranges(old, new, release.n))
    if known.given is None and known.within is None:
        return without
    found = with_exact(known, hrec_plus(known, np.random.default_rng(0)), used)
    truth = Truth(X=old.features(record), **truths.own_columns(old, known, record))
    return float(np.nan_to_num(share(known, truth, found))[0])


def jump(old: LinearModel, new: LinearModel, seen: pd.DataFrame, X: Floats) -> float:
    """Return by how much of a feature's deviation the public records' features are others, the affine part aside."""
    try:
        align(old, new)
    except NotFoldable:
        return float(Refit.of(X, new.features(seen)).foreign.max())
    return 0.0


if __name__ == "__main__":
    main()
