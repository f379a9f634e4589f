"""How many training records the size of a network's change implies: for a class, the residual follows from the record.

Minus the deleted gradient is n times what the two networks give, so a wrong n makes it longer or shorter by a factor.
Of a class no record's gradient is as long as one likes. So the record is looked for with that factor free, maths (53),
and by how much better it then explains the change says whether n is right. A number's residual takes up any factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.implied import Implied
from undelete.attacker.networks.estimate import GradientEstimate
from undelete.attacker.networks.problem import Problem, Scaled
from undelete.attacker.networks.record import Decoder, Found
from undelete.attacker.networks.search import descended
from undelete.release.networks import NetworkRelease

_WIDE = float(np.log(4.0))  # deviation of the factor's logarithm: a wrong n is mostly off by a few times
_STARTS = (-np.log(2.0), 0.0, np.log(2.0))  # of that logarithm
_FAR = 30.0  # of the objective above the lowest, from which a class is not tried
_AS_WELL = 5.0  # of the objective above that of the files as they are, up to which the other order explains the change
_UNLIKE = 3.0  # misfit a degree of freedom over which the change is no record's at any n: a wrong n makes C wrong too
_STEPS = 40


def implied(
    release: NetworkRelease, decoder: Decoder, estimate: GradientEstimate, found: Sequence[Found]
) -> Implied | None:
    """Return what one deletion's change implies; None where nothing says it: of a number, or if no record fits.

    Parameters
    ----------
    release : NetworkRelease
        One deletion, its `n` as given.
    decoder : Decoder
        Of the release.
    estimate : GradientEstimate
        By which the records were found.
    found : sequence of Found
        The most probable record of each class.

    Returns
    -------
    Implied
        Its error is that of log n about the most probable factor, or if that is more the one by which the likelihood
        ratio of the factor 1 is the square of a standard normal number: the likelihood is no parabola where little is
        known. Of two classes the number is told for the two models exchanged, too.

    Notes
    -----
    Cost that of up to 120 steps from the record found, of each class that may be.
    """
    lowest = min(one.value for one in found)
    if not release.classes or not np.isfinite(lowest):
        return None
    likely = [one for one in found if one.value <= lowest + _FAR]
    own = _best(release, decoder, estimate, likely)
    freedom = max(1, release.network.parameters - decoder.prior.axes.shape[1] - 1)
    if own.misfit > _UNLIKE * freedom:
        return None
    ratio = max(2.0 * (lowest - own.value), 0.0)
    error = max(own.error, abs(own.log) / np.sqrt(ratio)) if ratio > 0 else own.error
    swapped = float("nan")
    if release.classes == 2:
        exchanged = replace(estimate, difference=replace(estimate.difference, gradient=-estimate.difference.gradient))
        other = _best(release, decoder, exchanged, found)
        if other.value < own.value + _AS_WELL:
            swapped = release.n * float(np.exp(other.log))
    return Implied(release.n * float(np.exp(own.log)), float(error), swapped)


@dataclass(frozen=True)
class _Free:
    """The best record with the factor free: the objective, its misfit, log of the implied n beside the given, error."""

    value: float
    misfit: float
    log: float
    error: float


def _best(release: NetworkRelease, decoder: Decoder, estimate: GradientEstimate, found: Sequence[Found]) -> _Free:
    """Return the best of some classes, from the records found of each."""
    tried = (_of_class(Problem(release, estimate, one.label, decoder.prior_of(one.label)), one) for one in found)
    return min(tried, key=lambda one: one.value)


def _of_class(problem: Problem, found: Found) -> _Free:
    u = problem.prior.coordinates(found.point[None])[0]
    ends = descended(Scaled(problem, _WIDE), np.stack([np.append(u, log / _WIDE) for log in _STARTS]), _STEPS)
    best = int(np.argmin(ends.value))
    J = ends.jacobian[best]
    error = _WIDE * np.sqrt(np.linalg.inv(J.T @ J + np.eye(J.shape[1]))[-1, -1])
    misfit = float((ends.residual[best] ** 2).sum())
    return _Free(float(ends.value[best]), misfit, float(-_WIDE * ends.u[best, -1]), float(error))
