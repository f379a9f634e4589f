"""`protect` of a network: deletions played between its optima under each defence, attacked, and what each costs."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from undelete.adapters.sklearn.perceptron import is_perceptron, with_module
from undelete.adapters.torch import Pair
from undelete.auditing import inputs
from undelete.auditing.network_arena import NetworkArena
from undelete.auditing.network_features import Features
from undelete.auditing.network_played import People, converged, private_fit, trainable
from undelete.auditing.network_reading import Training, perceptrons, read_networks, true_records
from undelete.auditing.protection import REFITTING, Protection, digest, own_parameters, recommended, with_standing
from undelete.auditing.rows import Rows, climbed, stream
from undelete.auditing.words import seeds
from undelete.errors import InputError
from undelete.maintainer.defences.networks_ladder import NETWORK_DEFENCES, NOT_HERE
from undelete.maintainer.defences.of_networks import NetworkDefence, PrivateNetwork, ProtectedNetwork
from undelete.maintainer.networks import DENSE, retrain_without, train
from undelete.maintainer.sweep import fingerprint
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import loss_of
from undelete.release.networks import NetworkRelease
from undelete.release.protection import Law
from undelete.scoring.truth import Truth

_TOL = 1e-9
_LOSSES = {"bce": "logistic", "cross_entropy": "softmax", "mse": "squared", "half_squared": "squared",
           "poisson_nll": "poisson"}  # fmt: skip
_ALONE = "the row of a refitted preprocessing is played for pipelines of linear models"
Progress = Callable[[int, int], object]


def protect_network(
    module: Any,
    people: People,
    training: Training,
    *,
    features: Features | None,
    deletions: int | ArrayLike,
    defences: Sequence[Any] | None,
    limits: Mapping[str, float | None],
    rng: int,
    checkpoint: Path | None,
    progress: Progress | None = None,
) -> Protection:
    """Play deletions under each defence, attack each by somebody who knows it, and say what each costs.

    See `undelete.protect`; `limits` are `max_exposure`, `max_loss` and `epsilon`.
    """
    estimator, ladder, refused = module, *_ladder(defences)
    if is_perceptron(estimator):
        module, _, training, features, _ = perceptrons(estimator, estimator, training, features)
    training = dataclasses.replace(training, n=len(people.private))
    pair, release, reading = read_networks(
        module, copy.deepcopy(module), people.public, training, features=features, target=people.target
    )
    loss = _loss(pair)
    release, start = trainable(module, release)
    if release.network.parameters > DENSE:
        raise InputError(
            f"{release.network.parameters:,} parameters are trained: defences are played up to {DENSE:,}, since their "
            "covariances are formed; freeze the first layers (requires_grad False)"
        )
    draw, judge = seeds(rng).spawn(2)
    rows = inputs.rows(deletions, len(people.private), np.random.default_rng(draw))
    fit = private_fit(people, reading, release)
    theta = converged(train(fit, start, tol=_TOL), "all records")
    gone = retrain_without(fit, theta, rows, tol=_TOL, l2=release.penalty_after)
    after = np.stack([converged(one, f"all records but {row}") for row, one in zip(rows, gone, strict=True)])
    private = PrivateNetwork(
        fit, theta, rows, after, release.X_public, release.Y_network,
        averaged=not np.array_equal(release.penalty_before, release.penalty_after),
    )  # fmt: skip

    def truth(which: NDArray[np.int64], seen: NetworkRelease) -> Truth:
        return true_records(people.private.iloc[which], reading, seen)

    arena = NetworkArena(private, release, loss, truth, judge, float(limits["max_exposure"] or 0.0))
    refused |= {one.name: why for one in ladder if (why := one.refusal(private))}
    steps = [(one, strength) for one in ladder if one.name not in refused for strength in one.strengths]
    if not steps:
        raise InputError("no defence applies to this network: " + "; ".join(f"{k}: {v}" for k, v in refused.items()))
    played = Rows(checkpoint, _mark(private, arena, rng))
    plain = ProtectedNetwork(theta, after, fit.l2)
    found = [played.row("none", lambda: arena.row(plain, None, None))]
    made, more = climbed(played, arena, steps, found, rng, progress)
    refused |= more
    table = with_standing(pd.DataFrame(found), arena.limit)
    chosen = recommended(table, limits, len(rows))
    result = Protection(
        table=table, recommended=None, model=None, refused=refused, deletions=len(rows),
        of=digest(*own_parameters(estimator)), limits=dict(limits), warnings=tuple(people.told()),
    )  # fmt: skip
    if chosen is None:
        return result
    best, released = table.iloc[chosen], made[chosen][0].protect(private, made[chosen][1], stream(*made[chosen], rng))
    # what is handed out is drawn by nobody's seed: whoever knew it would take the noise off
    own = with_theta(module, release, released.again(np.random.default_rng()))
    own = with_module(estimator, own) if is_perceptron(estimator) else own
    l2, budget = tuple(released.l2.tolist()), released.budget
    law = Law(str(best["label"]), l2, released.law, chance=released.chance)
    if budget is not None:
        law = Law(str(best["label"]), l2, None, budget.epsilon, budget.delta, budget.telling())
    return dataclasses.replace(result, recommended=best, model=own, law=law)


def with_theta(module: Any, release: NetworkRelease, theta: Floats) -> Any:
    """Return a copy of a module with other parameters (p,) in place of those that are trained, in its own precision."""
    copied = copy.deepcopy(module)
    own = dict(copied.named_parameters())
    for name, values in release.network.named(theta).items():
        held = own[name]
        held.data = release.network.tensor(values).to(held.dtype).to(held.device)
    return copied


def _ladder(defences: Sequence[Any] | None) -> tuple[list[NetworkDefence], dict[str, str]]:
    """Return the defences that are asked for, and why others are not there."""
    if defences is None:
        return list(NETWORK_DEFENCES.values()), dict(NOT_HERE)
    asked = [defences] if isinstance(defences, str | NetworkDefence) else list(defences)
    known = [*NETWORK_DEFENCES, *NOT_HERE, REFITTING]
    for one in asked:
        if isinstance(one, str) and one not in known:
            raise InputError(f"there is no defence {one!r}; choose among {', '.join(NETWORK_DEFENCES)}")
        if not isinstance(one, str | NetworkDefence):
            raise InputError(f"{type(one).__name__} is a defence of linear models, and this is a network")
    refused = {one: NOT_HERE.get(one, _ALONE) for one in asked if isinstance(one, str) and one not in NETWORK_DEFENCES}
    ladder = [NETWORK_DEFENCES[one] if isinstance(one, str) else one for one in asked if one not in refused]
    return ladder, refused


def _loss(pair: Pair) -> Loss:
    name = _LOSSES.get(pair.loss.name)
    if name is None:
        raise InputError(
            f"what a defence costs is measured for the losses bce, cross_entropy, mse and poisson_nll, and this is "
            f"{pair.loss.name}"
        )
    return loss_of(name)


def _mark(private: PrivateNetwork, arena: NetworkArena, rng: int) -> str:
    """Return a digest of all that a row depends on but its own defence."""
    fit = private.fit
    arrays = [fit.X, fit.Y, fit.l2, private.theta, private.rows, private.X_public, private.Y_public]
    return fingerprint(arrays, str(fit.network.module), arena.loss, rng, arena.limit, version("undelete"))
