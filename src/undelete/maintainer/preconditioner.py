"""An approximate inverse of a softmax Hessian that is too large to form.

Two levels. Along the leading principal axes of the data, each record counted as far as it bends the loss, the Hessian
is formed and inverted: that is where the classes and the records' probabilities make it unlike any simple form. Along
the other axes it is taken for a Kronecker product, the data's squares times the mean curvature between classes, plus
the penalty; there the penalty mostly outweighs the data. For a sweep of many deletions it is worth its time to form
that part, too, for each contrast between the classes by itself. All parameters alike in every class are left out:
contrasts between the classes are orthogonal to them, see docs/maths.md, "The null directions of softmax".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maintainer.softmax import dense_hessian
from undelete.maths.arrays import Array, blocks, namespace
from undelete.maths.objective import Objective, gram
from undelete.maths.solvers import factor

_NUMBERS = 16_000_000  # in a temporary array: 64 MB in single precision
_SURE = 100  # times what rounding makes of the largest curvature, under which no other is trusted
_COARSE = 2048  # parameters along the leading axes; twice as many save a tenth of the products, at 6 times the cost
_MANY, _FEWER = 10_000, 1024  # records up to which a product costs less than what it saves, and what is taken of them


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """The principal axes of the records, each feature divided by its root mean square.

    Parameters
    ----------
    axes : array (d, d)
        One a column, the longest first: the columns of X @ axes are orthogonal.
    squares : array (d,)
        Their squared lengths.
    scores : array (n, r)
        The records along the leading r axes.
    """

    axes: Array
    squares: Array
    scores: Array

    def at_penalty(self, factor: float) -> PrincipalAxes:
        """Return the same axes where each feature's penalty is `factor` times what it was: their unit is another."""
        root = factor**-0.5
        return PrincipalAxes(self.axes * root, self.squares / factor, self.scores * root)


def principal_axes(objective: Objective, Z: Array | None = None) -> PrincipalAxes:
    """Return the principal axes of an objective's records. Cost 3 n d^2 and about 10 d^3 flops.

    Parameters
    ----------
    objective : Objective
        Softmax loss, n records.
    Z : array (n, k), optional
        Predictions. A record then counts by its curvature there, 1 - |p|^2, over the mean of all: where the model is
        sure of most records, the others are what the Hessian is made of. Without them all count alike.
    """
    X, k = objective.X, objective.Y.shape[1]
    xp, (n, d) = namespace(X), X.shape
    weights = xp.ones((n,), dtype=X.dtype, device=X.device) if objective.weights is None else objective.weights
    if Z is not None:
        P = objective.loss.residual(xp.zeros_like(Z), Z)  # softmax(z)
        bent = xp.sum(P * (1 - P), axis=1)  # the same as 1 - |p|^2, without its loss of digits
        mean = float(xp.sum(weights * bent) / xp.sum(weights))
        weights = weights * bent / mean if mean > 0 else weights  # sure of all to the last digit: nothing is bent
    A = gram(X, xp.sqrt(weights))
    scale = 1 / xp.sqrt(_metric(xp.linalg.diagonal(A), objective.l2))
    values, vectors = xp.linalg.eigh(A * scale[:, None] * scale[None, :])
    axes = xp.flip(scale[:, None] * vectors, axis=1)
    # without a penalty, curvature under this cannot be told from what rounding leaves of none
    floor = d * float(xp.finfo(X.dtype).eps) * values[-1]
    free = xp.flip(xp.sum(xp.where(objective.l2[:, None] == 0, vectors**2, xp.zeros_like(vectors)), axis=0))
    leading = min(d, max(1, (_COARSE if n > _MANY else min(_COARSE, _FEWER)) // (k - 1)))
    squares, scores = _along(X, weights, axes, leading)
    return PrincipalAxes(axes, xp.maximum(squares, floor * free), scores)


def _along(X: Array, weights: Array, axes: Array, leading: int) -> tuple[Array, Array]:
    """Return the squared lengths of the records along all axes (d,), and the records along the leading ones.

    The eigenvalues say the lengths too, but only to rounding's share of the largest: in single precision most of them
    are smaller than that.
    """
    xp, (n, d) = namespace(X), X.shape
    squares, scores = xp.zeros_like(axes[0, :]), []
    for rows in blocks(n, _NUMBERS // d):
        S = X[rows, :] @ axes
        squares += xp.sum(weights[rows, None] * S**2, axis=0)
        scores.append(xp.asarray(S[:, :leading], copy=True))
    return squares, xp.concat(scores, axis=0)


def _metric(squares: Array, l2: Array) -> Array:
    """Return what a unit of each feature (d,) counts: its penalty, or without one a share of its sum of squares.

    So the penalty is the same along all axes, and where it outweighs the data nothing else is left to approximate.
    The share is the least that a penalty has of any feature's sum, or one; then the unit of a feature does not matter.
    """
    xp = namespace(l2)
    own = xp.where(squares > 0, squares, xp.ones_like(squares))
    shares = xp.where(l2 > 0, l2 / own, xp.full_like(l2, xp.inf))
    share = xp.min(shares)
    return xp.where(l2 > 0, l2, own * xp.where(xp.isfinite(share), share, xp.ones_like(share)))


class TwoLevel:
    """Applies the approximate inverse: symmetric, and positive definite on the contrasts between classes.

    Parameters
    ----------
    objective : Objective
        Softmax loss, n records.
    principal : PrincipalAxes
        Of its records.
    Z : array (n, k)
        The predictions that the Hessian is taken at.
    thorough : bool
        Form the Hessian along the other axes contrast by contrast: at a weak penalty well under half of the products,
        at a strong one nearly as many (decision 0010). Not done where rounding could make it indefinite, as without a
        penalty.

    Notes
    -----
    With r axes and c = k - 1 contrasts: n r^2 k c / 2 and about (r c)^3 flops once, 4 d^2 c + 4 (r c)^2 for each
    application; memory (r c)^2 numbers beside the axes. Thorough: n d^2 (c + 2) + 2 d^3 c flops more once, 2 d^2 c for
    each application, and d^2 c numbers.
    """

    def __init__(self, objective: Objective, principal: PrincipalAxes, Z: Array, *, thorough: bool = False) -> None:
        xp = namespace(Z)
        self.axes = principal.axes
        r = self.leading = principal.scores.shape[1]
        P = objective.loss.residual(xp.zeros_like(Z), Z)  # softmax(z)
        weighted = P if objective.weights is None else P * objective.weights[:, None]
        mass = xp.sum(weighted, axis=0)
        mean = xp.eye(P.shape[1], dtype=P.dtype, device=P.device) * mass - xp.matrix_transpose(P) @ weighted
        mean = mean / xp.sum(mass)  # diag(p) - pp', averaged over the records
        start = _contrasts(mean)
        share, turn = xp.linalg.eigh(xp.matrix_transpose(start) @ mean @ start)
        self.contrasts = start @ turn  # (k, c), along which the mean curvature is diagonal
        share = xp.maximum(share, float(xp.finfo(P.dtype).eps) * share[-1])
        penalty = xp.sum(self.axes[:, r:] ** 2 * objective.l2[:, None], axis=0)
        self.rest = principal.squares[r:, None] * share[None, :] + penalty[:, None]
        self.half = self._leading_half(objective, principal.scores, Z)
        self.inverses = self._inverses(objective, weighted, P) if thorough else None

    def _leading_half(self, objective: Objective, scores: Array, Z: Array) -> Array:
        """Return a half of the inverse of the Hessian along the leading axes (r c, r c)."""
        xp, r, (k, c) = namespace(Z), self.leading, self.contrasts.shape
        along = Objective(scores, objective.Y, objective.loss, xp.zeros_like(objective.l2[:r]), objective.weights)
        H = xp.reshape(dense_hessian(along, Z), (r, k, r, k))
        H = xp.tensordot(xp.tensordot(H, self.contrasts, axes=((1,), (0,))), self.contrasts, axes=((2,), (0,)))
        H = xp.permute_dims(H, (0, 2, 1, 3))  # from (r, r, c, c)
        leading = self.axes[:, :r]
        penalty = xp.matrix_transpose(leading) @ (objective.l2[:, None] * leading)
        for j in range(c):
            H[:, j, :, j] = H[:, j, :, j] + penalty
        H = xp.astype(xp.reshape(H, (r * c, r * c)), xp.float64)  # single precision may not tell that it is definite
        return xp.astype(factor(H).half, Z.dtype)

    def _inverses(self, objective: Objective, weighted: Array, P: Array) -> Array | None:
        """Return the inverse of each contrast's own Hessian along the other axes (c, d - r, d - r).

        None at all where one is too near to being singular for its inverse to be surely definite.
        """
        xp, T = namespace(P), self.contrasts
        rest = self.axes[:, self.leading :]
        if not rest.shape[1]:
            return None
        curvature = xp.maximum(weighted @ T**2 - (weighted @ T) * (P @ T), 0 * P[:, 1:])  # (n, c): t' (diag p - pp') t
        root = xp.sqrt(curvature)
        penalty = xp.matrix_transpose(rest) @ (objective.l2[:, None] * rest)
        inverses = xp.zeros((T.shape[1], 1, 1), dtype=P.dtype, device=P.device) + penalty
        for rows in blocks(objective.n, _NUMBERS // rest.shape[0]):
            S = objective.X[rows, :] @ rest
            for j in range(T.shape[1]):
                inverses[j, :, :] += gram(S, root[rows, j])
        for j in range(T.shape[1]):
            H = inverses[j, :, :]
            try:
                inverse = xp.linalg.inv(H)
            except (np.linalg.LinAlgError, RuntimeError):  # torch's own error is a RuntimeError
                return None
            condition = float(xp.max(xp.linalg.diagonal(inverse))) * float(xp.max(xp.linalg.diagonal(H)))
            rounded = _SURE * float(xp.finfo(H.dtype).eps) * condition
            if not (rounded < 1 and float(xp.min(xp.linalg.diagonal(inverse))) > 0):
                return None
            inverses[j, :, :] = (inverse + xp.matrix_transpose(inverse)) / 2
        return inverses

    def __call__(self, V: Array) -> Array:
        """Return the approximate inverse applied to V (b, d, k)."""
        xp, r, (b, d, _) = namespace(V), self.leading, V.shape
        c = self.contrasts.shape[1]
        flat = xp.reshape(xp.permute_dims(V @ self.contrasts, (0, 2, 1)), (b * c, d)) @ self.axes
        turned = xp.permute_dims(xp.reshape(flat, (b, c, d)), (0, 2, 1))  # (b, d, c)
        leading = xp.reshape(turned[:, :r, :], (b, r * c)) @ self.half @ xp.matrix_transpose(self.half)
        if self.inverses is not None:
            rest = xp.permute_dims(xp.permute_dims(turned[:, r:, :], (2, 0, 1)) @ self.inverses, (1, 2, 0))
        else:
            rest = turned[:, r:, :] / self.rest
        turned = xp.concat([xp.reshape(leading, (b, r, c)), rest], axis=1)
        flat = xp.reshape(xp.permute_dims(turned, (0, 2, 1)), (b * c, d)) @ xp.matrix_transpose(self.axes)
        return xp.permute_dims(xp.reshape(flat, (b, c, d)), (0, 2, 1)) @ xp.matrix_transpose(self.contrasts)


def _contrasts(like: Array) -> Array:
    """Return orthonormal columns (k, k - 1) that sum to zero each."""
    xp, k = namespace(like), like.shape[0]
    basis = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, 1:]]))[0][:, 1:]
    return xp.asarray(basis, dtype=like.dtype, device=like.device)
