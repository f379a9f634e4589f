"""Networks to a stated gradient norm, with a record and without it, from the same start.

What is minimised is the summed loss over the records plus 1/2 sum_j l2_j theta_j^2, maths (1) for any architecture.
L-BFGS goes most of the way, Newton's method the rest: with the Hessian formed where it is small, else by conjugate
gradients on products with it. A deletion starts from the model on all records, which is where its own optimum is
nearest, and takes chord steps with that model's Hessian: the remaining records' differs from it by one part in n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.network import Network

TOL = 1e-10
DENSE = 2000  # parameters up to which the Hessian is formed
_LBFGS = 4000  # iterations
_NEWTON = 60
_CHORD = 60
_CG = 400
_SLOW, _NEAR = 0.5, 1e-5  # of a step: what is left where it is slow; the gradient from which one needs care
_QUICK = 0.1  # of the gradient, that a Newton step leaves over while its Hessian serves for another
_ROUNDING = 1e-15  # of an objective, within which two are the same
_LEAST = 1e-8  # of the largest eigenvalue: where the Hessian bends less, or the other way, it is taken to bend as much


@dataclass(frozen=True, eq=False)
class Trained:
    """A network's parameters (p,) and the gradient that is left, |.|_inf per record."""

    theta: Floats
    gradient_norm: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Fit:
    """The objective on some records: a network's summed loss and penalty.

    Parameters
    ----------
    network : Network
        The architecture and its loss.
    X, Y : arrays (n, ...), (n, k)
        The private records and their targets.
    l2 : array (p,)
        The penalty of each parameter in the summed objective.
    """

    network: Network
    X: Floats
    Y: Floats
    l2: Floats

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.X)

    def among(self, rows: NDArray[np.int64]) -> Fit:
        """Return the objective on some of the records, with the same penalty."""
        return replace(self, X=self.X[rows], Y=self.Y[rows])

    def gradient(self, theta: Floats) -> Floats:
        """Return the summed objective's gradient (p,)."""
        return np.asarray(self.network.gradient(theta, self.X, self.Y) + self.l2 * theta)

    def value(self, theta: Floats) -> tuple[float, Floats]:
        """Return the objective per record and its gradient."""
        loss, gradient = self.network.total(theta, self.X, self.Y)
        return (loss + 0.5 * float(self.l2 @ theta**2)) / self.n, (gradient + self.l2 * theta) / self.n

    def inverse(self, theta: Floats) -> Callable[[Floats], Floats]:
        """Return the product with the Hessian's inverse, made positive where it is not."""
        if self.network.parameters > DENSE:
            return lambda g: self._by_cg(theta, g)
        values, vectors = np.linalg.eigh(self.network.hessian(theta, self.X, self.Y) + np.diag(self.l2))
        bend = np.maximum(np.abs(values), _LEAST * np.abs(values).max())
        return lambda g: np.asarray(vectors @ ((vectors.T @ g) / bend))

    def _by_cg(self, theta: Floats, g: Floats) -> Floats:
        x, r = np.zeros_like(g), g.copy()
        p, size = r.copy(), float(r @ r)
        goal = 1e-4 * size
        for _ in range(_CG):
            Hp = self.network.hessian_vector(theta, self.X, self.Y, p) + self.l2 * p
            bend = float(p @ Hp)
            if bend <= 0:
                break
            x, r = x + size / bend * p, r - size / bend * Hp
            new = float(r @ r)
            if new < goal:
                break
            p, size = r + new / size * p, new
        return x if x.any() else g / max(1.0, float(np.abs(g).max()))


def train(fit: Fit, start: Floats, *, tol: float = TOL) -> Trained:
    """Train to |gradient|_inf / n <= tol: L-BFGS, then Newton's method.

    Parameters
    ----------
    fit : Fit
        The objective on the private records.
    start : array (p,)
        Where training begins; another start may end in another optimum.
    tol : float
        When it ends.

    Returns
    -------
    Trained
        Not converged is a value, not an error.
    """
    limits = {"maxiter": _LBFGS, "maxfun": 2 * _LBFGS, "ftol": 0.0, "gtol": max(tol, 1e-6), "maxcor": 30}
    found = minimize(fit.value, start, jac=True, method="L-BFGS-B", options=limits)
    return _newton(fit, np.asarray(found.x, dtype=np.float64), tol)


def _newton(fit: Fit, theta: Floats, tol: float) -> Trained:
    """Return Newton's end from a point near it, each step as long as it helps; a Hessian serves while steps do."""
    value, gradient = fit.value(theta)
    inverse: Callable[[Floats], Floats] | None = None
    fresh = True  # whether it is that of where we are
    for _ in range(_NEWTON):
        before = float(np.abs(gradient).max())
        if before <= tol:
            break
        inverse = fit.inverse(theta) if inverse is None or fresh else inverse
        step = inverse(gradient * fit.n)
        length, close = 1.0, before < 1e-6
        while length > 1e-8:
            tried, slope = fit.value(theta - length * step)
            rounding = _ROUNDING * abs(value)  # what is nearer to an optimum than values tell is told by the gradient;
            level = close and tried <= value + rounding and np.abs(slope).max() < before  # near a saddle values lead
            if tried < value - rounding or level:
                theta, value, gradient = theta - length * step, tried, slope
                break
            length /= 2
        else:
            if fresh:
                break
        fresh = not np.abs(gradient).max() < _QUICK * before
    left = float(np.abs(gradient).max())
    return Trained(theta, left, left <= tol)


def retrain(fit: Fit, theta: Floats, *, tol: float = TOL) -> Trained:
    """Retrain to the optimum from a model (p,) near it."""
    return _newton(fit, theta, tol)


def retrain_without(
    fit: Fit,
    theta: Floats,
    rows: NDArray[np.int64],
    *,
    tol: float = TOL,
    l2: Floats | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[Trained]:
    """Retrain to the optimum without each of some records, from the model on all of them.

    Parameters
    ----------
    fit : Fit
        The objective on all records.
    theta : array (p,)
        Its optimum.
    rows : array (b,) of int
        Who leaves, each alone.
    tol : float
        |gradient|_inf / n at which training ends.
    l2 : array (p,), optional
        The penalty afterwards, where that of a mean loss goes with the number of records.
    progress : callable, optional
        Called as progress(done, total).

    Raises
    ------
    InputError
        When that model is not at its optimum itself.
    """
    if np.abs(fit.gradient(theta)).max() / fit.n > 100 * tol:
        raise InputError(
            "the network on all records is not at its optimum, so a deletion cannot be told from further training: "
            "train it to a smaller gradient first"
        )
    inverse = fit.inverse(theta)
    fit = fit if l2 is None else replace(fit, l2=l2)
    found = []
    for row in rows:
        found.append(_near(fit.among(np.delete(np.arange(fit.n), row)), theta, inverse, tol))
        if progress is not None:
            progress(len(found), len(rows))
    return found


def retrain_among(fit: Fit, theta: Floats, parts: Sequence[NDArray[np.int64]], *, tol: float = TOL) -> list[Trained]:
    """Retrain to the optimum on each of some parts of the records, from a model (p,) that is near them all."""
    inverse = fit.inverse(theta)
    return [_near(fit.among(part), theta, inverse, tol) for part in parts]


def _near(rest: Fit, theta: Floats, inverse: Callable[[Floats], Floats], tol: float) -> Trained:
    """Return an optimum near a model: chord steps, with a Hessian of its own where they are slow."""
    here, gradient = theta, rest.gradient(theta)
    left = float(np.abs(gradient).max()) / rest.n
    for _ in range(_CHORD):
        if left <= tol:
            return Trained(here, left, True)
        tried = here - inverse(gradient)
        slope = rest.gradient(tried)
        now = float(np.abs(slope).max()) / rest.n
        if now < left:
            here, gradient = tried, slope
        if not now < _SLOW * left:
            if left > _NEAR:
                return _newton(rest, here, tol)
            inverse = rest.inverse(here)
        left = min(left, now) if now == now else left
    return Trained(here, left, left <= tol)
