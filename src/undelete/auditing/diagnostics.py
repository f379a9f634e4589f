"""Was the attack able to work? Checks that need no truth, only the release and what HRec made of it.

A verdict of "not exposed" is worth something only where these pass. Each check is one `Diagnostic`: what
was measured, whether it is well, and what it means in one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.embedding.traced_error import TRACED
from undelete.maths.arrays import Floats, blocks
from undelete.maths.frozen import FrozenNet
from undelete.maths.solvers import factor
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

CHANGE, FITS_ONE, FITS_PEOPLE = "Change of the model", "Fits one record", "Fits these people"
NEAR, ERROR = "Same optimum", "Expected error of the gradient"  # of networks
MIN_RECORDS_PER_FEATURE = 10  # public records a feature under which the Hessian is a poor estimate
GRADIENT_LIMIT = 4.0  # root mean square of the public gradient, in its own standard errors
MIN_CARRIERS = 10  # records that a feature's standard error must rest on: a corner pixel is dark in nearly all
_NUMBERS = 16_000_000  # of a block of public records in the model's space: 128 MB
FAR = 3.0  # times the public data's own largest distance: a record this far out is not credible


@dataclass(frozen=True)
class Diagnostic:
    """One check: `ok` is True, False, or None where it only informs. `blocking`: no verdict without it.

    A blocking one that is None could not be made: where nobody knows the true record, that is no verdict either.
    """

    name: str
    value: str
    ok: bool | None
    text: str
    blocking: bool = False


def diagnose(release: Release, found: Reconstruction, *, measured: bool = True) -> list[Diagnostic]:
    """Return every check of the input and of what came back; whether it was one record, `one_record` tests.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    found : Reconstruction
        HRec's result on it.
    measured : bool
        Whether the deleted record is known, so that nothing rests on error bars.
    """
    few = _few_records(release)  # first, since it is the reason where both fail
    checks = [_change(release, found), *([few] if few is not None else []), _public_size(release)]
    gradient = public_gradient(release)
    checks += [gradient] if gradient is not None else []
    if "ok" in found.status:
        checks.append(_credible(release, found))
        target = _target_in_range(release, found)
        checks += [target] if target is not None else []
    checks.append(_scale(release, found))
    phi = release.embedding
    if not measured and phi is not None and phi.inputs > TRACED and not isinstance(phi, FrozenNet):
        checks.append(_no_error_bars(phi.inputs))
    return checks


def _change(release: Release, found: Reconstruction) -> Diagnostic:
    change = np.abs(release.W_before - release.W_after).max(axis=(1, 2)) / np.abs(release.W_before).max()
    same = found.status.count("unchanged") if isinstance(found.status, tuple) else 0
    b = release.deletions
    if b == 1:
        value = f"{change[0]:.1e} of the largest parameter"
    else:
        value = f"{np.median(change):.1e} of the largest parameter (median); {b - same} of {b} models changed"
    if same == b:
        value = "none"
        text = "The models are the same: there is nothing to recover, and nothing can be concluded from it."
        return Diagnostic(CHANGE, value, False, text, blocking=True)
    text = "A deletion moves the parameters by about one part in the number of records; that is what the attack reads."
    if same:
        text = f"Of {b} models, {same} stayed as they were (no support vectors): nothing can be recovered of those."
    return Diagnostic(CHANGE, value, True, text)


def _public_size(release: Release) -> Diagnostic:
    m, d = release.X_public.shape
    value = f"{m:,} records for {d} features ({m / d:.1f} each)"
    if m < d:
        text = "Fewer public records than features: the Hessian cannot be estimated. Bring more public data."
        return Diagnostic("Public data", value, False, text, blocking=True)
    if m < MIN_RECORDS_PER_FEATURE * d:
        text = (
            f"Under {MIN_RECORDS_PER_FEATURE} records a feature the estimate is poor; an attacker with more data does "
            "better."
        )
        return Diagnostic("Public data", value, False, text)
    return Diagnostic("Public data", value, True, "Enough records to estimate the Hessian.")


def _few_records(release: Release) -> Diagnostic | None:
    """See whether the model had more features than records to fit them on."""
    d, n = release.X_public.shape[1], release.n
    if n is None or n > d:
        return None
    value = f"{n:,} training records for {d:,} features"
    text = (
        f"Fewer training records ({n:,}) than features ({d:,}), d > n: the model follows every record, and the public "
        "records say little of the curvature where it was trained. The error bars do not hold for such a model."
    )
    return Diagnostic("Records and features", value, False, text)


def public_gradient(
    release: Release, name: str = "Gradient on public data", limit: float = GRADIENT_LIMIT
) -> Diagnostic | None:
    """Compare the public records' mean gradient at the old model with its sampling error, of which `limit` passes.

    At a converged model the private gradient is zero, so the public one is zero within sampling error. Of one that was
    stopped the release says what it is, if the steps are known, and the text then speaks of these.
    """
    if release.Y_public is None:
        return None
    m, n = len(release.X_public), release.n or len(release.X_public)
    total, square, fourth = (np.zeros(release.W_before.shape) for _ in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        Z = release.predictions(release.W_before)
        for rows in blocks(m, max(1, _NUMBERS // release.X_public.shape[1])):
            X = release.X_public[rows]
            residual = release.loss.residual(release.Y_public[rows], Z[rows])
            total += X.T @ residual
            square += (X**2).T @ residual**2
            fourth += (X**2).T ** 2 @ residual**4
        mean = total / m
        variance = np.maximum(square / m - mean**2, 0.0) * (1 / m + 1 / n)
        if release.noise is not None:
            variance += np.diagonal(release.noise[0], axis1=1, axis2=2).T / n**2
        error = np.sqrt(variance)
        if release.private_gradient is not None:
            mean = mean - release.private_gradient / n
        known = (error > 0) & ~(square**2 < MIN_CARRIERS * fourth)
        if not known.any() and np.isfinite(fourth).all():
            return None
        size = float(np.sqrt(np.mean((mean[known] / error[known]) ** 2))) if known.any() else float("nan")
    if not np.isfinite(size):
        text = "The public records' gradient at the old model overflows: its numbers or the columns' are too large."
        return Diagnostic(name, "not a number", False, text)
    value = f"{size:.1f} standard errors (root mean square)"
    if release.rest is not None:
        return _replayed(value, size <= limit)
    if not size <= limit:
        text = (
            "The old model is not at the optimum of data like the public data: it stopped before it had "
            "converged, has a penalty that is not known, or the public data are of another population."
        )
        return Diagnostic(name, value, False, text)
    text = "As small as sampling allows: the old model is converged, and the public data are like its training data."
    return Diagnostic(name, value, True, text)


def _replayed(value: str, well: bool) -> Diagnostic:
    """Return whether the steps that are said make such a model of the public records, too."""
    text = "The steps that are said, taken on the public data from zero, make a model like the old one."
    if not well:
        text = (
            "The steps that are said do not make such a model of the public data: the learning rate, their number, the "
            "momentum, the penalty or the start (zero) is another, or the public data are of another population."
        )
    return Diagnostic("Steps replayed on public data", value, well, text, blocking=True)


def _credible(release: Release, found: Reconstruction) -> Diagnostic:
    """Compare the recovered records' distance from the public mean with the public records' own."""
    good = np.array(found.status) == "ok"
    distance, own = _distances(release, found.records[good])
    far = int((~(distance <= FAR * own)).sum())  # what overflows is far too
    value = f"{np.median(distance) / own:.2g} of the farthest public record's squared distance"
    if far:
        text = (
            f"{far} recovered record{'s lie' if far > 1 else ' lies'} far outside the public data: an extreme person, "
            "fits that stopped early, or a difference that is not one deletion."
        )
        return Diagnostic("Credible record", value, False, text, blocking=far == release.deletions)
    return Diagnostic("Credible record", value, True, "What came back looks like a record of this population.")


def _distances(release: Release, records: Floats) -> tuple[Floats, float]:
    """Return the records' squared distances from the public mean (b,), and the largest of the public records' own.

    In the metric of the public covariance; before an embedding in the Euclidean one, which is its kernel's.
    """
    public = release.records_public
    centre = public.mean(axis=0)
    if release.embedding is None:
        offset = public - centre
        half = factor(offset.T @ offset / len(public)).half
        return (((records - centre) @ half) ** 2).sum(axis=1), float(((offset @ half) ** 2).sum(axis=1).max())
    rows = blocks(len(public), max(1, _NUMBERS // public.shape[1]))
    own = max(float(((public[part] - centre) ** 2).sum(axis=1).max()) for part in rows)
    return ((records - centre) ** 2).sum(axis=1), own


def _no_error_bars(inputs: int) -> Diagnostic:
    text = (
        f"Records of more than {TRACED} numbers get no error bars behind an embedding, so without the true record "
        "nothing says how much of it came back: give it, or simulate deletions."
    )
    return Diagnostic("Error bars", f"none for {inputs:,} inputs", False, text, blocking=True)


def _target_in_range(release: Release, found: Reconstruction) -> Diagnostic | None:
    """Check that recovered numbers lie where the public targets do."""
    if release.target_kind != "number" or found.target is None or release.Y_public is None:
        return None
    low, high = release.Y_public.min(axis=0), release.Y_public.max(axis=0)
    room = high - low
    with np.errstate(invalid="ignore"):
        off = ((found.target < low - room) | (found.target > high + room)).any(axis=1)
    known = np.isfinite(found.target).all(axis=1)
    value = f"{int((known & ~off).sum())} of {int(known.sum())} near the public targets"
    if off.sum() > 0.02 * known.sum():
        text = (
            "The recovered target lies far outside the public ones: n is wrong, the records had weights, or this is "
            "not one deletion."
        )
        return Diagnostic("Recovered target", value, False, text, blocking=bool(off[known].all()))
    return Diagnostic("Recovered target", value, True, "The recovered target is one that this population has.")


def _scale(release: Release, found: Reconstruction) -> Diagnostic:
    unknown = found.status.count("direction") if isinstance(found.status, tuple) else 0
    if release.constant is None:
        text = "The model has no intercept and no full one-hot group: a record is known only up to a factor."
        return Diagnostic("Scale of the record", "not identified", False, text)
    if unknown:
        text = (
            "The constant's share of the gradient is within two standard errors of zero: only the direction is known."
        )
        if release.noise is not None:
            text = "The noise that was added drowns this record's size: only its direction is known."
        value = f"not identified for {unknown} of {release.deletions}"
        return Diagnostic("Scale of the record", value, False, text)
    return Diagnostic("Scale of the record", "identified by the constant", True, "The record's scale is known.")
