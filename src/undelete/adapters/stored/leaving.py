"""Who lies between two means and variances: one value, two, or only their mean; with error bars of float arithmetic.

With n records of mean m and variance v, and n' < n of them of mean m' and variance v', the d = n - n' others have

    sum  s = n m - n' m',    sum of squares about m  A = n v - n' v' - n' (m' - m)^2,

and W = A - d (s / d - m)^2 is their own sum of squares about their mean. One record has W = 0: two equations for one
unknown, so that another change than that of one record shows. Two records are s / 2 -+ sqrt(W / 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.adapters.stored.statistic import Moments

_EPSILON = 2.0**-53
_SAFE = 8.0  # times the error bars beyond which two numbers differ
_TELLS = 0.05  # of a column's variance, the largest error with which W says anything of two people


@dataclass(frozen=True)
class Leaving:
    """What lies between two means.

    Parameters
    ----------
    number : float
        How many records more the larger set has, d.
    total : float
        Their sum.
    error : float
        Its largest error.
    within : float
        W; NaN where no variances are stored.
    within_error : float
        Its largest error.
    deviation : float
        Of the column.
    """

    number: float
    total: float
    error: float
    within: float
    within_error: float
    deviation: float

    @property
    def mean(self) -> float:
        """Their mean, one record's own value."""
        return self.total / self.number

    @property
    def mean_error(self) -> float:
        """Its largest error."""
        return self.error / abs(self.number)

    @property
    def one(self) -> bool | None:
        """Whether they are equal, as one record is; None where that cannot be told."""
        if np.isnan(self.within) or self.within_error > _TELLS * self.deviation**2:
            return None
        return bool(abs(self.within) <= self.within_error)

    @property
    def pair(self) -> tuple[float, float, float] | None:
        """The two values, and their largest error; None where no two records do that."""
        if self.one is None or self.within < -self.within_error:
            return None
        half = np.sqrt(max(self.within, 0.0) / 2)
        apart = self.within_error / (4 * half) if self.within > self.within_error else np.sqrt(self.within_error / 2)
        return self.mean - half, self.mean + half, self.mean_error + float(apart)

    @property
    def unchanged(self) -> bool:
        """Whether nothing changed at all."""
        return self.number == 0 and abs(self.total) <= self.error


def leaving(larger: Moments, smaller: Moments, n: float, fewer: float) -> Leaving:
    """Return what lies between two means over n and fewer records."""
    m, m_less = np.longdouble(larger.mean), np.longdouble(smaller.mean)
    v, v_less = np.longdouble(larger.variance), np.longdouble(smaller.variance)
    n_, f_ = np.longdouble(n), np.longdouble(fewer)
    total, d = n_ * m - f_ * m_less, n - fewer
    spread = np.sqrt(max(float(v), 0.0)) if np.isfinite(float(v)) else abs(float(m))
    error = n * _mean_error(larger, n, spread) + fewer * _mean_error(smaller, fewer, spread)
    about = n_ * v - f_ * v_less - f_ * (m_less - m) ** 2
    middle = total / d - m if d else np.longdouble(0)
    inside = about - d * middle**2
    slack = n * _variance_error(larger, n, spread) + fewer * _variance_error(smaller, fewer, spread)
    slack += 2 * float(abs(m_less - m)) * error + 2 * float(abs(middle)) * error + (error**2 / abs(d) if d else 0.0)
    return Leaving(d, float(total), _SAFE * error, float(inside), _SAFE * slack, spread)


def filled(larger: Moments, smaller: Moments, n: float) -> tuple[float, float, float] | None:
    """Return the value, its error and k of a column whose missing cells were filled with its mean, k cells being there.

    The mean is that of the k cells, and n v the sum of their squares about it, so that with x among them
    m' - m = (m - x) / (k - 1) and n v - (n - 1) v' = k (k - 1) (m - m')^2: two equations for k and x, and k is whole.
    None where it does not come out so.
    """
    moved = larger.mean - smaller.mean
    spread = float(np.sqrt(max(larger.variance, 0.0)))
    error = _mean_error(larger, n, spread) + _mean_error(smaller, n, spread)
    slack = n * (_variance_error(larger, n, spread) + _variance_error(smaller, n, spread))
    if not abs(moved) > 0 or np.isnan(larger.variance):
        return None
    product = (n * larger.variance - (n - 1) * smaller.variance) / moved**2
    loose = (slack / moved**2 + 2 * abs(product) * error / abs(moved)) / np.sqrt(max(4 * product, 1.0))
    k = 0.5 * (1 + np.sqrt(max(1 + 4 * product, 0.0)))
    if not loose < 0.1 or abs(k - round(k)) > max(_SAFE * loose, 1e-6) or not 1 <= round(k) <= n:
        return None
    k = round(k)
    return smaller.mean + k * moved, _SAFE * k * error, float(k)


def refilled(
    larger: Moments, smaller: Moments, n: float, fill: float, later: float
) -> tuple[float, float, float] | None:
    """Return the value, its error and k of a column whose k missing cells were filled with a, and then with b.

    A median, mean or mode a that moved to b counted the person, whose cell was there, and moved away from the value.
    About the first mean, with y the value, s = y + k (a - b) the change of the sum and A = y^2 + k (a^2 - b^2) that of
    the sum of squares,

        y^2 - (a + b) y + (a + b) s - A = 0,

    of which y is the root on a's side of (a + b) / 2, and k is whole. None where it does not come out so.
    """
    mean, moved, step = larger.mean, smaller.mean - larger.mean, fill - later
    spread = float(np.sqrt(max(larger.variance, 0.0)))
    if np.isnan(larger.variance) or not abs(step) > 0:
        return None
    middle, change = (fill - mean + later - mean) / 2, -(n - 1) * moved
    squares = n * larger.variance - (n - 1) * (smaller.variance + moved**2)
    root = np.sqrt(max(middle**2 - 2 * middle * change + squares, 0.0))
    error = n * (_mean_error(larger, n, spread) + _mean_error(smaller, n, spread))
    slack = n * (_variance_error(larger, n, spread) + _variance_error(smaller, n, spread))
    loose = (error + (slack + 2 * (abs(middle) + abs(moved)) * error) / (2 * max(root, abs(step) / 4))) / abs(step)
    k = (change - middle - np.sign(step) * root) / step
    if not loose < 0.1 or abs(k - round(k)) > max(_SAFE * loose, 1e-6) or not 0 <= round(k) < n:
        return None
    k = round(k)
    return mean + change - k * step, _SAFE * (error + k * _EPSILON * (abs(fill) + abs(later))), float(k)


def _mean_error(one: Moments, n: float, spread: float) -> float:
    """Return about how far a stored mean is from the true one: its rounding, and that of the sum it is made of.

    Roundings of a sum are as good as random but where the same number is added again and again.
    """
    summed = float(np.sqrt(max(n, 1.0))) + n / 30
    return one.unit + _EPSILON * summed * (abs(one.mean) + spread)


def _variance_error(one: Moments, n: float, spread: float) -> float:
    return one.variance_unit + _EPSILON * (n / 3 * spread**2 + 2 * (abs(one.mean) + spread) * spread)
