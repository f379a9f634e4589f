"""Is the change of the model that of one deleted record? Checks that need no truth.

What can test it: a record lies on its columns' values, and a mixture of two does not, so that one or the other explains
the change better; behind an embedding only records have embeddings; the files may say how many records each model was
fitted on; and of a class the size of the change says what that number is. Where none of these can be had, nothing tells
one record from three.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2, norm

from undelete.attacker.embedding.traced_error import misfit
from undelete.attacker.hrec import hrec
from undelete.attacker.implied import Implied, implied
from undelete.auditing.diagnostics import FITS_ONE, Diagnostic
from undelete.auditing.implied_number import TELLING, UNLIKELY, agrees, size_check
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

# By how much one record has to explain the change better than two, in the logarithm: where a column's value is all but
# sure, and not one that most have, a mixture would have lain beside it; where none is, hardly anything tells.
_LEAD, _LEAD_UNSURE = 0.0, 3.0
_SURE, _COMMON = 0.9, 0.75
_MANY = float(np.log(1000))
_ANYWHERE = 1.0  # deviation of that logarithm, beyond its error, about what is given where two records changed


def one_deletion(
    release: Release, found: Reconstruction, decoded: Reconstruction, *, counted: bool, notes: Sequence[str] = ()
) -> list[Diagnostic]:
    """Return every check of whether the change is that of one record; one that says so where none can be made.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    found : Reconstruction
        HRec's result on it.
    decoded : Reconstruction
        HRec+'s, whose misfit says how far the change is from that of a record.
    counted : bool
        Whether the two files say that they were fitted on n and n - 1 records.
    notes : sequence of str
        What the models say of their own fits: where the change is not that of one record, they name the cause.
    """
    if "ok" not in found.status:
        return []
    fit = _on_the_lattice(release, decoded, notes)
    if fit is None and release.embedding is not None:
        fit = _on_the_embedding(release, decoded, notes)
    checks = [] if fit is None else [fit]
    said = implied(release, found)
    size = None if said is None else size_check(release, said)
    checks += [] if size is None else [size]
    telling = said is not None and size is not None and size.ok is not None and said.error <= TELLING
    if release.deletions == 1 and release.embedding is None and not counted and not telling:
        lead = float("nan") if decoded.lead_over_two is None else float(decoded.lead_over_two[0])
        lead += _agreement(release, said)
        if not lead >= (_LEAD if _some_sure(release, decoded) else _LEAD_UNSURE):
            checks.append(_untested(release, lead))
    return checks


def _agreement(release: Release, said: Implied | None) -> float:
    """Return by how much better the implied number agrees with a given one if one record changed than if two did.

    In the logarithm. The number that two make is of no record, and may be anywhere about it.
    """
    if said is None or release.n is None or release.n_error > 0 or not said.n > 0 or not np.isfinite(said.error):
        return 0.0
    off, wide = float(np.log(said.n / release.n)), float(np.hypot(said.error, _ANYWHERE))
    return float(norm.logpdf(off, scale=said.error) - norm.logpdf(off, scale=wide))


def _some_sure(release: Release, decoded: Reconstruction) -> bool:
    """Return whether a column's value is all but sure, of those that most public records do not share."""
    if decoded.codes is None or decoded.probability is None:
        return False
    shown = zip(release.columns, decoded.codes[0], decoded.probability[0], strict=True)
    return any(
        p >= _SURE and code >= 0 and column.frequency.size > 0 and column.share[code] <= _COMMON
        for column, code, p in shown
    )


def _untested(release: Release, lead: float) -> Diagnostic:
    name, value = "One record", "the check cannot be made"
    what = "all columns are continuous" if release.columns else "records have no columns of few values"
    if lead == lead:
        value = f"one explains the change {_fold(lead)} as well as two"
        what = "by the columns' values two records explain it about as well as one"
    text = (
        "Nothing here can test whether the change is that of one record, or of three that left, or of one that left "
        f"and one that joined: {what}, and the files do not say how many records each model was fitted on. Give "
        f"{'n (n=, --n), ' if release.n_error else ''}pipelines whose scaler was fitted with the model (they keep the "
        "number), model files with n, or the true record."
    )
    return Diagnostic(name, value, None, text, blocking=True)


def _fold(log: float) -> str:
    return f"{np.exp(log):.2g} times" if log < _MANY else "far more than a thousand times"


def _on_the_lattice(release: Release, decoded: Reconstruction, notes: Sequence[str]) -> Diagnostic | None:
    """Test whether the estimate lies as near to a whole record as its error bars say: chi-squared."""
    if decoded.misfit is None or decoded.misfit_terms == 0:
        return None
    tried = np.array([status == "ok" for status in decoded.status])
    sizes = decoded.misfit[tried]
    if not sizes.size:
        return None
    fits = chi2.sf(np.nan_to_num(sizes, nan=np.inf), decoded.misfit_terms) >= UNLIKELY  # one that overflows has failed
    finite = sizes[np.isfinite(sizes)]
    middle = f"{np.median(finite) / decoded.misfit_terms:.2g}" if finite.size else "not a number,"
    value = f"misfit {middle} a term (about 1 or less for one deletion)"
    if decoded.lead_over_two is not None and decoded.lead_over_two[0] > _LEAD:
        value += f"; it explains the change {_fold(float(decoded.lead_over_two[0]))} as well as two do"
    return _fits_one(value, int((~fits).sum()), sizes.size, _causes(release, notes))


def _on_the_embedding(release: Release, found: Reconstruction, notes: Sequence[str]) -> Diagnostic | None:
    """Test whether the recovered embedding lies as near to that of a record as its error bars say."""
    ratio, probability = misfit(release, found)
    known = np.isfinite(ratio)
    if not known.any():
        return None
    unlike, count = int((probability[known] < UNLIKELY).sum()), int(known.sum())
    value = f"squared distance from an embedding {np.median(ratio[known]):.2g} of its expectation"
    return _fits_one(value, unlike, count, _causes(release, notes))


def _causes(release: Release, notes: Sequence[str]) -> str:
    """Return what may be behind a change that is not one record's: what the models say themselves, if anything."""
    if notes:
        return " ".join(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in dict.fromkeys(notes))
    unknown = "" if release.n is not None else "the number of training records is not known (give n), "
    return (
        f"It may be that {unknown}the fits stopped early or were noised or rounded, other data changed too, or the "
        "person has values that no public record has."
    )


def _fits_one(value: str, unlike: int, count: int, causes: str) -> Diagnostic:
    """Judge how many of the misfits are unlikely for the deletion of one record."""
    if unlike > 0.02 * count:
        which = "" if count == 1 else f" for {unlike} of {count} deletions"
        text = f"The change of the model is not that of one record of this population{which}. {causes}"
        return Diagnostic(FITS_ONE, value, False, text, blocking=unlike > count / 2)
    text = "The change of the model is what the deletion of one record would make, within the error bars."
    return Diagnostic(FITS_ONE, value, True, text)


def reversed_order(release: Release, found: Reconstruction) -> bool:
    """Return whether the change has the sign of a record that joined: it is that of one if the files change places.

    Of three classes the directions say so, of two the size of the change where `n` is known; of numbers nothing does.
    """
    said = implied(release, found) if "ok" in found.status else None
    if said is None or release.deletions != 1:
        return False
    if said.several:
        return True
    known = release.n is not None and not release.n_error
    return bool(known and not agrees(said.n, release.n, said.error) and agrees(said.swapped, release.n, said.error))


def either_order(release: Release) -> bool:
    """Return whether the one deletion's change may be that of a record of a class in either of the two models.

    The record is the same then, and its class is another.
    """
    found = hrec(release, np.random.default_rng(0))  # HRec draws nothing
    said = implied(release, found) if release.noise is None and "ok" in found.status else None
    if said is None or said.several:
        return False
    known = release.n is not None and not release.n_error
    return said.swapped > 0 and (not known or agrees(said.swapped, release.n, said.error))
