"""Fixtures that many tests share: the array libraries, and a small population to play with."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from undelete.maintainer.fit import fit
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.release import Release

LIBRARIES = ["numpy", "array_api_strict", "torch"]
LOSS_NAMES = list(LOSSES)


@pytest.fixture(params=LIBRARIES)
def xp(request):
    """Each array library that is installed; the core must run on all of them."""
    if request.param == "torch":
        pytest.importorskip("torch")
        return importlib.import_module("array_api_compat.torch")
    return importlib.import_module(request.param)


def people(rng, n, d, k=1, loss="squared", noise=1.0):
    """Records with correlated features, skewed ones among them, a constant last, and targets (n, k)."""
    mix = np.random.default_rng(99).normal(size=(d - 1, d - 1)) / np.sqrt(d) + np.eye(d - 1)
    X = rng.normal(size=(n, d - 1)) @ mix
    X[:, 0] = np.exp(X[:, 0] / 2)
    X = np.c_[X, np.ones(n)]
    W = np.random.default_rng(7).normal(size=(d, k)) / np.sqrt(d)
    Z = X @ W + noise * rng.normal(size=(n, k))
    if not LOSSES[loss].separable:
        return X, np.eye(k)[(Z - np.median(Z, axis=0)).argmax(axis=1)]
    if not is_number(loss):
        return X, np.where(np.median(Z, axis=0) < Z, 1.0, -1.0)
    if LOSSES[loss].least == 0.0:  # a positive number of the mean that its link says, a count where it may be zero
        mean = np.exp(np.clip(X @ W / 2, -2, 2))
        return X, rng.gamma(2.0, mean / 2.0) if not LOSSES[loss].least_itself else rng.poisson(mean).astype(float)
    return X, Z


def is_number(loss):
    """Whether a loss is of a number; the squared one here always is."""
    return "number" in LOSSES[loss].targets


def outputs(loss, k):
    """Softmax has at least two outputs; here three where others have one."""
    return k if LOSSES[loss].separable else max(k, 3)


@dataclass
class Game:
    objective: Objective
    W: np.ndarray
    X_public: np.ndarray
    Y_public: np.ndarray

    def release(self, W_after, **more) -> Release:
        constant = np.eye(len(self.W))[-1]
        fields = dict(n=self.objective.n, l2=self.objective.l2, constant=constant, Y_public=self.Y_public)
        fields["target_kind"] = "number" if is_number(self.objective.loss.name) else "class"
        return Release(self.objective.loss, self.W, W_after, self.X_public, **(fields | more))


@pytest.fixture
def game() -> Callable[..., Game]:
    """A fitted model on private records, and public records of the same population."""

    def make(loss="squared", n=2000, m=2000, d=6, k=1, l2=1.0, seed=0) -> Game:
        rng = np.random.default_rng(seed)
        k = outputs(loss, k)
        X, Y = people(rng, n + m, d, k, loss)
        penalty = np.full(d, l2)
        penalty[-1] = 0.0
        objective = Objective(X[:n], Y[:n], LOSSES[loss], penalty)
        fitted = fit(objective)
        assert fitted.converged
        return Game(objective, fitted.W, X[n:], Y[n:])

    return make
