"""One model fitted to many resamples of the same records: the shadow models of a membership attack.

A resample of m records is a vector of m counts, so all fits share one X: with the counts as weights, the
gradients and Hessian products of all of them are the same few large matrix products, and the Hessian of the
full fit, factored once, preconditions them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.fit import Fit, fit, unsettled
from undelete.maintainer.preconditioner import TwoLevel, principal_axes
from undelete.maintainer.softmax import null_free
from undelete.maintainer.sweep import BLOCK_NUMBERS
from undelete.maths.arrays import Array, Floats, blocks
from undelete.maths.objective import Objective
from undelete.maths.solvers import conjugate_gradients, factor

Progress = Callable[[int, int], None]

_FORCING = 1e-3  # relative residual of a step's inner solve
_PRODUCTS = 200  # of an inner solve at most
_STEPS = 12  # Newton steps of a block; what has not converged by then is fitted by itself


@dataclass(frozen=True, eq=False)
class Resampled:
    """The models of s resamples, with how well they are fitted.

    Parameters
    ----------
    W : array (s, d, k)
        The parameters.
    gradient_norm : array (s,)
        |gradient|_inf at W of each resample's own objective, over its number of records, in `Objective.unit`s.
    """

    W: Floats
    gradient_norm: Floats


class Fitted(Protocol):
    """A model that was fitted to one resample."""

    @property
    def W(self) -> Floats: ...  # noqa: D102 - (d, k)
    @property
    def gradient_norm(self) -> float: ...  # noqa: D102


def bootstrap(m: int, size: int, count: int, rng: np.random.Generator) -> Floats:
    """Return the weights (count, m) of bootstraps: how often each of m records is among `size` drawn."""
    return rng.multinomial(size, np.full(m, 1 / m), size=count).astype(np.float64)


def fit_resamples(
    objective: Objective,
    weights: Floats,
    *,
    tol: float = 1e-9,
    has_constant: bool = True,
    progress: Progress | None = None,
) -> Resampled:
    """Minimise one objective under many weightings of its records, each to the stated gradient norm.

    Parameters
    ----------
    objective : Objective
        m records without weights, and the penalty, which every resample has.
    weights : array (s, m)
        Of each resample, as `bootstrap` draws them.
    tol : float
        Largest |gradient|_inf over the number of records, the sum of the weights, in `Objective.unit`s.
    has_constant : bool
        Whether the last feature is the constant, not counted in the norm of a least squares solution.
    progress : callable, optional
        Called as progress(done, total).

    Raises
    ------
    InputError
        When a resample's fit does not converge.

    Notes
    -----
    With a penalty on all features (but the constant) the optimum is unique, and blocks of resamples are fitted
    together: Newton's method from the optimum on all m records, each step by conjugate gradients. A bootstrap's
    Hessian differs from that of all records by about sqrt(d / m), so a handful of products, 4 m d k flops a resample
    each, reach a step's three digits, and three or four steps the tolerance. Predictions of m records for a block of
    resamples are in memory, 128 MB. Without a penalty the solution may not be unique, and each resample is fitted by
    itself as the model itself would be: `undelete.maintainer.fit.fit`.
    """
    total, (m, k) = len(weights), objective.Y.shape
    full = _converged(fit(objective, tol=tol, has_constant=has_constant), objective, "the public records")
    unique = int(np.count_nonzero(objective.l2 == 0)) <= 1
    precondition = _preconditioner(objective, full.W) if unique else None
    parts = []
    for part in blocks(total, max(1, BLOCK_NUMBERS // (m * k))):
        own = weights[part]
        start = np.repeat(np.asarray(full.W)[None], len(own), axis=0)
        found = Resampled(start, np.full(len(own), np.inf))
        if precondition is not None:
            found = _newton(replace(objective, weights=np.ascontiguousarray(own.T)), start, precondition, tol)
        parts.append(_completed(objective, own, found, tol, has_constant=has_constant))
        if progress is not None:
            progress(part.stop, total)
    return Resampled(np.concatenate([p.W for p in parts]), np.concatenate([p.gradient_norm for p in parts]))


def fit_each_resample(
    objective: Objective,
    start: Floats,
    weights: Floats,
    fitted: Callable[[Objective, Floats], Fitted],
    *,
    tol: float = 1e-9,
    progress: Progress | None = None,
) -> Resampled:
    """Minimise an objective of another kind (an l1 penalty, a scale of its own) under many weightings, one by one.

    Parameters and errors as of `fit_resamples`. `fitted` minimises one from a start, first from `start` (d, k) with
    the mean of the weights, then each from where that ended.
    """
    start = fitted(replace(objective, weights=weights.mean(axis=0)), start).W
    found = []
    for s, own in enumerate(weights):
        used = np.flatnonzero(own)
        found.append(fitted(replace(objective, weights=own).take(used), start))
        if not found[-1].gradient_norm <= tol:
            raise InputError(
                f"the model does not converge on resample {s} (gradient {found[-1].gradient_norm:.1e} per record), so "
                "it is no stand-in for the private one: use a larger penalty, or more public records"
            )
        if progress is not None:
            progress(s + 1, len(weights))
    return Resampled(np.stack([one.W for one in found]), np.array([one.gradient_norm for one in found]))


def _newton(objective: Objective, W: Floats, precondition: Callable[[Array], Array], tol: float) -> Resampled:
    """Take full Newton steps from W (s, d, k) until all gradients are small; keep each resample's best."""
    size = np.asarray(objective.weights).sum(axis=0)  # (s,)
    best = Resampled(W, np.full(len(W), np.inf))
    for _ in range(_STEPS):
        gradient = objective.gradient(W)
        norm = (np.abs(gradient) / objective.unit).max(axis=(1, 2)) / size
        lower = norm < best.gradient_norm
        best = Resampled(np.where(lower[:, None, None], W, best.W), np.where(lower, norm, best.gradient_norm))
        if (best.gradient_norm <= 0.1 * tol).all():
            break
        operator, right = partial(_curved, objective, objective.predict(W)), null_free(objective, gradient)
        digits = np.full(len(W), _FORCING)
        # no line search: the start is near, and what a full step throws off is fitted by itself
        W = W - conjugate_gradients(operator, right, precondition, tol=digits, max_iterations=_PRODUCTS)[0]
    return best


def _curved(objective: Objective, Z: Floats, V: Floats, which: NDArray[np.int64]) -> Floats:
    """Return the Hessians of some of the resamples at their predictions Z (m, s, k), each applied to its own V."""
    assert objective.weights is not None
    own = replace(objective, weights=np.ascontiguousarray(objective.weights[:, which]))
    return np.asarray(own.curved(Z[:, which, :], V))


def _preconditioner(objective: Objective, W: Array) -> Callable[[Array], Array]:
    """Return the inverse of the Hessian of all records, or what comes near it, applied to (s, d, k)."""
    if not objective.loss.separable:
        Z = objective.predict(W)
        return TwoLevel(objective, principal_axes(objective, Z), Z)
    factored = [factor(objective.hessian(W, c)) for c in range(W.shape[1])]
    return lambda V: np.stack([one.solve(V[:, :, c].T).T for c, one in enumerate(factored)], axis=2)


def _completed(objective: Objective, weights: Floats, found: Resampled, tol: float, *, has_constant: bool) -> Resampled:
    """Fit by themselves the resamples whose gradient is not small."""
    W, norm = found.W.copy(), found.gradient_norm.copy()
    for s in np.flatnonzero(~(norm <= tol)):
        one = replace(objective, weights=weights[s])
        # of the least squares solutions the one of least norm is wanted, which a start would decide otherwise
        start = None if objective.loss.quadratic else W[s]
        fitted = _converged(fit(one, tol=tol, start=start, has_constant=has_constant), objective, f"resample {s}")
        W[s], norm[s] = fitted.W, fitted.gradient_norm
    return Resampled(W, norm)


def _converged(fitted: Fit, objective: Objective, what: str) -> Fit:
    if not fitted.converged:
        raise InputError(
            f"the model does not converge on {what} (gradient {fitted.gradient_norm:.1e} per record), so it is no "
            f"stand-in for the private one: {unsettled(objective)}, or more public records"
        )
    return fitted
