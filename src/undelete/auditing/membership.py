"""Membership: was a record in the training data, and which of some people was deleted?

`membership` plays the likelihood ratio attack (LiRA) on a model of yours, as its auditor, who knows who was in the
training data. `who_was_deleted` takes two released models, and ranks candidates by how well each explains the
difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.design.conform import folded
from undelete.adapters.model import LinearModel
from undelete.adapters.offset import named_offset
from undelete.adapters.targets import target_names
from undelete.adapters.weights import resample_weights
from undelete.attacker.member.lira import Variance, lira
from undelete.auditing import cautions
from undelete.auditing.inputs import Table
from undelete.auditing.membership_result import Membership
from undelete.auditing.played_told import own_fit
from undelete.auditing.problem import FIT_TOL, Problem
from undelete.auditing.records import encoded_records
from undelete.auditing.tables import accepted
from undelete.auditing.written_out import written_out
from undelete.errors import InputError
from undelete.maintainer.joint_scale import fit_joint
from undelete.maintainer.resample import Fitted, bootstrap, fit_each_resample, fit_resamples
from undelete.maintainer.sparse import fit_sparse
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber
from undelete.scoring.lineup import Lineup

if TYPE_CHECKING:
    pass


def membership(
    estimator: BaseEstimator | LinearModel,
    X_private: Table,
    y_private: ArrayLike,
    X_holdout: Table,
    y_holdout: ArrayLike,
    X_public: Table,
    y_public: ArrayLike,
    *,
    shadows: int = 64,
    variance: Variance = "global",
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    rng: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Membership:
    """Play the likelihood ratio attack on a model: does it betray who was in its training data?

    The target model is refitted on the private records to convergence. Each shadow model is the same procedure
    (preprocessing, loss, penalty) on a bootstrap of the public records, as many as there are private ones. The
    attack sees the models, and private and held-out records so mixed that only the scoring knows which is which.

    Parameters
    ----------
    estimator : estimator, Pipeline or LinearModel
        Fitted on the private records, or not yet; as `undelete.simulate` takes it.
    X_private, y_private : DataFrame or array (n, columns), array (n,) or (n, k)
        The training records; of a Pipeline that starts with a vectoriser of text sequences of str, as all three.
    X_holdout, y_holdout : DataFrame or array (h, columns), array (h,)
        Records of the same population that were not in it.
    X_public, y_public : DataFrame or array (m, columns), array (m,)
        Other records, from which the attacker trains shadows; none of those to be scored.
    shadows : int
        How many, two at least. Carlini et al. and the paper use 64.
    variance : {"global", "record"}
        Whether the shadows' spread is one for all records or each record's own.
    offset, exposure : str, optional
        As of `undelete.leave_one_out`; all three tables have that column.
    rng : int
        Seed; bootstraps, mixing and intervals each have a stream of their own.
    progress : callable, optional
        Called as progress(done, total), in shadow models.

    Returns
    -------
    Membership
        Scores, ROC curve, `auc`, `tpr_at`, and their intervals.

    Raises
    ------
    InputError
        When the input cannot be used, or a fit does not converge.

    Notes
    -----
    64 shadows of 31,000 records and 11 features take less than a second. Source: Carlini et al. 2022, Section VI,
    offline attack; the paper's Appendix A; maths (15).

    Examples
    --------
    A model with as many parameters as records knows them by heart:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> draw = np.random.default_rng(0)
    >>> parts = [part for n in (30, 30, 60) for part in (draw.normal(size=(n, 29)), draw.normal(size=n))]
    >>> membership(LinearRegression(), *parts, shadows=16).auc > 0.9
    True
    """
    if not isinstance(shadows, int | np.integer) or shadows < 2:
        raise InputError(f"shadows is {shadows!r}: the spread of shadow models needs two at least, 64 are usual")
    draws = np.random.SeedSequence(_seed(rng)).spawn(3)
    estimator, (private, holdout, public) = written_out(estimator, y_private, X_private, X_holdout, X_public)
    problem = Problem.of(estimator, private, y_private, public=public, offset=named_offset(offset, exposure))
    public, y_public, _, refused = accepted(problem.model, public, y_public)
    target, model = problem.objective, problem.model
    name = ", ".join(target_names(y_private))
    seen = encoded_records(model, public, y_public, name, "public")
    others = encoded_records(model, holdout, y_holdout, name, "held-out")
    apart, unseen = model.offsets(holdout), model.offsets(public)
    shifts = None if apart is None or target.offset is None else (np.asarray(target.offset), apart)
    lineup = Lineup.mix((target.X, target.Y), others, np.random.default_rng(draws[0]), shifts)
    drawn = bootstrap(len(seen[0]), target.n, int(shadows), np.random.default_rng(draws[1]))
    shadowed = Objective(*seen, target.loss, target.l2, offset=unseen)
    weights = resample_weights(model, seen[1], drawn)
    fitted = _fitted_alone(problem)
    if fitted is not None:
        found = fit_each_resample(shadowed, problem.W, weights, fitted, tol=FIT_TOL, progress=progress)
    else:
        found = fit_resamples(shadowed, weights, tol=FIT_TOL, has_constant=model.has_constant, progress=progress)
    scores = lira(target.loss, problem.W, found.W, lineup.candidates, variance=variance)
    check = own_fit(problem)
    return Membership(
        scores=lineup.unmix(scores),
        member=lineup.member,
        variance=variance,
        shadows=int(shadows),
        gradient_norm=float(found.gradient_norm.max()),
        seed=draws[2],
        warnings=(
            *([] if check.ok else [check.text]),
            *refused,
            *folded(public, model.design.uses),
            *cautions.overlap(private, y_private, public, y_public),
        ),
    )


def _fitted_alone(problem: Problem) -> Callable[[Objective, Floats], Fitted] | None:
    """Return how a shadow of a model with an l1 penalty or a scale of its own is fitted; None: many at once."""
    loss = problem.objective.loss
    if isinstance(loss, Huber):
        return lambda objective, start: fit_joint(objective, start, loss.scale, tol=FIT_TOL)
    if problem.model.l1 is None:
        return None
    l1 = np.asarray(problem.model.summed(problem.objective.n).l1)
    return lambda objective, start: fit_sparse(objective, l1, start, tol=FIT_TOL)


def _seed(rng: int) -> int:
    if not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(f"rng is {rng!r}: it is a seed, a whole number of zero or more")
    return int(rng)
