"""How many training records the size of the change implies: for a class, the residual follows from the record.

Minus the gradient of the deleted record is x rho, with rho = -residual(y, x W). Its estimate from the public Hessian is
n times a number that the models give, so with x and y known it says what n is. For a numeric target rho is free, and
the models say nothing of n.

The same two files in the other order give the same record with the opposite sign: of two classes the other one, and
another n; of more classes a gradient that pulls towards several of them at once, which no record's does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.gradient.difference import moves, penalty_share
from undelete.attacker.gradient.estimate import NEAR_ZERO, Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.one_class import SLIGHT
from undelete.attacker.table.further_error import LEFT
from undelete.maths.arrays import Floats
from undelete.maths.objective import predict, shifted
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_ROUNDS = 8  # in which the number settles where it is needed to find itself
_STEP = 1e-5  # of a prediction, for the residual's slope
_TOWARDS = 3.0  # standard errors from zero from which a class counts as pulled at


@dataclass(frozen=True)
class Implied:
    """What the size and the sign of one change say.

    Parameters
    ----------
    n : float
        The number of training records; NaN where no record of either class makes such a change.
    error : float
        Standard error of log n.
    swapped : float
        The number if the two models were exchanged; NaN where that cannot be, as of three or more classes where the
        change would then pull towards several.
    several : bool
        Whether the change pulls towards several classes at once, as an exchange does, beyond its error.
    """

    n: float
    error: float
    swapped: float
    several: bool = False


def implied(release: Release, found: Reconstruction) -> Implied | None:
    """Return what one deletion's change implies; None where the loss or the attack does not say.

    Parameters
    ----------
    release : Release
        One deletion. Where its `n` is not known the number of public records stands in for it, which the result
        does not depend on but for its error.
    found : Reconstruction
        Of an attack on the difference, with a scale.

    Notes
    -----
    The error is that of maths (10) to first order, in the scale and in the record together, with what early stops leave
    over, and a bound of what the first order leaves out.
    """
    if release.target_kind != "class" or release.deletions != 1 or release.constant is None:
        return None
    if found.target is None or found.scale is None or found.output is None or found.status[0] != "ok":
        return None
    n, j, scale = release.n or len(release.X_public), int(found.output[0]), float(found.scale[0])
    if found.mix is not None or abs(scale) <= NEAR_ZERO * np.sqrt(_unsaid(release, j, release.constant)):
        return None
    z, apart = _shifted(release, found, _record(release, found, j, scale) @ release.W_before, j)
    if release.loss.separable:
        values = np.array([-1.0, 1.0])
        rho = -np.array([release.loss.residual(np.full_like(z, y), z)[0, j] for y in values])
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes = n * rho / scale
        own, other = _positive(sizes), _positive(-sizes)
        Y = np.full_like(z, np.sign(scale))
    else:
        Y = found.target
        own, other = _positive(-release.loss.residual(Y, z)[0, j : j + 1] * n / scale), float("nan")
        if Y.shape[1] > 2 and _pulls(release, found, -1) <= 1:
            another = np.roll(Y, 1, axis=1)  # of the other model's record: which other class it has is one
            other = _positive(release.loss.residual(another, z)[0, j : j + 1] * n / scale)
    error = float(np.hypot(_error(release, found, Y, z, n if own != own else own), apart))
    return Implied(own, error, other, _pulls(release, found) > 1)


def _shifted(release: Release, found: Reconstruction, z: Floats, output: int) -> tuple[Floats, float]:
    """Return the record's prediction (1, k) with the middle one of the offsets that it may have, as public ones are.

    And by how much the logarithm of its residual varies over these.
    """
    own = release.own_offset(0)
    o = release.offset_public if own is None else own
    if o is None:
        return z, 0.0
    assert found.scale is not None
    assert found.target is not None
    Z = np.asarray(shifted(np.repeat(z, len(o), axis=0), o))
    Y = np.full_like(Z, np.sign(found.scale[0])) if release.loss.separable else np.repeat(found.target, len(Z), axis=0)
    size = np.abs(release.loss.residual(Y, Z)[:, output])
    some = size[size > 0]  # of support vectors a record may have none
    return z + np.median(o, axis=0), float(np.std(np.log(some))) if some.size else 0.0


def _record(release: Release, found: Reconstruction, output: int, scale: float) -> Floats:
    """Return the record (1, d) with the penalty's share, which HRec leaves out, where the release says it.

    A strong penalty holds as much of the change as the records do: half of it where features are of unit length.
    """
    share = penalty_share(release)
    if share is None:
        return found.X
    more = share if release.penalty_change is None else share - release.penalty_change
    g = found.X * scale + more[:, :, output]
    assert release.constant is not None
    return np.asarray(g / (g @ release.constant)[:, None])


def estimated(release: Release) -> tuple[int, float] | None:
    """Return the number of training records that the change of one deletion implies, and the error of its logarithm.

    None where the loss does not say it.
    """
    bare = release.without_columns()  # what they say is not needed, and would be traced and decoded
    size: tuple[int, float] | None = None
    for _ in range(1 if release.penalty_change is None else _ROUNDS):
        found = implied(bare, hrec(bare, np.random.default_rng(0)))  # HRec draws nothing
        if found is None or not 2 <= found.n < 1e12:
            return None
        size = round(found.n), found.error
        bare = replace(bare, n=size[0])  # where the penalty changed n is more than the scale of the gradient
    return size


def _positive(sizes: Floats) -> float:
    """Return the number of records that is possible; NaN when none is. Of two the one further from none."""
    possible = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(possible.max()) if possible.size else float("nan")


def _error(release: Release, found: Reconstruction, Y: Floats, z: Floats, n: float) -> float:
    """Return the standard error of log n: n rho(x W) / (G c) with x = G / (G c), in G."""
    assert found.output is not None
    assert found.scale is not None
    assert release.constant is not None
    j, scale, m = int(found.output[0]), float(found.scale[0]), len(release.X_public)
    rho = float(release.loss.residual(Y, z)[0, j])
    slopes = np.empty(z.shape[1])
    for column in range(z.shape[1]):
        moved = z.copy()
        moved[0, column] += _STEP
        slopes[column] = (float(release.loss.residual(Y, moved)[0, j]) - rho) / _STEP
    c = release.constant
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        along = ((release.W_before - np.outer(c, z[0])) @ slopes / rho - c) / scale
        t = Estimate.of(found).weights(release)[:, 0]
        stood_for = release.n or m
        noise = (0.0 if release.error_told else stood_for**2 * (1 / m + 1 / n)) * (t * (release.X_public @ along)).var()
        noise += (LEFT * stood_for * (release.tolerance or 0.0)) ** 2 * float(along @ along)
        noise += _unsaid(release, j, along)
        return float(np.sqrt(noise + _higher_order(release, t, n) ** 2))


def _unsaid(release: Release, output: int, along: Floats) -> float:
    """Return the variance along a direction (d,) of what the release itself says is not known of the gradient."""
    return 0.0 if release.share_error is None else float(along @ release.share_error[0, output] @ along)


def _higher_order(release: Release, t: Floats, n: float) -> float:
    """Return about how much of the gradient the first order leaves out.

    A logistic loss's curvature changes by at most its own size for each unit by which a prediction moves.
    """
    moved = np.abs(predict(release.X_public, release.W_before - release.W_after[0])).max(axis=1)
    return float(np.abs(t) @ moved / np.abs(t).sum()) + 1 / n


def _pulls(release: Release, found: Reconstruction, order: int = 1) -> int:
    """Return towards how many classes, of three or more, the change pulls beyond its error, or with -1 away from."""
    k = release.W_before.shape[1]
    if k < 3:
        return 1
    assert release.constant is not None
    n = release.n or len(release.X_public)
    bent = moves(release, found.way if release.reweighed else "hessian")[:, 0]
    mean = order * bent.mean(axis=0)
    unsaid = [_unsaid(release, j, release.constant) if release.error_told else 0.0 for j in range(k)]
    error = np.sqrt(bent.var(axis=0) * release.scatter + np.array(unsaid)) / n
    if "number" in release.loss.targets:  # such a class may be passed, and pulls back
        z, rho = found.X @ release.W_before, n * mean
        own, turned = (_off_a_class(z + sign * rho) for sign in (1, -1))
        return 2 if release.n is not None and 2 * turned < own else 1
    return int((mean > np.maximum(_TOWARDS * error, SLIGHT * np.abs(mean).max())).sum())


def _off_a_class(y: Floats) -> float:
    """Return how far targets (1, k) are off those of the nearest class: 1 for it, and -1 for every other."""
    return float(np.linalg.norm(y - (2 * np.eye(y.shape[1]) - 1), axis=1).min())
