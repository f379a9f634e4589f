"""Records that counted for more or less in the fit, which nobody says: how much of it the old model shows.

A fit is where the weighted mean of its records' gradients g is zero, the penalty's counted. Public records that count
alike say what their plain mean is: of weights w with mean 1, which have a covariance of -E g with g, it is at most
sd(w) sd(g) in any direction, so that

    sd(w)^2 >= (E g)' Cov(g)^-1 (E g).

The bound of Hansen and Jagannathan (1991). Weights that have nothing to do with the residuals are not seen: nothing in
the files tells them from equal ones, and a number is told as that of a record that weighed as much as the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from undelete.adapters.record_weights import Counted
from undelete.attacker.attack import Attack
from undelete.attacker.table.further_error import UNLIKELY, public_misfit
from undelete.auditing.surveyed import unsure_by, unweighed_by
from undelete.release.release import Release

_MORE = 2.0  # times the bound: of weights that follow the residual or the target, numbers were within it


def uneven_by(release: Release, counted: Counted) -> float:
    """Return by how much training records' weights vary at least, of their mean; 0 where that may be sampling.

    Of numeric targets alone: of a class the weight is in the size of the change, which the check of n compares. Where
    the files say the weights, or they were named, 0. Cost that of `strangers`.
    """
    if counted.weights is not None or release.target_kind != "number" or release.n is None:
        return 0.0
    square, degrees = public_misfit(release)
    if not degrees or not chi2.sf(square, degrees) < UNLIKELY:
        return 0.0
    outputs = release.W_before.shape[1]  # one after the other, of the same weights
    return float(np.sqrt((square - degrees) / outputs * (1 / len(release.X_public) + 1 / release.n)))


def unsure_of_weights(attacks: Sequence[Attack], release: Release, counted: Counted) -> tuple[list[Attack], list[str]]:
    """Return attacks whose numbers of a target are as unsure as records' weights make them, and what to say of it."""
    bound, asked = uneven_by(release, counted), unweighed_by(counted, attacks)
    if not bound:
        return asked, []
    said = (
        "The old model is not the optimum of records like the public ones that all count alike. If its records had "
        f"weights (sample_weight), these vary by at least {100 * bound:.2g} % of their mean, and the target's range "
        "counts twice that: name the public table's column of weights (sample_weight=, --sample-weight). Else the "
        "public data are of another population, or the fit had not converged."
    )
    return [unsure_by(attack, _MORE * bound) for attack in asked], [said]
