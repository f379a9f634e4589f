"""Exact retraining without each of some records, as a user asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from undelete.adapters.model import LinearModel
from undelete.adapters.offset import named_offset
from undelete.auditing.problem import Problem
from undelete.auditing.records import check_rows
from undelete.auditing.written_out import written_out
from undelete.maintainer.leave_one_out import Deletions, Progress


def leave_one_out(
    estimator: BaseEstimator | LinearModel,
    X: pd.DataFrame | NDArray[np.float64] | sp.spmatrix | sp.sparray | Sequence[str],
    y: ArrayLike,
    rows: ArrayLike | None = None,
    *,
    tol: float = 1e-9,
    sample_weight: ArrayLike | None = None,
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    certify: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Deletions:
    """Retrain a linear model exactly without each of some records.

    Parameters
    ----------
    estimator : estimator, Pipeline, LinearModel or fitted result of statsmodels
        Fitted or not: squared, logistic, softmax or squared hinge loss. The preprocessing of a
        Pipeline stays as fitted on all records.
    X : DataFrame, array or sparse matrix (n, columns), or sequence of str (n,)
        The training records, raw; documents of a Pipeline that starts with a vectoriser of text, whose words become
        columns of a dense table.
    y : array (n,) or (n, k)
        Their targets.
    rows : array (b,) of int, optional
        Positions of the records to delete, one at a time; all by default.
    tol : float
        Largest |gradient|_inf / n over the remaining records that counts as retrained, each entry beside what one
        record may add to it: max_i |x_ij|, times max_i |y_i| for the squared loss.
    sample_weight : array (n,), optional
        Factor of each record's loss.
    offset, exposure : str, optional
        The table's column that each record's prediction is shifted by, or whose logarithm it is: of a fitted result of
        statsmodels, or a LinearModel, that has an offset.
    certify : bool
        Whether a certified bound on the gradient may stand for a pass over the data that measures it.
    checkpoint : path, optional
        Folder that remembers finished blocks, so that a sweep can be stopped and started again.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    Deletions
        `coef` (b, k, d) and `intercept` (b, k) as scikit-learn shapes them, `gradient_norm` on the remaining
        records, `shown` ("measured" or "certified") and `converged` (b,). Not converged is a value, not an error.

    Raises
    ------
    InputError
        When the input cannot be used, a record is the only one of its class, or has leverage 1 (the squared loss takes
        the solution of least norm instead).

    Notes
    -----
    Squared loss: O(n d^2) in all. Logistic loss, squared hinge, Poisson, Gamma and Tweedie: no pass over the data a
    deletion where the certificate of maths (14) or (41) is tight enough. Others: two or three passes. Blocks of
    deletions go through joblib: `joblib.parallel_config("loky", n_jobs=2)` or `("dask")` around the call spreads them.
    Source: maths (2), (3).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 2.0, 9.0])
    >>> leave_one_out(LinearRegression(), X, y, [3]).coef.round(9).tolist()
    [[[1.0]]]
    """
    estimator, (table,) = written_out(estimator, y, X)
    problem = Problem.of(estimator, table, y, sample_weight=sample_weight, offset=named_offset(offset, exposure))
    chosen = np.arange(problem.objective.n) if rows is None else check_rows(rows, problem.objective.n)
    problem.refuse_last_of_class(chosen)
    return problem.retrain(
        chosen,
        tol=tol,
        certify=certify,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        progress=progress,
    )
