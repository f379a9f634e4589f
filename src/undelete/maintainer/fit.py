"""Fitting a model to a stated gradient norm.

A deletion moves the parameters by about 1/n, so a fit that stops earlier drowns what the deletion
changed. `fit` measures |gradient|_inf / n at its result and says whether it is below the tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from undelete.errors import InputError
from undelete.maintainer.matrix_free import FINEST, MatrixFree
from undelete.maintainer.preconditioner import PrincipalAxes, TwoLevel
from undelete.maintainer.ridge import least_norm_metric
from undelete.maintainer.softmax import dense_hessian
from undelete.maths.arrays import Array, namespace
from undelete.maths.objective import Objective, predict
from undelete.maths.solvers import factor, shortest

_DENSE_PARAMETERS = 1000  # of a softmax model, up to which its Hessian is formed and factored at each step
_STILL = 0.1  # largest change of a prediction by a further Newton step at an optimum
_ROUGH = 0.1  # relative residual to which a step is solved at least
_ROUNDING = 1e3  # units in the last place by which the value, a sum over all records, may seem to rise
_WORN = 8  # products for each digit of an inner solve, after which its preconditioner is made anew


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model, with how well it is fitted.

    Parameters
    ----------
    W : array (d, k)
        The parameters.
    gradient_norm : float
        |dF/dW|_inf / n in `Objective.unit`s, measured at W.
    iterations : int
        Newton steps taken.
    converged : bool
        Whether gradient_norm <= tol, at an optimum.
    """

    W: Array
    gradient_norm: float
    iterations: int
    converged: bool


def is_large(objective: Objective) -> bool:
    """Return whether an objective is fitted by products with its Hessian, which is not formed."""
    return not objective.loss.separable and objective.X.shape[1] * objective.Y.shape[1] > _DENSE_PARAMETERS


def gradient_norm(objective: Objective, W: Array) -> float:
    """Return |dF/dW|_inf / n, each entry beside what one record may add to it (`Objective.unit`)."""
    return _size(objective, objective.gradient(W)) / objective.n


def _size(objective: Objective, gradient: Array) -> float:
    xp = namespace(gradient)
    return float(xp.max(xp.abs(gradient) / objective.unit))


def fit(
    objective: Objective,
    *,
    tol: float = 1e-10,
    max_iterations: int = 100,
    start: Array | None = None,
    has_constant: bool = True,
    principal: PrincipalAxes | None = None,
) -> Fit:
    """Minimise an objective by Newton's method with a line search.

    The outputs of a separable loss are fitted one after the other, softmax as a whole.

    Parameters
    ----------
    objective : Objective
        n records, d features, k outputs.
    tol : float
        Largest |gradient|_inf per record, in `Objective.unit`s, at which the fit counts as converged: the units of the
        features and of the target do not matter.
    max_iterations : int
        Newton steps an output at most.
    start : array (d, k), optional
        Where to start; zeros otherwise.
    has_constant : bool
        Whether the last feature is the constant, which is not counted in the norm that decides between solutions
        of a least squares model without a penalty.
    principal : PrincipalAxes, optional
        Those of a softmax model beyond `is_large`, as `MatrixFree` takes them.

    Returns
    -------
    Fit
        `converged` is False when the tolerance was not reached, or where there is no optimum (separable classes
        without a penalty).

    Notes
    -----
    Cost 2 n d^2 + 10 d^3 flops a step (d over 500: 3 d^3); the squared loss takes one, for all outputs. Softmax: a
    dense Hessian up to 1,000 parameters, conjugate gradients beyond, in single precision on a copy of the data; with a
    penalty they take about a hundred products in all, 4 n d k flops each.
    """
    xp = namespace(objective.X)
    W = start if start is not None else xp.zeros_like(objective.X[0, :, None] * objective.Y[0, None, :])
    if objective.loss.quadratic:
        W, iterations = _least_squares(objective, start, has_constant=has_constant), 2
    elif objective.loss.separable:
        parts = [
            _newton(objective.output(j), W[:, j : j + 1], tol, max_iterations) for j in range(objective.Y.shape[1])
        ]
        W, iterations = xp.concat([part[0] for part in parts], axis=1), max(part[1] for part in parts)
    else:
        W, iterations = _newton(objective, W, tol, max_iterations, principal)
    norm = gradient_norm(objective, W)
    converged = bool(norm <= tol) and _settled(objective, W)
    return Fit(W=W, gradient_norm=norm, iterations=iterations, converged=converged)


def unsettled(objective: Objective) -> str:
    """Say why a fit may not converge, and what to do, for a message."""
    if objective.loss.quadratic or "class" not in objective.loss.targets:
        return "its columns are nearly dependent, or of too unlike sizes; scale them, or use a larger penalty"
    return "the classes may be separable; use a larger penalty"


def unconverged(gradient_norm: float, iterations: int, objective: Objective) -> InputError:
    """Return the error of a fit that ended short of the optimum, with the reason."""
    return InputError(
        f"the model does not converge on these records (gradient {gradient_norm:.1e} per record after {iterations} "
        f"steps): {unsettled(objective)}"
    )


def _settled(objective: Objective, W: Array) -> bool:
    """Return whether another Newton step would leave the predictions where they are.

    On separable classes without a penalty the gradient goes to zero as the parameters go to infinity: there is no
    optimum, and each step moves the predictions by about one. A penalty on all features but one rules that out for
    a large softmax model, where a step is dear.
    """
    xp = namespace(W)
    free = int(xp.sum(xp.astype(objective.l2 == 0, xp.int64)))
    if objective.loss.quadratic or (is_large(objective) and free <= 1):
        return True
    parts = [(objective, W)]
    if objective.loss.separable:
        parts = [(objective.output(j), W[:, j : j + 1]) for j in range(W.shape[1])]
    for part, w in parts:
        step = _Directions(part).step(w, part.gradient(w))
        if not float(xp.max(xp.abs(predict(part.X, step)))) <= _STILL:
            return False
    return True


def _least_squares(objective: Objective, start: Array | None, *, has_constant: bool) -> Array:
    """Minimise the squared loss for all outputs at once: one factorisation, and one step of refinement."""
    xp = namespace(objective.X)
    W = xp.zeros_like(objective.X[0, :, None] * objective.Y[0, None, :]) if start is None else start
    factored = factor(objective.hessian(W, 0))
    for _ in range(2):
        W = W - factored.solve(objective.gradient(W))
    if start is not None:
        return W
    return shortest(W, factored.null, least_norm_metric(objective, has_constant=has_constant))


def _newton(
    objective: Objective, W: Array, tol: float, max_iterations: int, principal: PrincipalAxes | None = None
) -> tuple[Array, int]:
    """Minimise from W (d, k), k = 1 for a separable loss; stops where no step lowers the value any more."""
    directions = _Directions(objective, principal)
    for iteration in range(max_iterations):
        gradient = objective.gradient(W)
        if _size(objective, gradient) <= 0.1 * tol * objective.n:
            return W, iteration
        moved = _line_search(objective, W, directions.step(W, gradient), gradient)
        if moved is None:
            return W, iteration
        W = moved
    return W, max_iterations


class _Directions:
    """Newton directions; keeps the preconditioner of a large softmax model while it serves."""

    def __init__(self, objective: Objective, principal: PrincipalAxes | None = None) -> None:
        self.objective, self.principal = objective, principal
        self.large: MatrixFree | None = None
        self.precondition: TwoLevel | None = None
        self.worn = math.inf  # products a digit, twice those of a new preconditioner
        self.size = math.inf  # of the last step's gradient

    def step(self, W: Array, gradient: Array) -> Array:
        """Return the inverse Hessian at W applied to a gradient (d, k)."""
        objective, xp = self.objective, namespace(W)
        if objective.loss.separable:
            return factor(objective.hessian(W, 0)).solve(gradient)
        Z = objective.predict(W)
        if not is_large(objective):
            dense = factor(dense_hessian(objective, Z))
            return xp.reshape(dense.solve(xp.reshape(gradient, (-1, 1))), W.shape)
        if self.large is None:
            self.large = MatrixFree(objective, principal=self.principal)
        new = self.precondition is None
        if self.precondition is None:
            self.precondition = self.large.preconditioner(Z)
        size, before = float(xp.max(xp.abs(gradient))), self.size
        self.size = size
        # no better than Newton's next error, as the last step had it (Eisenstat and Walker 1996, choice 2)
        expected = 0.9 * (size / before) ** 2 if math.isfinite(before) else _ROUGH
        forcing = max(FINEST, min(_ROUGH, expected))
        V, products = self.large.solve((Z, self.precondition), gradient[None, :, :], forcing)
        rate = products / -math.log10(forcing)
        self.worn = max(_WORN, 2 * rate) if new else self.worn
        if rate > self.worn:
            self.precondition = None
        return V[0, :, :]


def _line_search(objective: Objective, w: Array, step: Array, gradient: Array) -> Array | None:
    """Return the first of w - step, w - step/2, ... that lowers the value, or near the end the gradient."""
    xp = namespace(w)
    value, slope = float(objective.value(w)), float(xp.sum(step * gradient))
    size = _size(objective, gradient)
    rounding = _ROUNDING * float(xp.finfo(w.dtype).eps) * abs(value)
    length = 1.0
    for _ in range(40):
        candidate = w - length * step
        reached = float(objective.value(candidate))
        if reached <= value - 1e-4 * length * slope:
            return candidate
        # rounding hides the last decrease of the value, not that of the gradient; further off a smaller gradient can
        # lie higher, where the predictions are surer, and the steps between two such points would never end
        if reached <= value + rounding and _size(objective, objective.gradient(candidate)) < 0.5 * size:
            return candidate
        length /= 2
    return None
