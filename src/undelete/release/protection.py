"""What a defence adds to a released model, as far as everybody may know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from undelete.maths.arrays import Floats

Shape = Literal["isotropic", "hessian", "statistics"]


@dataclass(frozen=True)
class Noise:
    """Gaussian noise in a released model's parameters: its law, not what was drawn.

    Parameters
    ----------
    shape : {"isotropic", "hessian", "statistics"}
        Of standard deviation `scale` in each parameter, its feature in `unit`s; with covariance scale^2 times the
        inverse Hessian of the summed objective; or that of a least squares solution whose second moments had noise
        of deviation `scale` in each entry.
    scale : float
        See `shape`.
    unit : tuple of float, d of them
        What each feature was divided by, so that features of any unit are treated alike.
    target : tuple of float, k of them
        What each target was divided by.
    """

    shape: Shape
    scale: float
    unit: tuple[float, ...]
    target: tuple[float, ...] = (1.0,)

    def covariance(self, hessian: Floats, W: Floats) -> Floats:
        """Return the covariance of the parameters' noise (k, d, d).

        Parameters
        ----------
        hessian : array (k, d, d)
            Of the summed objective, penalty included: the private one to draw it, an estimate to know it.
        W : array (d, k)
            The parameters.
        """
        u = np.array(self.unit)
        if self.shape == "isotropic":
            return np.broadcast_to(np.diag((self.scale / u) ** 2), hessian.shape)
        inverse = np.linalg.inv(hessian)
        if self.shape == "hessian":
            return np.asarray(self.scale**2 * inverse)
        # with noise E, symmetric, and e in the moments: w' - w = M^-1 (e - E w), in units
        found = []
        for j, M in enumerate(inverse):
            w = u * W[:, j]
            inner = (self.target[j] ** 2 + w @ w) * np.eye(len(u)) + np.outer(w, w) - np.diag(w**2)
            found.append(M @ (self.scale**2 * u[:, None] * inner * u) @ M)
        return np.stack(found)
