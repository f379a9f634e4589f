"""Minus the deleted gradients of models that were stopped, by who knows their steps: the filter undone, maths (40)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.maths.descent import Descent
from undelete.maths.krylov import Krylov
from undelete.maths.objective import Objective
from undelete.release.release import Release

_NUMBERS = 2_000_000  # of the models whose directions are held at a time: up to 80 times as many
_ROUNDS = 4  # in which the record says how it pulled, and its pulls what the record was
_PULL = 1e3  # most that an early pull counts for beside the last


def public_objective(release: Release) -> Objective:
    """Return what training minimises, of the public records: the penalty beside the mean loss is the private one's."""
    m, W = len(release.X_public), release.W_before
    Y = np.zeros((m, W.shape[1])) if release.Y_public is None else release.Y_public
    penalty = np.zeros(len(W)) if release.l2 is None else release.l2 * (m / (release.n or m))
    return Objective(release.X_public, Y, release.loss, penalty)


def bent(release: Release, V: Floats) -> Krylov:
    """Return the directions of vectors V (b, d, k) under the public mean Hessian at the old model."""
    public, m = public_objective(release), len(release.X_public)
    return Krylov(lambda U: np.asarray(public.hessian_vector_product(release.W_before, U)) / m, V)


def gradients(release: Release, descent: Descent) -> Floats:
    """Return minus the deleted gradients (b, d, k), of all records that remain.

    Raises
    ------
    InputError
        Where steps of this length do not converge on the public records.
    """
    n = release.n or len(release.X_public)
    old = bent(release, release.W_before[None])
    _sure_of(descent, float(old.values.max()))
    longer = dataclasses.replace(descent, step=descent.step * n / (n - 1))
    on_fewer = old.function(0, lambda h: longer.reach(h) / descent.reach(h))  # as if the mean were over n - 1
    path = old.weights(0, lambda h: descent.reached(h)[:-1] / descent.reach(h))  # (steps, p)
    way = _Way(old.basis(0), path)
    parts = blocks(release.deletions, max(1, _NUMBERS // release.W_before.size))
    found = [
        _gradients(release.take(part), bent(release, on_fewer - release.W_after[part]), longer, way) for part in parts
    ]
    return np.asarray((n - 1) * np.concatenate(found))


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
    bare = release.without_columns()
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
