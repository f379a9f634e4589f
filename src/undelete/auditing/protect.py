"""What to do about an exposed deletion, measured: defences, what each leaves of the attack, and what each costs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.files.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target, target_names
from undelete.auditing import inputs
from undelete.auditing.arena import Arena
from undelete.auditing.inputs import Table
from undelete.auditing.problem import Problem
from undelete.auditing.protection import Protection, recommended, with_parameters
from undelete.auditing.tables import thinned_with
from undelete.auditing.words import seeds
from undelete.errors import InputError
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.robust import Huber
from undelete.release.protection import Law

_TOL = 1e-9
_FEATURES = 1000  # up to which a defence's covariance is formed
Progress: TypeAlias = Callable[[int, int], None]


def protect(
    model: BaseEstimator | LinearModel | str | os.PathLike[str],
    X: Table,
    y: ArrayLike,
    X_public: Table,
    y_public: ArrayLike,
    *,
    deletions: int | ArrayLike = 200,
    defences: Sequence[str | Defence] | None = None,
    max_exposure: float = 0.1,
    max_loss: float = 0.01,
    epsilon: float | None = None,
    rng: int = 0,
    trust: bool = False,
    progress: Progress | None = None,
) -> Protection:
    """Play deletions under each defence, attack each by somebody who knows the defence, and say what each costs.

    Parameters
    ----------
    model : estimator, Pipeline, LinearModel or path
        Fitted. Its preprocessing stays as it is: refitting it may give the record away whatever is done to the rest.
    X, y : DataFrame or array (n, columns), array (n,) or (n, k)
        The private training records and their targets.
    X_public, y_public
        Public records with the same columns: bounds and settings of the defences are chosen on them, the attack works
        from them, and utility is measured on them.
    deletions : int or array of int
        How many to play, drawn at random, or which rows.
    defences : sequence of str or Defence, optional
        Names in `undelete.maintainer.defences.ladder.DEFENCES`, or values with ladders of your own; all by default.
    max_exposure, max_loss : float
        A defence is within the limits where the upper ends of the intervals of its exposure and its loss of utility
        are not above these; where an epsilon of 1 at most is proved the exposure itself, which only confirms it.
    epsilon : float, optional
        Only defences that prove at most this much of one release are within the limits.
    rng : int
        Seed of the draws.
    trust : bool
        Whether a pickled model file may be loaded, which runs its code.
    progress : callable, optional
        Called as progress(done, total) in rows of the table.

    Raises
    ------
    InputError
        When the input cannot be used, or no defence applies.

    Notes
    -----
    Cost: for each row of the table one refit, the deletions exactly, and two attacks of some 20 ms a deletion.
    """
    ladder = _ladder(defences)
    estimator = load_model(model, trust=trust) if isinstance(model, str | os.PathLike) else model
    train = inputs.as_records(X)
    public, y_public, _ = thinned_with(inputs.as_records(X_public), y_public)
    problem = Problem.of(estimator, train, y, public=public)
    if problem.objective.X.shape[1] > _FEATURES:
        raise InputError(
            f"the model has {problem.objective.X.shape[1]:,} features: defences are played up to {_FEATURES:,}, since "
            "their covariances are formed"
        )
    if problem.model.l1 is not None or isinstance(problem.objective.loss, Huber):
        raise InputError(
            f"defences are not played for {problem.model.kind}: they refit by l2 penalties and losses whose scale is "
            "fixed; protect a Ridge or LogisticRegression of the same features"
        )
    Y_public = encode_target(problem.model, y_public, ", ".join(target_names(y_public)))
    draw, noise, judge = seeds(rng).spawn(3)
    rows = inputs.rows(deletions, problem.objective.n, np.random.default_rng(draw))
    problem.refuse_last_of_class(rows)
    retrained = retrain_without(problem.objective, problem.W, rows, tol=_TOL)
    refuse_unconverged(retrained, _TOL)
    view = inputs.public_view(problem.model, public, Y_public)
    for array in view.values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)  # one copy for all releases, whose attacker then learns one prior
    private = Private(
        problem.objective, problem.W, retrained, view["X_public"], Y_public, has_constant=problem.model.has_constant
    )
    refused = {one.name: why for one in ladder if (why := one.refusal(private))}
    steps = [(one, strength) for one in ladder if one.name not in refused for strength in one.strengths]
    if not steps:
        raise InputError("no defence applies to this model: " + "; ".join(f"{k}: {v}" for k, v in refused.items()))
    arena = Arena(private, view, problem, train, judge)
    plain = Protected(problem.W, private.W_after, problem.W, np.asarray(problem.objective.l2))
    found, released = [arena.row(plain, None, None)], [plain]
    for done, ((one, strength), seed) in enumerate(zip(steps, noise.spawn(len(steps)), strict=True), start=1):
        if progress is not None:
            progress(done - 1, len(steps))
        protected = one.protect(private, strength, np.random.default_rng(seed))
        found.append(arena.row(protected, one, strength))
        released.append(protected)
    if progress is not None:
        progress(len(steps), len(steps))
    table = pd.DataFrame(found)
    chosen = recommended(table, max_exposure, max_loss, epsilon)
    return Protection(
        table=table,
        recommended=None if chosen is None else table.iloc[chosen],
        model=None if chosen is None else with_parameters(estimator, problem.model, released[chosen]),
        refused=refused,
        limits={"max_exposure": max_exposure, "max_loss": max_loss, "epsilon": epsilon},
        deletions=len(rows),
        law=None if chosen is None else _law(table.iloc[chosen], released[chosen]),
    )


def _law(row: pd.Series[Any], released: Protected) -> Law:
    return Law(str(row["label"]), tuple(released.l2.tolist()), released.noise, released.epsilon, released.delta)


def _ladder(defences: Sequence[str | Defence] | None) -> list[Defence]:
    if defences is None:
        return list(DEFENCES.values())
    asked = [defences] if isinstance(defences, str | Defence) else list(defences)
    for one in asked:
        if isinstance(one, str) and one not in DEFENCES:
            raise InputError(f"there is no defence {one!r}; choose among {', '.join(DEFENCES)}")
    if not asked:
        raise InputError(f"defences is empty: name at least one of {', '.join(DEFENCES)}")
    return [DEFENCES[one] if isinstance(one, str) else one for one in asked]
