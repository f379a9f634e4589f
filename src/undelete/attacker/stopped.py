"""What an attacker makes of a model that was stopped, not converged, and knows how it was trained: maths (40).

Gradient descent that is stopped is a filter: along a direction of curvature h of the mean loss a deletion moves the
model by q(h) times the record's gradient, where at an optimum it would be 1 / h. q is a polynomial that the length of
the steps, their number and their momentum determine, so it can be undone. The curvature alone, as at an optimum, is
too little along flat directions, which a stopped model has hardly begun to follow.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from undelete.attacker.embedding.posterior import most_probable
from undelete.attacker.gradient.difference import Difference, by_hessian
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.hrec_plus import hrec_plus
from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.maths.descent import Descent
from undelete.maths.krylov import Krylov
from undelete.maths.objective import Objective
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_NUMBERS = 2_000_000  # of the models whose directions are held at a time: up to 80 times as many
_ROUNDS = 4  # in which the record says how it pulled, and its pulls what the record was
_PULL = 1e3  # most that an early pull counts for beside the last


def undone(release: Release, descent: Descent) -> Release:
    """Return a release whose attacker knows that its models were stopped, and undoes it.

    Parameters
    ----------
    release : Release
        Of models that were trained alike, from zero.
    descent : Descent
        How.

    Returns
    -------
    Release
        With what was missing of minus the deleted gradients as `penalty_share`, which `hrec+` adds, and `unlike` for
        what momentum makes of errors.

    Raises
    ------
    InputError
        Where n is not known, the preprocessing was refitted, or steps of this length do not converge on the public
        records.

    Notes
    -----
    Minus the gradient is about n q(H)^-1 D, D the change of the model and H the public records' mean Hessian with the
    penalty. Two things are put right: the mean is over one record less, which is as if all steps were longer; and the
    record pulled otherwise in earlier steps, by what the model had it be then, which is known once the record is. The
    curvature is that at the old model. The sampling error is that of maths (10) at most, to first order, for q^-1
    rises at most as fast as the curvature; but where momentum still swings, when `unlike` counts it. Cost 96 products
    with the Hessian.

    Examples
    --------
    Twenty steps, too few for the second column, with and without the first record:

    >>> from undelete import Descent, Release
    >>> from undelete.maths.losses import Squared
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.normal(size=(500, 2)) * [1.0, 0.2], np.ones(500)])
    >>> y = X @ np.array([[1.0], [2.0], [3.0]]) + rng.normal(size=(500, 1))
    >>> def train(X, y):
    ...     W = np.zeros((3, 1))
    ...     for _ in range(20):
    ...         W = W - 0.3 * X.T @ (X @ W - y) / len(X)
    ...     return W
    >>> seen = Release(loss=Squared(), W_before=train(X, y), W_after=train(X[1:], y[1:])[None],
    ...                X_public=X, n=500, constant=np.array([0.0, 0.0, 1.0]))
    >>> X[0].round(2).tolist()
    [0.13, -0.03, 1.0]
    >>> reconstruct(seen, Descent(step=0.3, steps=20), rng).X[0].round(2).tolist()
    [0.13, -0.03, 1.0]
    """
    n, l2 = release.n, release.l2
    if n is None:
        raise InputError("the number of training records is not known, so a step cannot be undone; give n")
    if release.answer_change is not None or release.penalty_share is not None:
        raise InputError(
            "the models' preprocessing was refitted, or their penalty is said otherwise: a stopped training can only "
            "be undone where nothing but the coefficients changed"
        )
    m = len(release.X_public)
    Y = np.zeros((m, release.W_before.shape[1])) if release.Y_public is None else release.Y_public
    penalty = np.zeros(len(release.W_before)) if l2 is None else l2 * (m / n)
    public = Objective(release.X_public, Y, release.loss, penalty)

    def times(V: Floats) -> Floats:
        return np.asarray(public.hessian_vector_product(release.W_before, V)) / m

    old = Krylov(times, release.W_before[None])
    _sure_of(descent, float(old.values.max()))
    longer = dataclasses.replace(descent, step=descent.step * n / (n - 1))
    on_fewer = old.function(0, lambda h: longer.reach(h) / descent.reach(h))  # as if the mean were over n - 1
    path = old.weights(0, lambda h: descent.reached(h)[:-1] / descent.reach(h))  # (steps, p)
    way = _Way(old.basis(0), path)
    parts = blocks(release.deletions, max(1, _NUMBERS // release.W_before.size))
    whole, most = [], 1.0
    for part in parts:
        change = Krylov(times, on_fewer - release.W_after[part])
        whole.append(_gradients(release.take(part), change, longer, way))
        most = max(most, *map(longer.amplification, change.values, change.shares))
    share = (n - 1) * np.concatenate(whole) - by_hessian(release)
    return dataclasses.replace(release, penalty_share=share, unlike=release.unlike * most**2)


def reconstruct(release: Release, descent: Descent, rng: np.random.Generator) -> Reconstruction:
    """Return the records behind models that were stopped, by who knows how they were trained.

    Parameters
    ----------
    release : Release
        As for `undone`.
    descent : Descent
        How the models were trained.
    rng : numpy.random.Generator
        Not used: the attack draws nothing.

    Returns
    -------
    Reconstruction
        Of raw columns by `hrec+`. Of others one output is read, as HRec does, and what is behind an embedding is traced
        as by `hrec+`, maths (11): how far the outputs that `hrec+` mixes are off is known at an optimum only.
    """
    known = undone(release, descent)
    if known.columns:
        return hrec_plus(known, rng)
    return from_gradient(known, Difference.by(known, "hessian"), unchanged(known), attack="hrec+", trace=most_probable)


@dataclass(frozen=True, eq=False)
class _Way:
    """The models that training went through: `weights` (steps, p) of directions `basis` (p, d, k)."""

    basis: Floats
    weights: Floats

    def predictions(self, x: Floats) -> Floats:
        """Return what they predict for a record x (d,): (steps, k)."""
        return np.asarray(self.weights @ (x @ self.basis))


def _gradients(release: Release, change: Krylov, descent: Descent, way: _Way) -> Floats:
    """Return minus the deleted gradients of some deletions, a mean's share of them (b, d, k)."""
    every = range(release.deletions)
    G = np.stack([change.function(i, descent.back) for i in every])
    bare = dataclasses.replace(release, columns=(), public_codes=None, public_values=None, given=None, embedding=None,
                               inputs_public=None)  # fmt: skip
    same, n = unchanged(release), release.n or 1
    for _ in range(_ROUNDS):
        found = from_gradient(bare, Difference((n - 1) * G, "hessian"), same, attack="hrec+")
        if found.target is None:
            return G
        for i in every:
            if found.status[i] == "ok" and np.isfinite(found.target[i]).all():
                pulls = _pulls(release, way, found.X[i], found.target[i])
                G[i] = _by_output(change, i, descent, pulls)
    return G


def _by_output(change: Krylov, i: int, descent: Descent, pulls: Floats) -> Floats:
    """Return minus the gradient (d, k) of a record that pulled at each output so (steps, k)."""

    def back(h: Floats) -> Floats:
        return np.stack([descent.back(h, own) for own in pulls.T])

    return np.asarray(np.einsum("kp,pdk->dk", change.weights(i, back), change.basis(i)))


def _pulls(release: Release, way: _Way, x: Floats, target: Floats) -> Floats:
    """Return by how much a record pulled at each output in each step (steps, k), the last model's pull being 1."""
    Z = np.concatenate([way.predictions(x), x[None] @ release.W_before])
    pulls = np.asarray(release.loss.residual(np.broadcast_to(target, Z.shape), Z))
    with np.errstate(divide="ignore", invalid="ignore"):
        beside = np.nan_to_num(pulls[:-1] / pulls[-1], nan=1.0)
    return np.asarray(np.clip(beside, -_PULL, _PULL))


def _sure_of(descent: Descent, steepest: float) -> None:
    """Raise InputError where steps of this length would not converge."""
    if descent.step * steepest >= 2.0 * (1.0 + descent.momentum):
        raise InputError(
            f"steps of {descent.step:g} would not converge on the public records, whose mean loss bends by up to "
            f"{steepest:.3g}: is that the learning rate on the mean of the losses?"
        )
