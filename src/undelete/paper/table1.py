"""Table 1: how well the attacked models predict, on the original features and on random Fourier features.

The models are those of Figures 5 and 6 (same halves, features, folds and penalties for the same seed), trained on the
private half and scored on the public half, which they have not seen: R2 of ridge regression, F1 of the class
"over 50,000 dollars" for the two classifiers, cut at a decision of 0. The paper's own figures stand beside;
its samples are the complete states, and it does not say how it held data out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.lab.files import header, prepare, save
from undelete.lab.fitting import deal, fit_private, in_space
from undelete.lab.kept import NOT_KEPT
from undelete.lab.models import LOGISTIC, LOGISTIC_RFF, RIDGE, RIDGE_RFF, SVM, SVM_RFF, Model
from undelete.lab.samples import Sample, states
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maths.arrays import Floats

PAPERS = {
    "ridge": {"NY": 0.2755, "CA": 0.30139, "TX": 0.3089},
    "logistic": {"NY": 0.7154, "CA": 0.7313, "TX": 0.6889},
    "svm": {"NY": 0.7099, "CA": 0.7345, "TX": 0.6868},
    "ridge_rff": {"NY": 0.32712, "CA": 0.3510, "TX": 0.3510},
    "logistic_rff": {"NY": 0.7230, "CA": 0.7413, "TX": 0.7009},
    "svm_rff": {"NY": 0.7149, "CA": 0.7325, "TX": 0.6968},
}
"""The paper's Table 1."""
MODELS = (RIDGE, LOGISTIC, SVM, RIDGE_RFF, LOGISTIC_RFF, SVM_RFF)

_DRAWS = 500
NOTES = (
    "Trained on the private half, scored on the public half; intervals are bootstrap intervals (95 %) over the "
    "public half and leave out how much the training half varies.",
    "The paper trained on the complete states, and does not say how it held data out nor what number it regressed. "
    "The samples differ, so a difference outside the interval is no sign of an error on either side.",
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit the eighteen models, score them, and write ``table1.json``.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Not used: nothing is deleted.
    seed : int
        Determines halves and folds, as in the figures.
    progress : callable, optional
        Called as progress(done, total), in models.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder = prepare(out)
    people = states(data_dir)
    cells: list[dict[str, Any]] = []
    for model in MODELS:
        for sample in people:
            cells.append(cell(sample, model, seed))
            if progress is not None:
                progress(len(cells), len(MODELS) * len(people), f"{sample.name}, {model.label}")
    result = header("table1", "How well the attacked models predict", "Table 1 of the paper", seed)
    result |= {"notes": list(NOTES), "cells": cells}
    save(result, folder)
    return result


def cell(sample: Sample, model: Model, seed: int) -> dict[str, Any]:
    """Return one cell of the table: a model of one state, its score and the paper's."""
    dealt, _ = deal(model, sample, seed, Steps())
    dealt = in_space(model, sample, dealt, seed, NOT_KEPT, Steps())
    fitted = fit_private(model, sample, dealt, seed)
    decision, y = (dealt.X_public @ fitted.W)[:, 0], dealt.Y_public[:, 0]
    name = "R2" if model.kind == "number" else "F1"
    quality = r2 if model.kind == "number" else f1
    ones = np.ones((1, len(y)))
    rng = np.random.default_rng(sample.streams(seed)[3])
    # a resample of m records is a vector of counts; a few at a time, since m may be large
    drawn = [
        quality(y, decision, rng.multinomial(len(y), ones[0] / len(y), size=5).astype(float))
        for _ in range(_DRAWS // 5)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    ours, papers = float(quality(y, decision, ones)[0]), PAPERS[model.key][sample.name]
    return {
        "sample": sample.name, "source": sample.source, "model": model.label, "key": model.key,
        "target": sample.target(model.kind), "unit": sample.unit(model.kind),
        "n": len(dealt.X), "m": len(dealt.X_public),
        "d": dealt.X.shape[1], "seed": seed, **dealt.account, **fitted.account,
        "score": name, "value": ours, "low": float(low),
        "high": float(high), "paper": papers, "difference": ours - papers,
    }  # fmt: skip


def r2(y: Floats, predicted: Floats, weights: Floats) -> Floats:
    """Return the explained share of the variance of y (m,) under each row of weights (b, m).

    Examples
    --------
    >>> r2(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]), np.ones((1, 3))).tolist()
    [0.5]
    """
    mean = weights @ y / weights.sum(axis=1)
    spread = weights @ y**2 - weights.sum(axis=1) * mean**2
    return np.asarray(1 - weights @ (y - predicted) ** 2 / spread)


def f1(y: Floats, decision: Floats, weights: Floats) -> Floats:
    """Return F1 of the class +1, predicted where the decision (m,) is above 0, under each row of weights (b, m).

    Examples
    --------
    >>> f1(np.array([1.0, 1.0, -1.0]), np.array([0.3, -0.2, -1.0]), np.ones((1, 3))).round(4).tolist()
    [0.6667]
    """
    said, true = decision > 0, y > 0
    hits = 2 * weights @ (said & true).astype(float)
    missed = weights @ (said != true).astype(float)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(hits / (hits + missed)))


EXPERIMENTS = {"table1": run}
"""By name, as `Experiment.run` calls it."""
