"""What two model files say of themselves: how many records, whether the fits ended, how many digits are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from undelete.adapters.comparable import fitted_anew
from undelete.adapters.leaks import between
from undelete.adapters.model import LinearModel
from undelete.adapters.weights import weighted_loss
from undelete.auditing import inputs
from undelete.auditing.diagnostics import Diagnostic, public_gradient
from undelete.maths.arrays import Floats
from undelete.maths.objective import predict
from undelete.release.release import Release

COUNT = "Number of deleted records"
MEANS = "Means of the scalers"
_OF_OTHERS = 2.0  # standard errors that the gradient of public records may have that are known to be of others
_BEYOND = 3.0  # times the width of the public values, by which a record may lie outside them
_ROUND_OFF = 1e-10  # relative error of a mean, generously
_MOST_DIGITS = 10  # of a number that somebody rounded
_SAME = 1e-13  # relative to a number, by which its rounded form may differ: the last bits
_SINGLE = 2.0**-21  # relative error of a number computed in single precision: some times its rounding
_LOST = 0.3  # rounding's share of the sampling error from which it is no longer beside it


def told(old: LinearModel, new: LinearModel, release: Release) -> list[Diagnostic]:
    """Return the checks that apply; of two tables of answers, which have one model, only whether n is known."""
    if old is new:
        return [check for check in (_unknown(release),) if check is not None]
    found = (
        counts(old, new),
        means(old, new, release),
        ended(old, new),
        rounding(old, new, release),
        _unknown(release),
    )
    return [check for check in found if check is not None]


def counts(old: LinearModel, new: LinearModel) -> Diagnostic | None:
    """Check that the models' own counts of records differ by one, where both say them."""
    if old.n is None or new.n is None:
        return None
    fewer = old.n - new.n
    value = f"{old.n:,} before, {new.n:,} after"
    if fewer == 0 and not fitted_anew(old, new) and old.steps:
        return None  # the same preprocessing in both: it counts its own records, once
    if fewer == 0:
        text = (
            f"Both models were fitted on {old.n:,} records: as many joined as left, so what comes back is a mixture of "
            "persons, not a record. If you know how many did, say so (deleted=1, joined=1; --deleted, --joined)."
        )
        return Diagnostic(COUNT, value, False, text, blocking=True)
    return counted(old.n, new.n)


def counted(before: int, after: int) -> Diagnostic:
    """Check that two numbers of records, which are not the same, differ by one."""
    fewer, value = before - after, f"{before:,} before, {after:,} after"
    if fewer == 1:
        return Diagnostic(COUNT, value, True, "The two models differ by one record.")
    if fewer < 0:
        more = "one record" if fewer == -1 else f"{-fewer:,} records"
        text = (
            f"AFTER was fitted on {more} more than BEFORE ({after:,} and {before:,}): the two files are in the wrong "
            "order (swap them), or records joined."
        )
    else:
        text = (
            f"AFTER was fitted on {fewer:,} records fewer than BEFORE ({after:,} and {before:,}), and a deletion takes "
            "one: what comes back is a mixture of persons, not a record."
        )
    return Diagnostic(COUNT, value, False, text, blocking=True)


def means(old: LinearModel, new: LinearModel, release: Release) -> Diagnostic | None:
    """Check that what the scalers' means say of the deleted record are values that a record can have."""
    change, odd = between(old, new), []
    if change.number == 1 and not change.joined and change.one is False:
        text = f"The files count one record less, but they do not differ as by one record: {change.notes[0]}."
        return Diagnostic(MEANS, f"{len(change.notes)} contradictions", False, text, blocking=True)
    values = {
        row.column: float(row.value)
        for row in change.own
        if row.kind == "value" and row.exact and not isinstance(row.value, str)
    }
    if not values or change.number != 1 or change.joined or release.public_values is None:
        return None
    for j, column in enumerate(release.columns):
        if column.name not in values or column.kind == "categorical" or column.name in change.proved:
            continue
        discrete = column.kind == "discrete"
        known = column.values.astype(float) if discrete else release.public_values[:, j]
        known = known[np.isfinite(known)]  # missing cells are a value of their own, and no number
        if not known.size:
            continue
        value, low, high = values[column.name], float(known.min()), float(known.max())
        inside = abs(value - (low + high) / 2) <= (0.5 + _BEYOND) * (high - low)
        noise = _ROUND_OFF * (old.n or 1) * max(abs(low), abs(high))
        whole = not discrete or (known % 1).any() or abs(value - round(value)) <= max(noise, _ROUND_OFF)
        if not (inside and whole):
            odd.append(column.name)
    if not odd:
        return Diagnostic(MEANS, f"{len(values)} columns", True, "They differ by what one record can be.")
    text = (
        f"The scalers count one record less, but their means of {', '.join(map(repr, odd))} do not differ by what one "
        "record of this population can be: other records changed too."
    )
    return Diagnostic(MEANS, f"{len(odd)} of {len(values)} columns", False, text, blocking=True)


def ended(old: LinearModel, new: LinearModel) -> Diagnostic | None:
    """Check that neither fit stopped before it had converged."""
    stopped = [model.stopped for model in (old, new) if model.stopped]
    if not stopped:
        return None
    which = "both models" if len(stopped) == 2 else "the old model" if old.stopped else "the new model"
    text = (
        f"The solver of {which} had stopped before it converged ({stopped[0]}): what differs between the models is "
        "where it happened to stop, not the record. Raise max_iter, or scale the columns."
    )
    return Diagnostic("End of the fits", stopped[0], False, text, blocking=True)


def _unknown(release: Release) -> Diagnostic | None:
    """Say that the number of training records is needed, where nothing says it."""
    if release.n is not None:
        return None
    text = (
        "The number of training records is not known: the error bars rest on it, and the target of a regression is not "
        "recovered without it. Give n (n=, --n)."
    )
    return Diagnostic("Number of training records", "not known", None, text, blocking=True)


@dataclass(frozen=True)
class _Rounding:
    """How numbers were rounded, in words, and by how much at most each of them."""

    words: str
    size: Callable[[Floats], Floats]


def rounding(old: LinearModel, new: LinearModel, release: Release) -> Diagnostic | None:
    """Check that rounded coefficients still hold the change of one record, beside its sampling error."""
    worst: tuple[float, str] | None = None
    change = release.W_before - release.W_after[0]
    moved = _energy(release, change)
    for model in (old, new):
        rounded = _rounded(model.coef)
        if rounded is None or model.coef.size < 2 or not moved > 0:
            continue
        half = rounded.size(release.W_before if model is old else release.W_after[0])
        lost = float(np.sqrt(_noise(release, half) / moved))
        if worst is None or lost > worst[0]:
            worst = lost, rounded.words
    if worst is None:
        return None
    m, d = release.X_public.shape
    sampling = float(np.sqrt(d * (1 / m + 1 / (release.n or m))))
    value = f"{worst[1]}; the change is known to {worst[0]:.1g} of itself"
    if worst[0] > _LOST * sampling:
        text = (
            f"The coefficients were rounded ({worst[1]}), and the change that one record makes is lost in it or nearly "
            "so: the error bars do not count that. Save all digits."
        )
        return Diagnostic("Digits of the coefficients", value, False, text)
    return Diagnostic("Digits of the coefficients", value, True, "Rounded, but finely beside the change of one record.")


def _energy(release: Release, change: Floats) -> float:
    """Return the mean square by which a change of the parameters moves the public records' predictions."""
    return float((predict(release.X_public, change) ** 2).mean())


def _noise(release: Release, half: Floats) -> float:
    """Return the same of independent errors between -half and half in each parameter."""
    return float(((release.X_public**2) @ (half**2 / 3)).mean())


def _rounded(numbers: Floats) -> _Rounding | None:
    """Return how numbers were rounded, the coarsest of what it may have been; None where they have all digits."""
    numbers = numbers[numbers != 0]
    ways = [way for way in (_decimals(numbers), _digits(numbers)) if way is not None]
    if ways:
        return max(ways, key=lambda way: float((way.size(numbers) ** 2).sum()))
    single = numbers.size and (numbers == numbers.astype(np.float32)).all()
    return _Rounding("to single precision", _single) if single else None


def _decimals(numbers: Floats) -> _Rounding | None:
    for digits in range(_MOST_DIGITS):
        if (np.abs(np.round(numbers, digits) - numbers) <= _SAME * np.abs(numbers)).all():
            return _Rounding(f"to {digits} decimals", partial(_half_a_decimal, digits)) if numbers.size else None
    return None


def _digits(numbers: Floats) -> _Rounding | None:
    for digits in range(1, _MOST_DIGITS):
        unit = _power(numbers, digits)
        if (np.abs(np.round(numbers / unit) * unit - numbers) <= _SAME * np.abs(numbers)).all():
            return _Rounding(f"to {digits} digits", partial(_half_a_digit, digits)) if numbers.size else None
    return None


def _half_a_decimal(digits: int, numbers: Floats) -> Floats:
    return np.where(numbers != 0, 0.5 * 10.0**-digits, 0.0)


def _half_a_digit(digits: int, numbers: Floats) -> Floats:
    return 0.5 * np.where(numbers != 0, _power(numbers, digits), 0.0)


def _single(numbers: Floats) -> Floats:
    return np.asarray(_SINGLE * np.abs(numbers))


def _power(numbers: Floats, digits: int) -> Floats:
    """Return the unit of the last of some significant digits."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 ** (np.floor(np.log10(np.abs(numbers))) - digits + 1))


def of_everyone(old: LinearModel, table: pd.DataFrame, names: Sequence[str], n: int | None) -> tuple[Diagnostic, ...]:
    """Check the gradient over all public records, where they are not like the training ones.

    Of another population, whose target depends on the columns alike, it is as small as of the same one.
    """
    view = inputs.public_view(old, table, inputs.public_target(old, table, names), raw=False)
    own = old.summed(n)
    release = Release(
        weighted_loss(old, view["Y_public"]), W_before=old.W, W_after=old.W[None], n=n, l2=own.l2, l1=own.l1, **view
    )
    check = public_gradient(release, "Gradient on all public data", _OF_OTHERS)
    return () if check is None else (check,)
