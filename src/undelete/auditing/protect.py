"""What to do about an exposed deletion, measured: defences, what each leaves of the attack, and what each costs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.adapters.design.conform import folded
from undelete.adapters.files.networks import Architecture
from undelete.adapters.statsmodels import is_result
from undelete.adapters.targets import encode_target, target_names
from undelete.adapters.torch_loss import LossLike
from undelete.auditing import inputs
from undelete.auditing.arena import Arena
from undelete.auditing.camera import Camera
from undelete.auditing.cautions import overlap
from undelete.auditing.handed_out import with_parameters
from undelete.auditing.inputs import Table
from undelete.auditing.network_features import Features
from undelete.auditing.network_played import People as Tables
from undelete.auditing.network_protect import protect_network
from undelete.auditing.network_reading import Training, is_network, opened
from undelete.auditing.own_weights import refuse_own_weights
from undelete.auditing.problem import Problem
from undelete.auditing.protection import (
    REFITTING,
    Pictures,
    Protection,
    digest_of,
    recommended,
    with_standing,
)
from undelete.auditing.refitting import People, refitting_row
from undelete.auditing.rows import Rows, climbed, stream
from undelete.auditing.tables import accepted, thinned_with
from undelete.auditing.words import seeds
from undelete.data.schema import ImageInfo
from undelete.errors import InputError
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maintainer.defences.of_networks import NetworkDefence
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maintainer.sweep import fingerprint
from undelete.maths.robust import Huber
from undelete.release.columns import frozen
from undelete.release.protection import Law

_TOL = 1e-9
_REFITTED = 5  # deletions after which everything is refitted: an audit each
_FEATURES = 1000  # up to which a defence's covariance is formed
Progress: TypeAlias = Callable[[int, int], None]


def protect(
    model: Any,
    X: Table,
    y: ArrayLike,
    X_public: Table,
    y_public: ArrayLike,
    *,
    deletions: int | ArrayLike = 200,
    defences: Sequence[str | Defence | NetworkDefence] | None = None,
    max_exposure: float = 0.1,
    max_loss: float = 0.01,
    epsilon: float | None = None,
    image: ImageInfo | None = None,
    loss: LossLike | None = None,
    l2: float | Mapping[str, float] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    features: Features | None = None,
    architecture: Architecture | None = None,
    rng: int = 0,
    trust: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Protection:
    """Play deletions under each defence, attack each by somebody who knows the defence, and say what each costs.

    Parameters
    ----------
    model : estimator, Pipeline, LinearModel, torch.nn.Module or path
        Fitted. Its preprocessing stays as it is: refitting it may give the record away whatever is done to the rest. A
        module, or one of scikit-learn's perceptrons, is trained to its optimum from where it stands, the parameters
        that require a gradient; the others are taken to be public.
    X, y : DataFrame or array (n, columns), array (n,) or (n, k)
        The private training records and their targets.
    X_public, y_public
        Public records with the same columns: bounds and settings of the defences are chosen on them, the attack works
        from them, and utility is measured on them.
    deletions : int or array of int
        How many to play, drawn at random, or which rows.
    defences : sequence of str or Defence, optional
        Names in `undelete.maintainer.defences.ladder.DEFENCES`, of a network in `networks_ladder`, or values with
        ladders of your own; "refitting" for the row that says what a refitted preprocessing gives away; all by default.
    max_exposure, max_loss : float
        A defence is within the limits where the upper ends of the intervals of its exposure and its loss of utility
        are not above these; where an epsilon of 1 at most is proved the exposure itself, which only confirms it.
    epsilon : float, optional
        Only defences that prove at most this much of one release are within the limits.
    image : ImageInfo, optional
        How to see a record whose columns are pixels: then pictures are compared, and no column is a finding.
    loss, l2, weight_decay, features, architecture
        Of a network, as of `undelete.audit`.
    rng : int
        Seed of what is played; the noise of the model that is handed out has none.
    trust : bool
        Whether a pickled model file may be loaded, which runs its code.
    checkpoint : path, optional
        Folder that remembers the rows that are played, so that what was stopped goes on where it was.
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
    estimator = opened(model, architecture, trust=trust)
    limits = {"max_exposure": max_exposure, "max_loss": max_loss, "epsilon": epsilon}
    wrong = next((name for name, limit in limits.items() if limit is not None and not 0 <= limit < np.inf), None)
    if wrong is not None or epsilon == 0:
        raise InputError(f"{wrong or 'epsilon'} is {limits[wrong or 'epsilon']}: a limit is a number, epsilon above 0")
    said = Training(loss, None, l2, weight_decay)
    if is_network(estimator):
        if image is not None:
            raise InputError("pictures are compared of linear models, and this is a network: leave out image")
        return protect_network(
            estimator, Tables.of(X, y, X_public, y_public), said, features=features, deletions=deletions,
            defences=defences, limits=limits, rng=rng, checkpoint=None if checkpoint is None else Path(checkpoint),
            progress=progress,
        )  # fmt: skip
    if said != Training(None, None, None, None) or features is not None:
        raise InputError("loss, l2, weight_decay and features belong to a network: an estimator has its own")
    if is_result(estimator):
        raise InputError(
            "defences hand out a model of the type that came in, and a result of statsmodels cannot be made: give "
            "its coefficients as .json (docs/model-files.md), or a scikit-learn estimator"
        )
    ladder, refits = _ladder(defences)
    train = inputs.as_records(X)
    public, y_public, sampled = thinned_with(inputs.as_records(X_public), y_public)
    problem = Problem.of(estimator, train, y, public=public)
    public, y_public, _, left = accepted(problem.model, public, y_public)
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
    refuse_own_weights(problem.objective, "defences are not played")
    Y_public = encode_target(problem.model, y_public, ", ".join(target_names(y_public)))
    draw, _, judge = seeds(rng).spawn(3)
    rows = inputs.rows(deletions, problem.objective.n, np.random.default_rng(draw))
    problem.refuse_last_of_class(rows)
    retrained = retrain_without(problem.objective, problem.W, rows, tol=_TOL)
    refuse_unconverged(retrained, _TOL)
    view = inputs.public_view(problem.model, public, Y_public, raw=image is None)
    # one copy for all releases, whose attacker then learns one prior
    view["Y_public"] = frozen(Y_public)
    if view.get("public_codes") is not None:
        view["public_codes"] = frozen(view["public_codes"], np.int64)
    private = Private(
        problem.objective, problem.W, retrained, view["X_public"], Y_public,
        has_constant=problem.model.has_constant, offset_public=view["offset_public"],
    )  # fmt: skip
    if np.array_equal(private.W_after, np.broadcast_to(private.W, private.W_after.shape)):
        raise InputError(
            f"none of the {len(rows)} deletions that were played changed the model: they expose nobody, and there is "
            "nothing to defend: play more of them (deletions=, --deletions)"
        )
    refused = {one.name: why for one in ladder if (why := one.refusal(private))}
    steps = [(one, strength) for one in ladder if one.name not in refused for strength in one.strengths]
    if not steps and not refits:
        raise InputError("no defence applies to this model: " + "; ".join(f"{k}: {v}" for k, v in refused.items()))
    readout = inputs.pixels(problem.model, public, image)
    camera = None if image is None or readout is None else Camera.of(
        image, readout, np.asarray(y)[rows], np.random.default_rng(judge))  # fmt: skip
    arena = Arena(private, view, problem, train, judge, max_exposure, camera)
    played = Rows(None if checkpoint is None else Path(checkpoint), _mark(private, arena, rng, image))
    plain = Protected(problem.W, private.W_after, problem.W, np.asarray(problem.objective.l2))
    found = [played.row("none", lambda: arena.row(plain, None, None))]
    if refits:
        where = People(estimator, train, y, public, y_public)
        refit = played.row("refitting", lambda: refitting_row(where, rows[:_REFITTED], found[0]))
        refused |= {REFITTING: refit["refused"]} if "refused" in refit else {}
        found += [] if "refused" in refit else [refit]
    made, more = climbed(played, arena, steps, found, rng, progress)
    refused |= more
    shots = [row.pop("pictures", None) for row in found]
    table = with_standing(pd.DataFrame(found), max_exposure)
    chosen = recommended(table, limits, len(rows))
    result = Protection(
        table=table, recommended=None, model=None, refused=refused, deletions=len(rows), of=digest_of(problem.model),
        limits=limits, pictures=None if camera is None else Pictures(camera.heads, arena.pictured(), shots),
        warnings=(*sampled, *left, *folded(public, problem.model.design.uses), *overlap(train, y, public, y_public)),
    )  # fmt: skip
    if chosen is None:
        return result
    released = made[chosen][0].protect(private, made[chosen][1], stream(*made[chosen], rng))
    # what is handed out is drawn by nobody's seed: whoever knew it would take the noise off
    W, fitted_l2 = released.drawn(np.random.default_rng())
    best = table.iloc[chosen]
    law = Law(str(best["label"]), tuple(fitted_l2.tolist()), released.noise, released.epsilon, released.delta)
    return replace(result, recommended=best, model=with_parameters(estimator, problem.model, W), law=law)


def _mark(private: Private, arena: Arena, rng: int, image: ImageInfo | None) -> str:
    """Return a digest of all that a row depends on but its own defence."""
    objective = private.objective
    arrays = [objective.X, objective.Y, objective.l2, objective.weights, objective.offset, private.W, private.rows,
              private.X_public, private.Y_public, private.offset_public]  # fmt: skip
    return fingerprint(arrays, arena.problem.model.loss, rng, arena.limit, version("undelete"), image)


def _ladder(defences: Sequence[str | Defence | NetworkDefence] | None) -> tuple[list[Defence], bool]:
    """Return the defences that are asked for, and whether the preprocessing is to be refitted, too."""
    if defences is None:
        return list(DEFENCES.values()), True
    asked = [defences] if isinstance(defences, str | Defence | NetworkDefence) else list(defences)
    known = [*DEFENCES, REFITTING]
    for one in asked:
        if isinstance(one, NetworkDefence):
            raise InputError(f"{type(one).__name__} is a defence of networks, and this is a linear model")
        if isinstance(one, str) and one not in known:
            raise InputError(f"there is no defence {one!r}; choose among {', '.join(known)}")
    if not asked:
        raise InputError(f"defences is empty: name at least one of {', '.join(known)}")
    ladder = [DEFENCES[one] if isinstance(one, str) else one for one in asked if one != REFITTING]
    return [one for one in ladder if isinstance(one, Defence)], REFITTING in asked
