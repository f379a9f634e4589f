"""What the change of the model itself says of the record: along it the error is that of a positive sum, maths (13).

With D the change of a model of one output, G'D is the public records' estimate of D'HD, and the true rho x'D is the
private ones': both are sums of terms that are not negative. Where few records carry them, as for a record far out, the
normal error of (10) is as large as the estimate, and leaves the record as well at none of it, or at the other sign.
Their ratio is then taken for that of two mean squares, which has the same variance: Snedecor's F, without the scale
that both share. A normal error is kept in all other directions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betaln

from undelete.attacker.table.likelihood import Likelihood
from undelete.maths.arrays import Floats

_UNSURE = 0.25  # relative error of D'HD from which the two differ enough to matter
_LEAST = 1e-4  # share of the estimate that stands for less, or for the other sign


def along_change(known: Likelihood, i: int) -> Callable[[Floats, Floats], Floats] | None:
    """Return what the log-likelihoods of record i's points (r, p), of misfits (r,), lack where their error is normal.

    None where the change is not that of one output, and where D'HD is known well enough that the normal error serves.

    Notes
    -----
    With tau the relative error of the estimate its degrees of freedom, and the private sum's, are
    2 / tau^2 (1/m + 1/n) times m, and times n: both variances together are tau^2.
    """
    if known.change is None or known.records is None:
        return None
    D = known.change[i]
    estimate, variance = float(known.gradient[i] @ D), float(D @ known.floored(i) @ D)
    if not estimate > 0 or variance <= (_UNSURE * estimate) ** 2:
        return None
    tau, (m, n) = np.sqrt(variance) / estimate, known.records
    public, private = (2 / tau**2 * (1 / m + 1 / n) * size for size in (m, n))

    def lacking(points: Floats, misfit: Floats) -> Floats:
        rho = known.pulls(i, points)
        share = rho * (points @ D) / estimate
        normal = -0.5 * ((share - 1) / tau) ** 2 - np.log(tau * np.sqrt(2 * np.pi))
        return np.asarray(ratio_log_density(np.maximum(share, _LEAST), private, public) - normal)

    return lacking


def ratio_log_density(share: Floats, private: float, public: float) -> Floats:
    """Return the log density of the logarithm of 1 / share (r,), where share is of two mean squares.

    Parameters
    ----------
    share : array (r,)
        The private mean square as a share of the public one.
    private, public : float
        Degrees of freedom of the two.
    """
    a, b = private / 2, public / 2
    constant = a * np.log(private) + b * np.log(public) - betaln(a, b)
    return np.asarray(constant + a * np.log(share) - (a + b) * np.log(private * share + public))
