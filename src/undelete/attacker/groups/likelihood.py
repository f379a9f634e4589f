"""What the change of a model says of several people together: a normal likelihood of the sum of their gradients, (32).

Minus the gradient of a person x is x' rho, rho = -residual(y, x W). Of who left, at the old model; who joined counts
against them, at the new one. Their sum is estimated with the covariance of maths (10), as one person's is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.gradient.difference import Difference, moves, penalty_share
from undelete.attacker.groups.lattice import GroupLattice
from undelete.attacker.table.likelihood import FLOOR
from undelete.attacker.table.whole_error import whole_error
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.objective import accumulate
from undelete.maths.solvers import factor
from undelete.release.release import Release


@dataclass(frozen=True, eq=False)
class SumLikelihood:
    """What G says of people, each number in units of its own error: r of them, independent.

    Parameters
    ----------
    loss : Loss
        The model's.
    seen : array (r,)
        G.
    size : float
        Logarithm of the determinant of what made it white: densities of different settings compare.
    terms : sequence of arrays (k, values, r)
        For each column and output what each value adds to a person's x, white.
    constant : array (k, r)
        What the constant adds.
    scores : sequence of arrays (2, values, k)
        For each column what each value adds to x W, of the old model and of the new one.
    offset : array (2, k)
        What the constant adds.
    labels : array (classes, k) or None
        The targets that a person may have; None where it is a number, whose rho is free.
    spread : array (k,)
        Deviation of rho over the public records.
    """

    loss: Loss
    seen: Floats
    size: float
    terms: list[Floats]
    constant: Floats
    scores: list[Floats]
    offset: Floats
    labels: Floats | None
    spread: Floats


def remaining(release: Release, left: int) -> int:
    """Return how many records are in both models.

    Raises
    ------
    InputError
        Where the number of training records is not known, or too small.
    """
    if release.n is None:
        raise InputError("the number of training records is not known, and of several people nothing is said without: "
                         "give n (n=, --n)")  # fmt: skip
    if release.n <= left:
        raise InputError(f"{left:,} records left of {release.n:,}: there is no model without them")
    return release.n - left


def sum_gradient(release: Release, left: int) -> tuple[Floats, Floats]:
    """Return G (d, k), the sum of minus the gradients of who left less those of who joined, and its covariance.

    The covariance (d k, d k) is of vec(G), output after output within a feature.
    """
    n = remaining(release, left)
    way = Difference.best(release).way
    way = "hessian" if way == "hessian" else "answers"
    t = moves(release, way)[:, 0]
    G = accumulate(release.X_public, t) * (n / len(release.X_public))
    share = penalty_share(release)
    if share is not None:
        G = G + share[0]
    if release.tolerance == np.inf:
        raise InputError("the fits are known not to be the optimum: of several people nothing can be said")
    C = whole_error(release, way, n)
    size = float(np.abs(G[-1]).max()) if release.constant is None else float(np.abs(release.constant @ G).max())
    C += FLOOR * size**2 * np.eye(len(C))
    return np.asarray(G), C


def sum_likelihood(release: Release, lattice: GroupLattice, left: int) -> SumLikelihood:
    """Return the likelihood of people on a lattice; `left` of them left.

    Notes
    -----
    Cost m (d k)^2 + 10 (d k)^3 flops.
    """
    G, C = sum_gradient(release, left)
    d, k = G.shape
    half = np.asarray(factor(C).half)
    white = half.reshape(d, k, -1)
    W = np.stack([release.W_before, release.W_after[0]])
    terms, scores = [], []
    for j, column in enumerate(lattice.columns):
        records = column.terms @ lattice.back[lattice.starts[j] : lattice.starts[j + 1]]  # (values, d)
        terms.append(np.ascontiguousarray(np.einsum("vd,dkr->kvr", records, white)))
        scores.append(np.asarray(records @ W))
    own = lattice.back[-1]
    return SumLikelihood(
        loss=release.loss,
        seen=G.reshape(-1) @ half,
        size=0.5 * float(np.linalg.slogdet(half.T @ half)[1]),
        terms=terms,
        constant=np.einsum("d,dkr->kr", own, white),
        scores=scores,
        offset=np.asarray(own @ W),
        labels=_labels(release),
        spread=_spread(release),
    )


def _labels(release: Release) -> Floats | None:
    if release.target_kind == "number":
        return None
    k = release.W_before.shape[1]
    if k == 1:
        return np.array([[-1.0], [1.0]])
    low = release.loss.low
    return np.asarray(np.eye(k) * (1 - low) + low)


def _spread(release: Release) -> Floats:
    """Return the deviation of the residual; where there are no public targets, about that of the answers."""
    Z = release.predictions(release.W_before)
    if release.Y_public is None:
        return np.asarray(np.maximum(Z.std(axis=0), 1e-12))
    R = release.loss.residual(release.Y_public, Z)
    return np.asarray(np.maximum(np.sqrt((R**2).mean(axis=0)), 1e-12))
