"""Was the attack on a network able to work? Checks that need no truth: docs/verdicts.md says what each one tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from undelete.attacker.networks.attack import Account
from undelete.attacker.networks.penalty import ToldPenalty
from undelete.auditing.diagnostics import ERROR, FITS_ONE, NEAR, Diagnostic
from undelete.auditing.implied_number import SIZE, UNLIKELY, size_check
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

BENT = 0.5  # of the change of the gradients, which the Hessian may not explain
LOST = 1.0  # expected error of the gradient, beside the public records' own gradients
UNSURE = 1.0  # expected error of the gradient, beside the estimate itself
NOISE = 0.1  # of the gradient's size, that rounded parameters may take away
DRAWS = 8  # of rounding errors
_UNTESTED = 9.0  # times the named penalty, up to which a test that does not see it tests nothing


def checks(
    release: NetworkRelease, account: Account, *, rounding: float, digits: str, kinks: Sequence[str]
) -> list[Diagnostic]:
    """Return every check, those without which there is no verdict first.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    account : Account
        What the attack saw of itself.
    rounding : float
        Largest relative rounding error of the parameters as they were stored.
    digits : str
        How they were stored.
    kinks : sequence of str
        Layers whose derivative jumps.
    """
    same = ~np.isfinite(account.usual)
    if same.all():
        text = "The models are the same: there is nothing to recover, and nothing can be concluded from it."
        return [Diagnostic("Change of the model", "none", False, text, blocking=True)]
    lost = _rounding(release, account, rounding, digits)  # first: what rounding takes away looks like anything else
    found = [_change(release, same), *([] if lost is None else [lost])]
    penalty = None if account.penalty is None else penalty_check(account.penalty, release.n)
    size = _of_a_number(release) if account.size is None else size_check(release, account.size)
    wrong = penalty is not None and penalty.ok is False
    size = None if wrong else size  # which rests on it
    cause = _PENALTY if wrong else _SIZE if size is not None and size.ok is False else ""
    found += [_near(account, kinks), _error(account), _one_record(account, cause)]
    return [*found, *(check for check in (penalty, size) if check is not None)]


_PENALTY = "the penalty that was named is not that of the training, as the check of it says; or "
_SIZE = "n may be wrong, by the size of the change; or "


def _typical(values: Floats) -> float:
    return float(np.nanmedian(values))


def _change(release: NetworkRelease, same: NDArray[np.bool_]) -> Diagnostic:
    change = np.abs(release.theta_after - release.theta_before).max(axis=1) / np.abs(release.theta_before).max()
    value = f"{np.median(change):.1e} of the largest parameter"
    if release.deletions > 1:
        value += f" (median); {int((~same).sum())} of {release.deletions} models changed"
    text = "A deletion moves the parameters by about one part in the number of records; that is what the attack reads."
    return Diagnostic("Change of the model", value, True, text)


def _near(account: Account, kinks: Sequence[str]) -> Diagnostic:
    """See whether the Hessian explains the change of the gradients: both models then lie in one smooth basin."""
    bent = _typical(account.curved)
    value = f"{bent:.2g} of the change of the gradients is not what the curvature makes of it"
    name = NEAR
    if not bent <= BENT:
        why = f"the network has kinks ({', '.join(kinks)}); it" if kinks else "it"
        text = (
            "The curvature at the old model does not explain the change, and the attack reads it by that: the two do "
            f"not lie near one optimum of a smooth loss ({why} was trained again from another start, with other "
            "batches, or not to the end), or both are optima and one record moves them farther than it reaches (a "
            "weak penalty, many parameters for the records). Train both from the same start to a small gradient; where "
            "they were, this attack reads nothing from them, and another might."
        )
        return Diagnostic(name, value, False, text, blocking=True)
    return Diagnostic(name, value, True, "Both models lie near one optimum, as far as the curvature there tells.")


def _error(account: Account) -> Diagnostic:
    usual, relative = _typical(account.usual), _typical(account.relative)
    value = f"{usual:.2g} of a public record's own gradient, {relative:.2g} of the estimate"
    name = ERROR
    if not (usual <= LOST and relative <= UNSURE):
        text = (
            "Public records do not tell the deleted record's gradient from their own sampling error: the models lie "
            "too far apart (another optimum), the network has too many parameters for the records, or too few public "
            "records were given."
        )
        return Diagnostic(name, value, False, text, blocking=True)
    return Diagnostic(name, value, True, "Small enough beside a record's own gradient, by the public records.")


def _one_record(account: Account, cause: str) -> Diagnostic:
    known = account.misfit[np.isfinite(account.misfit)]
    odd = chi2.sf(known, account.freedom) < UNLIKELY
    value = f"misfit {np.median(known) / account.freedom:.2g} a parameter (about 1 or less for one deletion)"
    if odd.sum() > 0.02 * len(known):
        which = "" if len(known) == 1 else f" for {int(odd.sum())} of {len(known)} deletions"
        text = (
            f"The change of the network is not the gradient of any one record{which}: {cause}training stopped before "
            "its gradient, times the number of records, was below a record's own; the batches were drawn anew; loss, "
            "l2 or n are not those of the training; or more than one record changed."
        )
        return Diagnostic(FITS_ONE, value, False, text, blocking=bool(odd.sum() > len(known) / 2))
    return Diagnostic(FITS_ONE, value, True, "The change is a record's own gradient, within its error bars.")


def _rounding(release: NetworkRelease, account: Account, rounding: float, digits: str) -> Diagnostic | None:
    """Measure what rounding the parameters does to the estimate, by rounding errors that are drawn."""
    if rounding == 0.0:
        return None
    rng, network = np.random.default_rng(0), release.network
    seen, theta = (release.X_public, release.Y_network), release.theta_before
    square = 0.0
    for _ in range(DRAWS):
        error = rounding * np.abs(theta) * rng.uniform(-1, 1, len(theta)) * np.sqrt(2)  # both models are rounded
        moved = network.hessian_vector(theta, *seen, error) * (release.n / len(release.X_public))
        square += float(moved @ moved) / DRAWS
    own = network.gradients(theta, release.X_public[:1000], release.Y_network[:1000])
    return digits_told(digits, float(np.sqrt(square / (own**2).sum(axis=1).mean())))


def _of_a_number(release: NetworkRelease) -> Diagnostic | None:
    """Say that n and the order of the files are not tested where one number has the residual that goes with any."""
    if release.classes or release.deletions > 1:
        return None
    text = (
        "Of a number nothing tests n, nor which of the files has the record: it is told as far from what the network "
        "predicts as n says, half as far if n is half as large, and as far on the other side if the files are swapped."
    )
    return Diagnostic(SIZE, "not said by a number", None, text)


def penalty_check(told: ToldPenalty, n: int) -> Diagnostic:
    """Compare the penalty that was named with the one with which the old model is an optimum of the public data."""
    name, wide = "Penalty", float(norm.isf(UNLIKELY / 2))
    low, high = (max(told.value + sign * 1.96 * told.error, 0.0) for sign in (-1, 1))
    value = f"{told.value:.2g} times what was named (standard error {told.error:.2g})"
    if not told.named:
        value = f"l2 = {told.value:.2g} (standard error {told.error:.2g}); none was named"
    if told.off > wide:
        fits = f"{low:.2g} to {high:.2g} times what was named"
        if not told.named:
            fits = f"l2 = {low:.2g} to {high:.2g} (weight_decay = {low / n:.2g} to {high / n:.2g})"
        text = (
            f"The old model is no optimum of data like the public data with the penalty that was named: with {fits} it "
            "would be. What comes back rests on it: name the penalty of the training (l2=, weight_decay=). Else n is "
            "wrong, the training stopped early, or the public data are of another population."
        )
        return Diagnostic(name, value, False, text)
    if not told.named:
        text = f"None was named, and one of up to l2 = {high:.2g} would not be seen: name it if there was one."
        return Diagnostic(name, value, None, text)
    if wide * told.error > _UNTESTED:
        text = "So weak beside the sampling of the public data that they do not test it: name that of the training."
        return Diagnostic(name, value, None, text)
    return Diagnostic(name, value, True, "With it the old model is an optimum of data like the public data.")


def digits_told(digits: str, lost: float) -> Diagnostic:
    """Judge by how much rounded parameters change the gradient, beside a record's own."""
    value = f"{digits}; the gradient is known to {lost:.1g} of a record's own"
    name = "Digits of the parameters"
    if lost > NOISE:
        text = (
            f"The parameters were stored as {digits}, and the change that one record makes is lost in that, or nearly "
            "so. Save them with all digits."
        )
        return Diagnostic(name, value, False, text, blocking=True)
    return Diagnostic(name, value, True, "Rounded, but finely beside the change of one record.")
