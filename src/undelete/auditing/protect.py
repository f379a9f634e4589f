"""What to do about an exposed deletion, measured: defences, what each leaves of the attack, and what each costs."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from undelete.adapters.files.files import load_model, save_model
from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target, target_names
from undelete.attacker.attacks import run_attack
from undelete.attacker.gradient.protected import knowing
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.auditing import inputs, truths
from undelete.auditing.inputs import Table
from undelete.auditing.problem import Problem
from undelete.auditing.tables import thinned_with
from undelete.auditing.words import seeds
from undelete.environment import environment
from undelete.errors import InputError
from undelete.files import write
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.gaussian import composed, epsilon_of, mu_of
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats, Indices
from undelete.release.release import Release
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.table import score
from undelete.scoring.truth import Truth
from undelete.scoring.utility import Utility, cost, utility

SCHEMA = "undelete.protection/1"
NONE = "none"
_TOL = 1e-9
_DRAWS = 20  # of a noisy model, over which its utility is averaged
_FEATURES = 1000  # up to which a defence's covariance is formed
PROOFS = {
    "proved": "proved: a bound on what anybody can learn",
    "measured": "measured: our strongest attack, which knows the defence; no bound for a stronger one",
}
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Protection:
    """Defences with what each leaves and costs, as `undelete.protect` returns them.

    Attributes
    ----------
    table : DataFrame
        One row a defence and strength, the first without any: `defence`, `label`, `strength`, `unit`, `proof`,
        `epsilon` and `delta` (of one release, where proved), `epsilon_two_releases`, `exposure` with its 95 % interval
        `exposure_low` and `exposure_high` (mean centred cosine of the strongest of our attacks, which know the defence;
        0 where negative), `whole_records` (share recovered exactly), `utility` (R2 or accuracy on public records),
        `utility_loss` with `utility_loss_low` and `utility_loss_high`, `loss`, `auc`, `largest_change` (of an answer).
    recommended : Series or None
        The row that is within the limits: a proved one where there is one, then the one that costs least; None where
        no row is.
    model : estimator, Pipeline or LinearModel, or None
        The protected model of that row.
    refused : dict of str to str
        Defences that do not apply to this model, and why.
    limits : dict
        `max_exposure`, `max_loss`, `epsilon`.
    deletions : int
        How many were played.
    """

    table: pd.DataFrame
    recommended: pd.Series[Any] | None
    model: BaseEstimator | LinearModel | None
    refused: dict[str, str]
    limits: dict[str, float | None]
    deletions: int

    def document(self) -> dict[str, Any]:
        """Return what protection.json holds: the recommended row, the whole table, and by what it was chosen."""
        rows: list[dict[str, Any]] = json.loads(self.table.to_json(orient="records"))
        chosen = None if self.recommended is None else rows[int(str(self.recommended.name))]
        return {
            "schema": SCHEMA,
            "deletions": self.deletions,
            "limits": self.limits,
            "recommended": chosen,
            "means": None if chosen is None else PROOFS[chosen["proof"]],
            "refused": self.refused,
            "table": rows,
            "environment": environment(),
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the protected model, and ``protection.json`` beside it; return that file.

        Parameters
        ----------
        path : path
            .skops for an estimator, .json or .npz for a `LinearModel`.

        Raises
        ------
        InputError
            When no defence is within the limits.
        """
        if self.model is None:
            raise InputError(
                "no defence is within the limits, so there is no protected model to write: allow more loss or more "
                "exposure, or play other defences"
            )
        save_model(self.model, path)
        beside = Path(path).with_name("protection.json")
        write(beside, json.dumps(self.document(), indent=1) + "\n")
        return beside


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
        are not above these.
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
    arena = _Arena(private, view, problem, train, judge)
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
    chosen = _recommended(table, max_exposure, max_loss, epsilon)
    return Protection(
        table=table,
        recommended=None if chosen is None else table.iloc[chosen],
        model=None if chosen is None else _with_parameters(estimator, problem.model, released[chosen]),
        refused=refused,
        limits={"max_exposure": max_exposure, "max_loss": max_loss, "epsilon": epsilon},
        deletions=len(rows),
    )


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


@dataclass(frozen=True, eq=False)
class _Arena:
    """Where a protected model is attacked and used."""

    private: Private
    view: dict[str, Any]
    problem: Problem
    train: pd.DataFrame
    judge: np.random.SeedSequence

    @property
    def classes(self) -> bool:
        return self.problem.model.classes is not None

    def row(self, protected: Protected, defence: Defence | None, strength: float | None) -> dict[str, Any]:
        """Return one row of the table."""
        rng = np.random.default_rng(self.judge)
        used, changes = self._used(protected, rng)
        before = self._utility(self.private.W)
        lost = cost(before, used)
        twice = None
        if protected.epsilon is not None and protected.delta is not None:
            twice = epsilon_of(composed(mu_of(protected.epsilon, protected.delta), 2), protected.delta)
        return {
            "defence": NONE if defence is None else defence.name,
            "label": "no defence" if defence is None else defence.label,
            "strength": strength,
            "unit": "" if defence is None else defence.unit,
            "proof": "measured" if defence is None else defence.proof,
            "epsilon": protected.epsilon,
            "delta": protected.delta,
            "epsilon_two_releases": twice,
            **self._attacked(protected, rng),
            "measure": used.name,
            "utility": used.value,
            "utility_loss": lost[0],
            "utility_loss_low": lost[1],
            "utility_loss_high": lost[2],
            "loss": used.loss,
            "auc": used.auc,
            "largest_change": changes,
        }

    def _attacked(self, protected: Protected, rng: np.random.Generator) -> dict[str, Any]:
        """Return what the strongest attack gets of the deletions."""
        objective = self.private.objective
        n = objective.n - (protected.together - 1)
        release = knowing(
            Release(
                loss=objective.loss, W_before=protected.W_before, W_after=protected.W_after,
                **dict(self.view, n=n, l2=protected.l2),
            ),
            protected.noise,
            protected.together,
        )  # fmt: skip
        rows = self._exposed(protected)
        truth = Truth(
            X=objective.X[rows], Y=objective.Y[rows],
            **truths.own_columns(self.problem.model, release, self.train.iloc[rows]),
        )  # fmt: skip
        best: dict[str, Any] = {}
        for attack in (HREC_PLUS, HREC):
            scores = score(release, truth, run_attack(attack, release, rng))
            near = np.nan_to_num(scores["centred_cosine"])
            low, high = mean_interval(near, rng)
            whole = np.nan_to_num(scores["exact_record"])
            one = {
                "attack": attack.name, "exposure": max(0.0, float(near.mean())), "exposure_low": max(0.0, low),
                "exposure_high": max(0.0, high), "whole_records": float(whole.mean()),
                "whole_records_high": wilson(float(whole.sum()), len(whole))[1],
            }  # fmt: skip
            if not best or one["exposure"] > best["exposure"]:
                best = one | {k: max(one[k], best.get(k, 0.0)) for k in ("whole_records", "whole_records_high")}
        return best

    def _exposed(self, protected: Protected) -> Indices:
        """Return the rows that are scored: of people who were deleted together the one whose gradient is largest."""
        if protected.members is None:
            return self.private.rows
        unit = self.private.unit[:, None]
        objective = self.private.objective
        largest = [
            members[np.argmax([(g**2).sum() for g in objective.take(members).own_gradients(self.private.W) / unit])]
            for members in protected.members
        ]
        return np.array(largest)

    def _utility(self, W: Floats) -> Utility:
        loss, Y = self.private.objective.loss, self.private.Y_public
        return utility(loss, Y, self.private.X_public @ W, classes=self.classes)

    def _used(self, protected: Protected, rng: np.random.Generator) -> tuple[Utility, float]:
        """Return the utility of the protected model, noise averaged over draws, and its largest change of an answer."""
        draws = [protected.again(rng) for _ in range(1 if protected.drawn is None else _DRAWS)]
        each = [self._utility(W) for W in draws]
        mean = {
            field: np.mean([getattr(one, field) for one in each], axis=0) for field in ("value", "parts", "loss", "auc")
        }
        X, old = self.private.X_public, self._answers(self.private.X_public @ self.private.W)
        change = max(float(np.abs(self._answers(X @ W) - old).max()) for W in draws[:1])
        used = Utility(each[0].name, float(mean["value"]), mean["parts"], float(mean["loss"]), float(mean["auc"]))
        return used, change

    def _answers(self, Z: Floats) -> Floats:
        loss, k = self.private.objective.loss, Z.shape[1]
        return np.asarray(loss.residual(np.ones_like(Z) if k == 1 else np.eye(k)[[0] * len(Z)], Z))


def _recommended(table: pd.DataFrame, max_exposure: float, max_loss: float, epsilon: float | None) -> int | None:
    """Return the row within the limits: proved before measured, then the least loss, then the weakest."""
    fits = (table["exposure_high"] <= max_exposure) & (table["utility_loss_high"] <= max_loss)
    # a batch is no other model: it is a way to release, and there is nothing to hand out
    fits &= ~table["defence"].isin([NONE, DEFENCES["batch"].name])
    if epsilon is not None:
        fits &= table["epsilon"].notna() & (table["epsilon"] <= epsilon)
    within = table[fits]
    if within.empty:
        return None
    ranked = within.assign(measured=within["proof"] != "proved", lost=within["utility_loss"].clip(lower=0))
    return int(ranked.sort_values(["measured", "lost"], kind="stable").index[0])


def _with_parameters(
    estimator: BaseEstimator | LinearModel, model: LinearModel, protected: Protected
) -> BaseEstimator | LinearModel:
    """Return a copy of a fitted model with the released parameters in place of its own."""
    W = protected.W_before
    coef = W[:-1].T if model.has_constant else W.T
    if isinstance(estimator, LinearModel):
        return dataclasses.replace(estimator, coef=coef, intercept=W[-1] if model.has_constant else None)
    copied = copy.deepcopy(estimator)
    last = copied
    while not hasattr(last, "coef_"):
        inner = last.steps[-1][1] if isinstance(last, Pipeline) else getattr(last, "best_estimator_", None)
        if inner is None:
            raise InputError(
                f"a {type(last).__name__} has no coefficients of its own to replace: give the linear model and its "
                "preprocessing as a Pipeline"
            )
        last = inner
    if np.size(last.coef_) != coef.size:
        raise InputError(
            f"the {type(last).__name__} has {np.size(last.coef_)} coefficients and the protected model {coef.size}: "
            "save the protected model as a LinearModel"
        )
    last.coef_ = coef.reshape(np.shape(last.coef_))
    if model.has_constant and np.ndim(getattr(last, "intercept_", 0.0)) == 0:
        last.intercept_ = float(W[-1, 0])
    elif model.has_constant:
        last.intercept_ = W[-1].reshape(np.shape(last.intercept_))
    return copied


def rows_of(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each defence's rows, in the order of the table."""
    for name in dict.fromkeys(table["defence"]):
        yield str(name), table[table["defence"] == name]
