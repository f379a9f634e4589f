"""Was the attack able to work? Checks that need no truth, only the release and what HRec made of it.

A verdict of "not exposed" is worth something only where these pass. Each check is one `Diagnostic`: what
was measured, whether it is well, and what it means in one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from undelete.maths.losses import Squared
from undelete.maths.objective import predict
from undelete.maths.solvers import factor
from undelete.release import Floats, Reconstruction, Release

MIN_RECORDS_PER_FEATURE = 10  # public records a feature under which the Hessian is a poor estimate
GRADIENT_LIMIT = 4.0  # root mean square of the public gradient, in its own standard errors
MIN_CARRIERS = 10  # records that a feature's standard error must rest on: a corner pixel is dark in nearly all
UNLIKELY = 1e-3  # probability of a misfit under which the difference is not taken for one deletion
FAR = 3.0  # times the public data's own largest distance: a record this far out is not credible


@dataclass(frozen=True)
class Diagnostic:
    """One check: `ok` is True, False, or None where it only informs. `blocking`: no verdict without it."""

    name: str
    value: str
    ok: bool | None
    text: str
    blocking: bool = False


def diagnose(release: Release, found: Reconstruction, decoded: Reconstruction | None = None) -> list[Diagnostic]:
    """Return every check that applies.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    found : Reconstruction
        HRec's result on it.
    decoded : Reconstruction, optional
        HRec+'s, whose misfit says whether the difference is that of one record.
    """
    checks = [_change(release, found), _public_size(release)]
    if release.Y_public is not None or isinstance(release.loss, Squared) is False:
        gradient = _public_gradient(release)
        checks += [gradient] if gradient is not None else []
    if "ok" in found.status:
        checks.append(_credible(release, found))
        fit = None if decoded is None else _one_record(decoded)
        checks += [fit] if fit is not None else []
        target = _target_in_range(release, found)
        checks += [target] if target is not None else []
        implied = _implied_n(release, found)
        checks += [implied] if implied is not None else []
    checks.append(_scale(release, found))
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
        return Diagnostic("Change of the model", value, False, text, blocking=True)
    text = "A deletion moves the parameters by about one part in the number of records; that is what the attack reads."
    if same:
        text = f"Of {b} models, {same} stayed as they were (no support vectors): nothing can be recovered of those."
    return Diagnostic("Change of the model", value, True, text)


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


def _public_gradient(release: Release) -> Diagnostic | None:
    """Compare the public records' mean gradient at the old model with its sampling error.

    At a converged model the private gradient is zero, so the public one is zero within sampling error.
    """
    if release.Y_public is None:
        return None
    m, n = len(release.X_public), release.n or len(release.X_public)
    residual = release.loss.residual(release.Y_public, predict(release.X_public, release.W_before))
    z = []
    for j in range(residual.shape[1]):
        contribution = release.X_public * residual[:, j : j + 1]
        mean = contribution.mean(axis=0)
        if release.l2 is not None:
            mean = mean + release.l2 * release.W_before[:, j] / n
        error = contribution.std(axis=0) * np.sqrt(1 / m + 1 / n)
        known = (error > 0) & (_carriers(contribution) >= MIN_CARRIERS)
        z.append(mean[known] / error[known])
    if not sum(map(len, z)):
        return None
    size = float(np.sqrt(np.mean(np.concatenate(z) ** 2)))
    value = f"{size:.1f} standard errors (root mean square)"
    if size > GRADIENT_LIMIT:
        text = (
            "The old model is not at the optimum of data like the public data: it stopped before it had "
            "converged, has a penalty that is not known, or the public data are of another population."
        )
        return Diagnostic("Gradient on public data", value, False, text)
    text = "As small as sampling allows: the old model is converged, and the public data are like its training data."
    return Diagnostic("Gradient on public data", value, True, text)


def _carriers(contribution: Floats) -> Floats:
    """Return how many records carry each feature's sum of squares: m for equal ones, 1 where one has it all."""
    squares = contribution**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(squares.sum(axis=0) ** 2 / (squares**2).sum(axis=0))


def _credible(release: Release, found: Reconstruction) -> Diagnostic:
    """Compare the recovered records' distance from the public mean with the public records' own."""
    centre = release.X_public.mean(axis=0)
    public = release.X_public - centre
    half = factor(public.T @ public / len(public)).half
    own = ((public @ half) ** 2).sum(axis=1).max()
    good = np.array(found.status) == "ok"
    distance = (((found.X[good] - centre) @ half) ** 2).sum(axis=1)
    far = int((distance > FAR * own).sum())
    value = f"{np.median(distance) / own:.2g} of the farthest public record's squared distance"
    if far:
        text = (
            f"{far} recovered record{'s lie' if far > 1 else ' lies'} far outside the public data: an extreme person, "
            "fits that stopped early, or a difference that is not one deletion."
        )
        return Diagnostic("Credible record", value, False, text, blocking=far == release.deletions)
    return Diagnostic("Credible record", value, True, "What came back looks like a record of this population.")


def _one_record(decoded: Reconstruction) -> Diagnostic | None:
    """Test whether the estimate lies as near to a whole record as its error bars say: chi-squared."""
    if decoded.misfit is None or decoded.misfit_terms == 0:
        return None
    known = decoded.misfit[np.isfinite(decoded.misfit)]
    if not known.size:
        return None
    unlike = int((chi2.sf(known, decoded.misfit_terms) < UNLIKELY).sum())
    value = f"misfit {np.median(known) / decoded.misfit_terms:.2g} a term (about 1 or less for one deletion)"
    if unlike > max(0.02 * known.size, 0):
        which = "" if known.size == 1 else f" for {unlike} of {known.size} deletions"
        text = (
            f"The change of the model is not that of one record of this population{which}: the fits stopped early or "
            "were noised or rounded, other data changed too, or the person has values that no public record has."
        )
        return Diagnostic("Fits one record", value, False, text, blocking=unlike > known.size / 2)
    text = "The change of the model is what the deletion of one record would make, within the error bars."
    return Diagnostic("Fits one record", value, True, text)


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
        text = "The recovered target lies far outside the public ones: n is wrong, or this is not one deletion."
        return Diagnostic("Recovered target", value, False, text, blocking=bool(off[known].all()))
    return Diagnostic("Recovered target", value, True, "The recovered target is one that this population has.")


def _implied_n(release: Release, found: Reconstruction) -> Diagnostic | None:
    """For a label's loss the residual follows from the record itself, so the number of records does too."""
    if release.target_kind != "class" or isinstance(release.loss, Squared) or release.deletions > 1:
        return None
    if found.target is None or found.scale is None or found.output is None:
        return None
    j = int(found.output[0])
    residual = release.loss.residual(found.target, found.X @ release.W_before)[0, j]
    n = release.n or len(release.X_public)
    implied = float(-residual / found.scale[0] * n)
    value = f"{implied:,.0f} records" + (f" (given: {release.n:,})" if release.n else "")
    plausible = implied > 0 and (release.n is None or 0.5 < implied / release.n < 2)
    if plausible:
        text = "The number of training records that the size of the change implies."
        return Diagnostic("Implied number of records", value, True if release.n else None, text)
    text = (
        "The size of the change does not fit the deletion of one record: the fits stopped early, or more "
        "than one record changed."
    )
    return Diagnostic("Implied number of records", value, False, text)


def _scale(release: Release, found: Reconstruction) -> Diagnostic:
    unknown = found.status.count("direction") if isinstance(found.status, tuple) else 0
    if release.constant is None:
        text = "The model has no intercept and no full one-hot group: a record is known only up to a factor."
        return Diagnostic("Scale of the record", "not identified", False, text)
    if unknown:
        text = (
            "The constant's share of the gradient is within two standard errors of zero: only the direction is known."
        )
        value = f"not identified for {unknown} of {release.deletions}"
        return Diagnostic("Scale of the record", value, False, text)
    return Diagnostic("Scale of the record", "identified by the constant", True, "The record's scale is known.")


def expected_centred_cosine(release: Release, found: Reconstruction, error: Floats) -> Floats:
    """Return the centred cosine that the error bars promise (b,): |a| / sqrt(|a|^2 + sum of variances).

    Parameters
    ----------
    release : Release
        For the public mean.
    found : Reconstruction
        The reconstruction, a = X less the public mean.
    error : array (b, d)
        Standard error of each feature, maths (10).
    """
    offset = ((found.X - release.X_public.mean(axis=0)) ** 2).sum(axis=1)
    # the estimate's own length already contains the noise once
    signal = np.maximum(offset - (error**2).sum(axis=1), 0.0)
    return np.asarray(np.sqrt(signal / np.where(offset > 0, offset, np.nan)))
