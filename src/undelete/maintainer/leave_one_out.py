"""Exact retraining without one record, for many records at once.

Newton's method on the objective without record i, started at the full model, maths (3). The Hessian at the
full model, without record i, is a small change of one matrix that is factored once, so a step for a block
of deletions costs two matrix products. It is kept fixed: a deletion moves the parameters by about 1/n, so
each step shrinks the error by about n, and two or three reach the tolerance.

A deletion counts as retraining only when the gradient over the remaining records is shown to be small: it
is measured by a pass over the data, or bounded by a certificate that needs none (certificate.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.certificate import SmoothCertificate, fits
from undelete.maintainer.margin_certificate import MarginCertificate
from undelete.maintainer.matrix_free import MatrixFreeStep
from undelete.maintainer.measured import Measured, Step
from undelete.maintainer.ridge import ClosedForm
from undelete.maintainer.separable import SeparableStep
from undelete.maintainer.softmax import DenseStep, pays
from undelete.maintainer.sweep import Block, fingerprint, product_threads, rows_in_block, run_blocks
from undelete.maths.arrays import Array, namespace, take_rows
from undelete.maths.objective import Objective

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Deletions:
    """The models after b deletions, one record each.

    Parameters
    ----------
    rows : array (b,) of int
        The deleted rows.
    W : array (b, d, k)
        The retrained parameters.
    gradient_norm : array (b,)
        |gradient|_inf / n at W over the remaining records, penalty included, in units of the gradient
        (`Objective.unit`): measured, or where `certified` an upper bound of it.
    iterations : array (b,) of int
        Newton steps.
    converged : array (b,) of bool
        Whether gradient_norm <= tol.
    certified : array (b,) of bool
        Whether the gradient was bounded by a certificate instead of measured by a pass over the data.
    has_constant : bool
        Whether the last feature is the constant, so that its parameters are the intercept.
    scale : array (b,) or None
        Of Huber's regression the scales, which are fitted with the parameters.
    """

    rows: NDArray[np.int64]
    W: Array
    gradient_norm: NDArray[np.float64]
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]
    certified: NDArray[np.bool_]
    has_constant: bool = True
    scale: NDArray[np.float64] | None = None

    @property
    def coef(self) -> Array:
        """Coefficients (b, k, d) without the intercept, as scikit-learn shapes them."""
        W = self.W[:, :-1, :] if self.has_constant else self.W
        return namespace(W).matrix_transpose(W)

    @property
    def intercept(self) -> Array:
        """Intercepts (b, k); zeros when the model has none."""
        xp = namespace(self.W)
        return self.W[:, -1, :] if self.has_constant else xp.zeros_like(self.W[:, 0, :])

    @property
    def shown(self) -> NDArray[np.str_]:
        """How each deletion was shown to be retrained: "measured" or "certified"."""
        return np.where(self.certified, "certified", "measured")


def retrain_without(
    objective: Objective,
    W: Array,
    rows: NDArray[np.int64],
    *,
    tol: float = 1e-9,
    certify: bool = True,
    has_constant: bool = True,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Deletions:
    """Retrain the model exactly without each of some rows.

    Parameters
    ----------
    objective : Objective
        All n private records.
    W : array (d, k)
        The model fitted on all of them.
    rows : array (b,) of int
        The rows to delete, one at a time.
    tol : float
        Largest |gradient|_inf / n over the remaining records that counts as retrained, in units of the gradient.
    certify : bool
        Whether a certificate may stand for a pass over the data (logistic, Poisson, Gamma and Tweedie losses of
        moderate d, squared hinge).
    has_constant : bool
        Whether the last feature is the constant: it shapes `Deletions.intercept`, and is not counted in the norm
        that decides between solutions of a least squares model without a penalty.
    checkpoint : Path, optional
        Folder that remembers finished blocks, so that a sweep can be stopped and started again.
    progress : callable, optional
        Called as progress(done, total) after each block.

    Raises
    ------
    InputError
        When a row has leverage 1: without it the solution is not unique. The squared loss then has a solution of
        least norm instead, the Moore-Penrose one of the paper's Appendix C.

    Notes
    -----
    Squared loss: O(n d^2 + b d^2 k), maths (2), no pass over the data per deletion. Certified: O(n d^3) once and
    O(d^3) a deletion. Measured: 4 n d k flops per deletion and Newton step; softmax models beyond 8,192 parameters, or
    of so few deletions that forming a Hessian does not pay, take some ten times that, see `MatrixFreeStep`. Heavy
    blocks run side by side, and all go through joblib where it is configured; the result does not depend on how.
    """
    rows = np.asarray(rows, dtype=np.int64)
    loss, k = objective.loss, objective.Y.shape[1]
    # the squared loss has one Hessian for all outputs, other separable losses have one each, softmax is a whole
    whole = loss.quadratic or not loss.separable
    parts = [(objective, W)] if whole else [(objective.output(j), W[:, j : j + 1]) for j in range(k)]
    order = np.argsort(rows, kind="stable")  # a block's rows do not depend on the order asked for
    done, total = 0, len(parts) * len(rows)

    def moved(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    results = []
    for j, (part, w) in enumerate(parts):
        task = _prepared(part, w, tol, rows, certify=certify, has_constant=has_constant)
        cut = np.array_split(rows[order], math.ceil(len(rows) / task.block_rows)) if len(rows) else []
        folder, mark = None, ""
        if checkpoint is not None:
            folder = checkpoint / f"output-{j}"
            own = [] if part.offset is None else [part.offset]
            mark = fingerprint(
                [part.X, part.Y, part.l2, part.weights, w, rows, *own],
                loss.name,
                tol,
                certify,
                has_constant,
                task.block_rows,
            )
        threads = 1 if task.light else product_threads(W)
        results.append(_joined(run_blocks(task, cut, moved, folder, mark, threads), np.argsort(order)))
    norm = np.max([result.gradient_norm for result in results], axis=0)
    xp = namespace(W)
    return Deletions(
        rows=rows,
        W=xp.concat([xp.asarray(result.W) for result in results], axis=2),
        gradient_norm=norm,
        iterations=np.max([result.iterations for result in results], axis=0),
        converged=norm <= tol,
        certified=np.all([result.certified for result in results], axis=0),
        has_constant=has_constant,
    )


def _joined(parts: list[Block], order: NDArray[np.int64]) -> Block:
    xp = namespace(*(part.W for part in parts))
    return Block(
        take_rows(xp.concat([part.W for part in parts], axis=0), order),
        np.concatenate([part.gradient_norm for part in parts])[order],
        np.concatenate([part.iterations for part in parts])[order],
        np.concatenate([part.certified for part in parts])[order],
    )


class _Task(Protocol):
    """Retrains a block of rows; holds what all blocks share."""

    @property
    def block_rows(self) -> int:
        """Deletions in a block, by the memory they take; a function of the problem alone."""

    @property
    def light(self) -> bool:
        """Whether a block takes less time than threads would save."""

    def __call__(self, rows: NDArray[np.int64]) -> Block:
        """Return the models without each of the rows."""


def _prepared(
    objective: Objective, W: Array, tol: float, rows: NDArray[np.int64], *, certify: bool, has_constant: bool
) -> _Task:
    """Return what retrains a block of rows."""
    if objective.loss.quadratic:
        return ClosedForm(objective, W, has_constant=has_constant)
    steps: Step
    if objective.loss.separable:
        steps = SeparableStep(objective, W)
    elif pays(objective, len(rows)):
        steps = DenseStep(objective, W)
    else:
        steps = MatrixFreeStep(objective, W, rows)
    measured = Measured(objective, steps, W, tol)
    return _Certified(measured, objective, W, tol) if certify and fits(objective) else measured


class _Certified:
    """The certificate where it is tight enough, a measured pass for the others."""

    def __init__(self, measured: Measured, objective: Objective, W: Array, tol: float) -> None:
        margin = objective.loss.margin
        self.measured, self.tol, self.light = measured, tol, not margin
        self.certificate = (MarginCertificate if margin else SmoothCertificate)(objective, W)
        self.block_rows = rows_in_block(W.shape[0] if margin else W.shape[0] ** 2)

    def __call__(self, rows: NDArray[np.int64]) -> Block:
        found = self.certificate.retrain(rows)
        W, norm, steps = found.W[:, :, None], found.bound, found.iterations
        open_rows = np.flatnonzero(~(norm <= self.tol))
        if not open_rows.size:
            return Block(W, norm, steps, np.ones(len(rows), dtype=np.bool_))
        # where the certificate's bound is too loose its models are near all the same: a pass or two will; but not
        # where it is more than a record adds, which is what the full model is off by
        xp = namespace(W)
        closer = norm * self.measured.objective.n < 1
        near = xp.where(xp.asarray(closer, device=W.device)[:, None, None], W, self.measured.W)
        parts = [
            self.measured(rows[part], take_rows(near, part), steps[part])
            for part in np.array_split(open_rows, math.ceil(len(open_rows) / self.measured.block_rows))
        ]
        sure = np.flatnonzero(norm <= self.tol)
        kept = Block(take_rows(W, sure), norm[sure], steps[sure], np.ones(len(sure), dtype=np.bool_))
        return _joined([kept, *parts], np.argsort(np.concatenate([sure, open_rows])))
