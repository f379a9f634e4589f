"""The estimated gradient by the parameters' names, in a file that other tools can start from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.files import write
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

_FORMAT = "undelete.gradient/1"


@dataclass(frozen=True, eq=False)
class NamedGradient:
    """The gradient of one deleted record's loss at the old network.

    Parameters
    ----------
    gradient : mapping of str to array
        By the names of the parameters that moved, each as the parameter is shaped.
    error : mapping of str to array
        Standard errors.
    relative : float
        Expected error of the whole, beside its length.
    """

    gradient: Mapping[str, Floats]
    error: Mapping[str, Floats]
    relative: float

    @classmethod
    def of(cls, release: NetworkRelease, estimate: GradientEstimate) -> NamedGradient:
        """Return an estimate by names; it holds minus the gradient, this the gradient."""
        network, error = release.network, estimate.difference.error
        deviations = np.sqrt(np.diag(estimate.covariance))
        relative = float("nan") if error is None else float(error[0])
        return cls(network.named(-estimate.gradient), network.named(deviations), relative)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz file (no pickle inside): `gradient/NAME` and `error/NAME` for each parameter, and `meta`."""
        arrays: dict[str, NDArray[np.generic]] = {f"gradient/{name}": array for name, array in self.gradient.items()}
        arrays |= {f"error/{name}": array for name, array in self.error.items()}
        arrays["meta"] = np.array(json.dumps({"format": _FORMAT, "relative_error": self.relative}))
        write(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
