"""What a defence adds to a released model, as far as everybody may know it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from undelete.maths.arrays import Floats
from undelete.maths.solvers import bent, factor

Shape = Literal["isotropic", "hessian", "bend", "statistics", "gradient"]


@dataclass(frozen=True)
class Noise:
    """Gaussian noise in a released model's parameters: its law, not what was drawn.

    Parameters
    ----------
    shape : {"isotropic", "hessian", "bend", "statistics", "gradient"}
        Of standard deviation `scale` in each parameter, its feature in `unit`s; with covariance scale^2 times the
        inverse Hessian of the summed objective; the same of a network's, each parameter a feature, its curvatures
        without their signs and with a floor (`bent`); that of a least squares solution whose second moments had noise
        of deviation `scale` in each entry; or of a minimum whose gradient had noise of that deviation in each entry.
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

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise ValueError(f"noise of shape {self.shape!r} is not known")
        numbers = np.array([self.scale, *self.unit, *self.target], dtype=np.float64)
        if not (np.isfinite(numbers).all() and (numbers > 0).all()):
            raise ValueError("the scale of noise and its units are positive numbers")

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
        if self.shape == "bend":
            return np.stack([self.scale**2 * np.linalg.inv(bent(one)) for one in hessian])
        if self.shape == "isotropic":
            return np.broadcast_to(np.diag((self.scale / u) ** 2), hessian.shape)
        # a pseudo-inverse: features that say the same, as indicators beside a constant, leave directions of no record
        halves = [np.asarray(factor(one).half) for one in hessian]
        inverse = np.stack([half @ half.T for half in halves])
        if self.shape == "hessian":
            return np.asarray(self.scale**2 * inverse)
        if self.shape == "gradient":
            return np.asarray(inverse @ np.diag((self.scale * u) ** 2) @ inverse)
        # with noise E, symmetric, and e in the moments: w' - w = M^-1 (e - E w), in units
        found = []
        for j, M in enumerate(inverse):
            w = u * W[:, j]
            inner = (self.target[j] ** 2 + w @ w) * np.eye(len(u)) + np.outer(w, w) - np.diag(w**2)
            found.append(M @ (self.scale**2 * u[:, None] * inner * u) @ M)
        return np.stack(found)


@dataclass(frozen=True)
class Law:
    """By what law one released model was made: all of the defence but what was drawn.

    Parameters
    ----------
    label : str
        The defence, in a reader's words.
    l2 : tuple of float, d of them
        The penalty that it was fitted with, in the summed objective.
    noise : Noise or None
        What was added to its parameters; None where none was.
    epsilon, delta : float or None
        Of this release, where differential privacy is proved.
    chance : float or None
        The most that anybody can be right with by this release who has to say which of two people left, where it is
        not read off the noise: by what is proved, or as the maintainer found for 99 of 100 public people.
    """

    label: str
    l2: tuple[float, ...]
    noise: Noise | None = None
    epsilon: float | None = None
    delta: float | None = None
    chance: float | None = None

    def __post_init__(self) -> None:
        if self.chance is not None and not 0.5 <= self.chance <= 1:
            raise ValueError(f"a chance of {self.chance} to tell two people apart: it is between one half and 1")
        l2 = np.array(self.l2, dtype=np.float64)
        if not (np.isfinite(l2).all() and (l2 >= 0).all()):
            raise ValueError("penalties are numbers of at least 0")
        if self.noise is not None and len(self.noise.unit) != len(l2):
            raise ValueError(f"noise in {len(self.noise.unit)} features and a penalty on {len(l2)}")

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it; `of` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Law:
        """Read what `document` wrote; ValueError, TypeError or KeyError where it is something else."""
        held, noise = document, document["noise"]
        if noise is not None:
            noise = Noise(noise["shape"], float(noise["scale"]), _numbers(noise["unit"]), _numbers(noise["target"]))
        said = {name: held.get(name) for name in ("epsilon", "delta", "chance")}
        own = {name: None if number is None else float(number) for name, number in said.items()}
        return cls(str(held["label"]), _numbers(held["l2"]), noise, **own)


def _numbers(held: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in held)
