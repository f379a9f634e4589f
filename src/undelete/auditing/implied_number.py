"""Is a model's change of the size that one record among n makes? What it says of n, held against the given number."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from undelete.attacker.implied import Implied
from undelete.auditing.diagnostics import Diagnostic
from undelete.release.seen import Seen

SIZE = "Implied number of records"
UNLIKELY = 1e-3  # probability of a misfit under which the difference is not taken for one deletion
TELLING = 0.25  # error of the logarithm of the implied number under which it can test a given one by itself


def size_check(release: Seen, said: Implied) -> Diagnostic | None:
    """Compare the number of training records with the one that the size of the change implies."""
    name, given = SIZE, release.n
    if said.several:
        text = (
            "The change pulls towards several classes at once, as that of a record that joined does: the two files are "
            "in the wrong order (swap them), or other records changed too."
        )
        return Diagnostic(name, "none", False, text, blocking=True)
    if given is None or release.n_error > 0:
        return _informs(name, said)
    if said.n != said.n:  # by no target the change has the sign that it has
        if not said.error * float(norm.isf(UNLIKELY / 2)) < 1:
            text = "The record pulls on the model within the error of not at all, so that the size says no number."
            return Diagnostic(name, "not known", None, text)
        text = (
            "No record of this population makes a change of this size, among however many: the records had weights "
            "(sample_weight), the fits stopped early, or more than one record changed."
        )
        return Diagnostic(name, "none", False, text)
    value = f"{said.n:,.0f} (within {_times(said.error)}; given: {given:,})"
    if agrees(said.n, given, said.error):
        text, telling = "The number of training records that the size of the change implies.", said.error <= TELLING
        if not telling:
            text = "The size of the change says so little of n that twice as many, or half, would not be seen: check n."
        return Diagnostic(name, value, telling or None, text)
    if agrees(said.swapped, given, said.error):
        text = (
            f"The change has the size of one record among {given:,} if the two files are in the other order: BEFORE "
            "and AFTER seem to be swapped."
        )
        return Diagnostic(name, value, False, text, blocking=True)
    text = (
        f"The size of the change is that of one record among {said.n:,.0f}, not among {given:,}: n is wrong, the "
        "records had weights (sample_weight), the fits stopped early, or more than one record changed."
    )
    return Diagnostic(name, value, False, text)


def _informs(name: str, said: Implied) -> Diagnostic | None:
    if said.n != said.n:
        text = "No record of this population makes a change of this size: n cannot be estimated; give n."
        return Diagnostic(name, "none", None, text, blocking=True)
    text = (
        "n was not given, or not what the record weighed. The size of the change is that of one record among about "
        f"{said.n:,.0f} (within {_times(said.error)})"
    )
    if said.swapped == said.swapped:
        text += (
            f"; were the two files in the wrong order it would be one among {said.swapped:,.0f}, of the other class. "
            "Give n, and the order is tested"
        )
    return Diagnostic(name, f"{said.n:,.0f}", None, text + ".")


def _times(error: float) -> str:
    return f"a factor of {np.exp(min(1.96 * error, 20.0)):.2g}"


def agrees(n: float, given: float | None, error: float) -> bool:
    """Return whether a number is the given one within its error; never where it is not known."""
    most = float(norm.isf(UNLIKELY / 2))
    if given is None:
        return False
    return bool(n > 0 and np.isfinite(error) and abs(np.log(n / given)) <= most * error)
