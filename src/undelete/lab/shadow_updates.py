"""What Updates-Leak learns from and what it attacks, in two scenarios: one gradient step, and full retraining.

In either the attacker's share of the public records has three parts. Probes are asked about, and nothing is trained
on them. The shadow updates are of one part; in the first scenario the shadow model has not seen them, since the target
had not seen its record before the step, in the second it has. The rest trains the shadow model, too.

The attacker gets answers to its probes. The parameters are the maintainer's here, who answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.updates_leak.attack import Shadows
from undelete.attacker.updates_leak.seen import answer_change
from undelete.attacker.updates_leak.settings import View
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.influence import deletion_change, step_change
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.objective import Objective, predict
from undelete.release.release import Release
from undelete.scoring.scores import cosine
from undelete.scoring.truth import Truth

Progress = Callable[[int, int, str], None]
_TOLERANCE = 1e-9  # of the shadow model's gradient per record
_CHECKED = 8  # shadow deletions that are retrained exactly, too
_LEAST_SHARE, _MOST_SHARE = 10, 0.4  # of few public records a tenth are probes, four tenths shadows


@dataclass(frozen=True, eq=False)
class Roles:
    """The public records' rows by what they are for; together all of them."""

    probes: NDArray[np.int64]
    shadows: NDArray[np.int64]
    rest: NDArray[np.int64]

    @classmethod
    def deal(cls, count: int, probes: int, shadows: int, rng: np.random.Generator) -> Roles:
        """Deal some public records at random: so many probes and shadows, or fewer where there are few records."""
        order = rng.permutation(count)
        p, s = min(probes, count // _LEAST_SHARE), min(shadows, int(_MOST_SHARE * count))
        return cls(np.sort(order[:p]), np.sort(order[p : p + s]), np.sort(order[p + s :]))


@dataclass(frozen=True, eq=False)
class Updates:
    """One scenario, as the attacker meets it.

    Parameters
    ----------
    loss : Loss
        The models'.
    probes : array (p, d)
        The public records that are asked about, in the model's space.
    records : array (s, d0)
        The public records behind the shadow updates.
    shadows, targets : pairs of arrays (s or 1, p, k), (b or 1, p, k)
        Predictions at the probes of the models without the record and of those with it: of the shadow updates, and of
        the updates under attack.
    account : dict
        For the JSON: how the shadow model was fitted, and seconds.
    """

    loss: Loss
    probes: Floats
    records: Floats
    shadows: tuple[Floats, Floats]
    targets: tuple[Floats, Floats]
    account: dict[str, Any]

    def seen(self, view: View) -> tuple[Shadows, Floats]:
        """Return what the attacker has: the shadow updates, and the changes (b, p, k) under attack."""
        shadows = Shadows(answer_change(self.loss, *self.shadows, view), self.records)
        return shadows, answer_change(self.loss, *self.targets, view)


def single_step(release: Release, truth: Truth, roles: Roles, progress: Progress | None = None) -> Updates:
    """Return the paper's scenario: a model trained without a record takes one gradient step on it.

    The step is as long as descent allows for sure: 2 / |x|^2, |x|^2 the mean over the shadow model's records, since
    |x|^2 / 2 bounds the curvature of one record's loss. Its length hardly matters to an attack that scales changes to
    length one.

    Parameters
    ----------
    release : Release
        Deletions: the models after them are those that take the step.
    truth : Truth
        The records that they take it on.
    roles : Roles
        Of the public records.
    progress : callable, optional
        Called as progress(done, total, stage).
    """
    W, account = _shadow_model(release, roles.rest, progress)
    rate = 2.0 / float(np.square(release.X_public[roles.rest]).sum(axis=1).mean())
    began, probes, own = time.perf_counter(), release.X_public[roles.probes], _objective(release, roles.shadows)
    Z = (probes @ W)[None]
    shadows = Z, Z + step_change(own, W, probes, rate)
    account |= {"rate": rate, "seconds_shadows": time.perf_counter() - began}
    if truth.Y is None:
        raise ValueError("the step on a record needs its target")
    before = np.moveaxis(predict(probes, release.W_after), 0, 1)
    deleted = Objective(truth.X, truth.Y, release.loss, own.l2)
    targets = before, before + step_change(deleted, release.W_after, probes, rate)
    return Updates(release.loss, probes, release.records_public[roles.shadows], shadows, targets, account)


def full_retraining(release: Release, truth: Truth, roles: Roles, progress: Progress | None = None) -> Updates:
    """Return our scenario: the record is deleted by retraining, as everywhere else here.

    See `single_step`. The shadow deletions are of first order, the deletions under attack exact; a few of the former
    are retrained exactly, too, and compared.
    """
    rows = np.concatenate([roles.shadows, roles.rest])
    W, account = _shadow_model(release, rows, progress)
    began, probes = time.perf_counter(), release.X_public[roles.probes]

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total, "shadow deletions")

    objective, own = _objective(release, rows), np.arange(len(roles.shadows))
    Z = (probes @ W)[None]
    moved = deletion_change(objective, W, own, probes, told)
    account |= {"seconds_shadows": time.perf_counter() - began}
    exact = retrain_without(objective, W, own[:_CHECKED], tol=_TOLERANCE)
    refuse_unconverged(exact, _TOLERANCE)
    account |= _agreement(moved[:_CHECKED], np.moveaxis(predict(probes, np.asarray(exact.W) - W), 0, 1))
    targets = np.moveaxis(predict(probes, release.W_after), 0, 1), (probes @ release.W_before)[None]
    return Updates(release.loss, probes, release.records_public[roles.shadows], (Z + moved, Z), targets, account)


def _agreement(first_order: Floats, exact: Floats) -> dict[str, Any]:
    """Return how alike changes (b, p, k) of predictions are, a shift of all classes left out: cosine and length."""
    pairs = [(change - change.mean(axis=2, keepdims=True)).reshape(len(change), -1) for change in (first_order, exact)]
    lengths = [np.linalg.norm(rows, axis=1) for rows in pairs]
    alike = cosine(*pairs)
    return {
        "checked": len(exact), "first_order_cosine": float(np.median(alike)),
        "first_order_cosine_least": float(alike.min()),
        "first_order_length": float(np.median(lengths[0] / lengths[1])),
    }  # fmt: skip


def _objective(release: Release, rows: NDArray[np.int64]) -> Objective:
    """Return what the maintainer minimises, of some public records: the penalty is the same for each record."""
    if release.Y_public is None or release.l2 is None or release.n is None:
        raise ValueError("a shadow model needs public targets, the penalty and the number of private records")
    l2 = release.l2 * len(rows) / release.n
    return Objective(release.X_public[rows], release.Y_public[rows], release.loss, l2)


def _shadow_model(
    release: Release, rows: NDArray[np.int64], progress: Progress | None
) -> tuple[Floats, dict[str, Any]]:
    """Return the parameters of a model of some public records, and how it was fitted."""
    if progress is not None:
        progress(0, 1, "shadow model")
    began = time.perf_counter()
    found = fit(_objective(release, rows), tol=_TOLERANCE)
    if not found.converged:
        raise InputError(
            f"the shadow model did not converge (gradient {found.gradient_norm:.1e} per record), so its updates are "
            "not those of a trained model; use a larger penalty"
        )
    seconds = time.perf_counter() - began
    return np.asarray(found.W), {
        "n_shadow_model": len(rows), "gradient_norm_shadow_model": found.gradient_norm, "seconds_shadow_model": seconds,
    }  # fmt: skip
