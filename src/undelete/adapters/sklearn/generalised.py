"""Reads scikit-learn's generalised linear models: half the mean deviance, and a penalty beside the mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

from undelete.adapters.sklearn.linear import Linear, coefficients
from undelete.errors import InputError

_COARSE = 1e-7  # tolerance above which what is left over is as large as what one record of some thousands changes


def _poisson(estimator: PoissonRegressor) -> Linear:
    return _read(estimator, "poisson")


def _gamma(estimator: GammaRegressor) -> Linear:
    return _read(estimator, "gamma")


def _tweedie(estimator: TweedieRegressor) -> Linear:
    power, link = float(estimator.power), str(estimator.link)
    if link == "identity" or (link == "auto" and power <= 0):
        if power != 0:
            raise InputError(
                f"TweedieRegressor has power={power:g} with the identity link, whose loss is not convex and not "
                "defined for every prediction: fit it with the logarithmic link"
            )
        return _read(estimator, "squared")
    if not 1 <= power <= 2:
        raise InputError(
            f"TweedieRegressor has power={power:g} with a logarithmic link, whose loss is not convex: undelete reads "
            "powers between 1 (Poisson) and 2 (Gamma), and 0 with the identity link"
        )
    return _read(estimator, {1.0: "poisson", 2.0: "gamma"}.get(power, f"tweedie({power:g})"))


def _read(estimator: Any, loss: str) -> Linear:
    name, tol = type(estimator).__name__, float(estimator.tol)
    notes = (
        ()
        if tol <= _COARSE
        else (
            f"{name} was fitted with tol={tol:g}, coarse beside the change that one record makes: what the two fits "
            "may have left over is in the error bars",
        )
    )
    return Linear(
        name, loss, *coefficients(estimator), l2=float(estimator.alpha), averaged=True, notes=notes, tolerance=tol
    )


GLMS: dict[type, Callable[[Any], Linear]] = {
    PoissonRegressor: _poisson,
    GammaRegressor: _gamma,
    TweedieRegressor: _tweedie,
}
