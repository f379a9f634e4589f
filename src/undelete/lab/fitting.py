"""How the maintainer deals a population and fits a model on its private half."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.lab.features import CHOSEN, on_features
from undelete.lab.kept import NOT_KEPT, Kept, Shelf, digest
from undelete.lab.models import _HELD_OUT, _SLOW, Model
from undelete.lab.penalty import hold_out_penalty
from undelete.lab.population import Halves, Population
from undelete.lab.steps import Steps
from undelete.maintainer.cross_validation import choose_penalty
from undelete.maintainer.fit import fit, gradient_norm, is_large
from undelete.maintainer.sweep import fingerprint
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective

_TOLERANCE = 1e-9  # of the gradient per record, for targets of size one


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted on a private half.

    Parameters
    ----------
    objective : Objective
        What was minimised, the penalty included.
    W : array (d, k)
        The parameters.
    tolerance : float
        Largest gradient per record that counts as a minimum, here and in the retraining.
    account : dict
        For the JSON: penalty, how it was chosen, the gradient at W, how well it predicts, seconds.
    """

    objective: Objective
    W: Floats
    tolerance: float
    account: dict[str, Any]


def deal(model: Model, population: Population, seed: int, steps: Steps) -> tuple[Halves, str]:
    """Return a population's halves before any features, and a digest of all that their model depends on."""
    steps.begin(f"{population.name}, {model.label}: reading")
    dealt = population.halves(model.kind, seed)
    records = fingerprint([dealt.X, dealt.Y, dealt.X_public, dealt.Y_public])
    return dealt, digest(records, model, seed, _HELD_OUT, _SLOW, CHOSEN)


def in_space(model: Model, population: Population, dealt: Halves, seed: int, shelf: Shelf, steps: Steps) -> Halves:
    """Return halves in the model's space."""
    if not model.features:
        return dealt
    steps.begin(f"{population.name}, {model.label}: features")
    return on_features(dealt, model.features, population.streams(seed)[4], shelf)


def kept_fit(model: Model, mark: str, shelf: Shelf) -> Kept | None:
    """Return the fit of a model whose halves have this digest, if it is remembered."""
    return shelf.load(f"fit-{model.key}", mark)


def fit_private(
    model: Model,
    population: Population,
    dealt: Halves,
    seed: int,
    *,
    mark: str = "",
    shelf: Shelf = NOT_KEPT,
    steps: Steps | None = None,
) -> Fitted:
    """Choose the penalty on the private half, and fit on all of it.

    The penalty is that of the summed objective, maths (1); the constant is not penalised. It is chosen
    before any deletion and kept, as in the paper.

    Parameters
    ----------
    model : Model
        What is fitted.
    population : Population
        Whose records they are.
    dealt : Halves
        In the model's space.
    seed : int
        Determines which records are held out.
    mark : str
        Digest of the halves, as by `deal`.
    shelf : Shelf
        Remembers the fit; what it remembers is used only if its gradient is small on these records.
    steps : Steps, optional
        Told what is done.

    Raises
    ------
    InputError
        When the fit does not converge.
    """
    steps = steps or Steps()
    l2 = np.ones(dealt.X.shape[1])
    l2[-1] = 0.0
    # gradients are in the target's unit: dollars need a wider tolerance than labels
    tolerance = _TOLERANCE * max(1.0, float(dealt.Y.std()))
    kept = kept_fit(model, mark, shelf)
    if kept is not None:
        objective = Objective(dealt.X, dealt.Y, model.loss, kept.account["penalty"] * l2)
        W = kept.arrays["W"]
        if W.shape[0] == len(l2) and gradient_norm(objective, W) <= 0.1 * tolerance:
            return Fitted(objective, W, tolerance, kept.account)
    start = time.perf_counter()
    steps.begin(f"{population.name}, {model.label}: penalty")
    penalty = _penalty(model, Objective(dealt.X, dealt.Y, model.loss, l2), population.streams(seed)[1])
    chosen = time.perf_counter()
    steps.begin(f"{population.name}, {model.label}: fit")
    objective = Objective(dealt.X, dealt.Y, model.loss, penalty * l2)
    found, how = fit(objective, tol=0.1 * tolerance), model.chosen
    if model.stand_in:
        right = _share_right(objective, found.W)
        if right < 1 and not is_large(objective):
            penalty = 0.0
            objective = Objective(dealt.X, dealt.Y, model.loss, 0 * l2)
            found = fit(objective, tol=0.1 * tolerance, start=found.W)
        else:
            how = f"{model.stand_in:g} in place of none: {_why_not_none(right)}"
    if not found.converged:
        raise InputError(
            f"{population.source}: the {model.label} did not converge (gradient {found.gradient_norm:.1e} per "
            "record), so the models before and after a deletion could not be compared; use more records"
        )
    account = {
        **dealt.account, "penalty": penalty, "penalty_chosen": how, "gradient_norm_fit": found.gradient_norm,
        **population.quality(dealt, found.W), "seconds_penalty": round(chosen - start, 2),
        "seconds_fit": round(time.perf_counter() - chosen, 2),
    }  # fmt: skip
    shelf.store(f"fit-{model.key}", mark, {"W": found.W}, account)
    return Fitted(objective, found.W, tolerance, account)


def _penalty(model: Model, private: Objective, seed: np.random.SeedSequence) -> float:
    """Return the penalty, chosen as the model says."""
    if not model.penalties:
        return model.stand_in
    rng = np.random.default_rng(seed)
    if model.folds:
        return choose_penalty(private, model.penalties, rng, folds=model.folds)
    train = None if model.loss.quadratic else _SLOW
    return hold_out_penalty(private, model.penalties, rng, test=_HELD_OUT, train=train).penalty


def _why_not_none(right: float) -> str:
    """Return why a penalty stands in for none, with which the model names the classes of this share of its records."""
    if right == 1:
        return (
            "with it the model classifies every private record rightly, so the classes are separable, and without a "
            "penalty the loss has no minimum"
        )
    return (
        f"with it the model classifies {right:.1%} of the private records rightly; without any, what bends the loss "
        "least could not be reached"
    )


def _share_right(objective: Objective, W: Floats) -> float:
    """Return the share of the records whose class the model names."""
    return float(((objective.X @ W).argmax(axis=1) == objective.Y.argmax(axis=1)).mean())
