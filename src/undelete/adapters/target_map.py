"""A target that a model predicts in another form: its logarithm, or standardised."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from undelete.errors import InputError
from undelete.maths.arrays import Floats

_SAME = 1e-12
_SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)


@dataclass(frozen=True, eq=False)
class TargetMap:
    """What a fitted transformer makes of targets, and back.

    Parameters
    ----------
    transformer : transformer
        With transform and inverse_transform of a table (n, k).
    """

    transformer: Any

    def forward(self, Y: Floats) -> Floats:
        """Return targets (n, k) as the model is fitted to them; InputError where that is no number."""
        made = self._applied(self.transformer.transform, Y)
        if made.shape != Y.shape or not np.isfinite(made).all():
            raise InputError(
                "the target's transformation makes no finite number of some public targets (a logarithm of 0?): drop "
                "these rows"
            )
        return made

    def back(self, Y: Floats) -> Floats:
        """Return targets (n, k) as the table has them."""
        return self._applied(self.transformer.inverse_transform, Y)

    def line(self, outputs: int) -> tuple[Floats, Floats] | None:
        """Return slope and offset (k,) of a scaler's way back; None for what is no scaler."""
        if type(self.transformer) not in _SCALERS:
            return None
        offset = self.back(np.zeros((1, outputs)))[0]
        return self.back(np.ones((1, outputs)))[0] - offset, offset

    def same(self, other: TargetMap, Y: Floats) -> bool:
        """Return whether another one makes the same of targets (n, k) as the models are fitted to."""
        own, theirs = self.back(Y), other.back(Y)
        return bool(np.allclose(own, theirs, rtol=_SAME, atol=_SAME * float(np.abs(own).max(initial=0.0))))

    @staticmethod
    def _applied(function: Any, Y: Floats) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(function(np.asarray(Y, dtype=np.float64)), dtype=np.float64).reshape(Y.shape)
