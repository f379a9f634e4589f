"""Ways in which people train a network twice, with a person and without: an old model, and a new one for each person.

A `Way` says how both come about. Given nobody to leave out it trains the null pair: what the new model differs by when
nothing was deleted.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from undelete.maintainer.network_training import Batches, on_batches, stopped_at
from undelete.maintainer.networks import Fit, retrain_without, train
from undelete.maths.arrays import Floats

_ALPHA = 1e-4  # scikit-learn's default penalty of an MLPClassifier
_BATCH = 200  # and its batches


@dataclass(frozen=True)
class Way:
    """How both models are trained.

    Parameters
    ----------
    old : callable
        From the objective and where training begins (p,) to the old model (p,).
    new : callable
        From the objective on all records, the row that leaves or None, the old model and where training begins, to the
        new one.
    l2 : callable or None
        From the objective to another penalty (p,) that this way has.
    """

    old: Callable[[Fit, Floats], Floats]
    new: Callable[[Fit, int | None, Floats, Floats], Floats]
    l2: Callable[[Fit], Floats] | None = None


def rest(fit: Fit, row: int | None) -> Fit:
    """Return the objective on the records that remain."""
    if row is None:
        return fit
    return dataclasses.replace(fit, X=np.delete(fit.X, row, axis=0), Y=np.delete(fit.Y, row, axis=0))


def _trained(fit: Fit, start: Floats) -> Floats:
    return train(fit, start).theta


def optimum() -> Way:
    """Return the way of exact retraining: both at the optimum, the new one from the old."""

    def new(fit: Fit, row: int | None, old: Floats, start: Floats) -> Floats:
        return old if row is None else retrain_without(fit, old, np.array([row]))[0].theta

    return Way(_trained, new)


def another_start() -> Way:
    """Return the way to the optimum from another start, as another seed has it."""

    def new(fit: Fit, row: int | None, old: Floats, start: Floats) -> Floats:
        return train(rest(fit, row), np.random.default_rng(1).permutation(start)).theta

    return Way(_trained, new)


def stopped(tol: float, *, warm: bool = False, steps: int = 10_000) -> Way:
    """Return L-BFGS to a gradient, or of so many steps, from the same start or warm from the old model."""

    def new(fit: Fit, row: int | None, old: Floats, start: Floats) -> Floats:
        return stopped_at(rest(fit, row), old if warm else start, tol, steps)

    return Way(lambda fit, start: stopped_at(fit, start, tol, steps), new)


def masked(how: Batches) -> Way:
    """Return training on the same batches, the person left out of its own."""
    return Way(lambda fit, start: on_batches(fit, start, how, 0),
               lambda fit, row, old, start: on_batches(fit, start, how, 0, row))  # fmt: skip


def redrawn(how: Batches) -> Way:
    """Return training from the same start on batches that are drawn anew."""
    return Way(lambda fit, start: on_batches(fit, start, how, 0),
               lambda fit, row, old, start: on_batches(rest(fit, row), start, how, 1))  # fmt: skip


def further(how: Batches) -> Way:
    """Return training that goes on from the old model without the person: a quarter as long, at a tenth of the rate."""
    more = dataclasses.replace(how, rate=how.rate / 10, epochs=how.epochs // 4)
    return Way(lambda fit, start: on_batches(fit, start, how, 0),
               lambda fit, row, old, start: on_batches(rest(fit, row), old, more, 1))  # fmt: skip


def perceptron(solver: Literal["adam", "lbfgs"], activation: Literal["relu", "tanh", "logistic"]) -> Way:
    """Return scikit-learn's MLPClassifier with one seed, all else by default."""

    def fitted(fit: Fit) -> Floats:
        units = fit.network.sizes[0][1][0]
        model = MLPClassifier((units,), activation=activation, solver=solver, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(fit.X, fit.Y[:, 0].astype(int))
        layers = enumerate(zip(model.coefs_, model.intercepts_, strict=True))
        named = {f"{2 * k}.{name}": value for k, (weight, bias) in layers
                 for name, value in (("weight", weight.T), ("bias", bias))}  # fmt: skip
        return fit.network.vector(named)

    def l2(fit: Fit) -> Floats:
        of_weights = _ALPHA if solver == "lbfgs" else _ALPHA * fit.n / _BATCH
        own = {name: np.full(shape, of_weights if name.endswith("weight") else 0.0)
               for name, shape, _ in fit.network.sizes}  # fmt: skip
        return fit.network.vector(own)

    return Way(lambda fit, _: fitted(fit), lambda fit, row, old, start: fitted(rest(fit, row)), l2)
