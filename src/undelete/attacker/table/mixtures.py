"""Is the change of a model that of one record, or of two? By how much the one explains it better, maths (13).

Two deletions, or a deletion and an addition, change a model by the sum or difference of two gradients. That is the one
of a mixture of two records, which lies off the columns' values where the error is small beside their steps. How
probable such a change is, the public records say, two at a time; how probable it is for one record, the search has
summed up. How often several change at once is not in it, only how well each explains what was seen.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.likelihood import Likelihood
from undelete.attacker.table.term_likelihood import lower
from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Floats, Indices
from undelete.release.release import Release

_RECORDS = 1000  # public ones of which all pairs are formed
_LEAST = 1e-300  # density of a scale that no public record has


def lead_over_two(release: Release, known: Likelihood, lattice: Lattice, posterior: Posterior, output: int) -> float:
    """Return the logarithm of how many times better one record explains one deletion's change than two records do.

    Two that left, or one that left and one that joined: each as likely as the other.

    Parameters
    ----------
    release : Release
        One deletion.
    known : Likelihood
        What its gradient says, early stops included.
    lattice : Lattice
        Which terms the search compared.
    posterior : Posterior
        What it found.
    output : int
        Whose gradient was taken.

    Notes
    -----
    With g_i the public records' gradients, C the error's covariance and N their pairs, p(G | two) is the mean of
    N(G; g_i + g_j, C + h S) over pairs, S the covariance of such sums and h = N^(-2/(s + 4)) for s terms: pairs that
    are not among the public ones lie between. Cost 2 m^2 s flops, m up to 1,000.
    """
    tied = bool(np.isfinite(known.target[0]))
    T = np.eye(len(known.constant)) if tied else np.c_[known.constant, lattice.terms]
    rows = _some(len(release.X_public))
    basis = np.eye(len(release.X_public[0])) if lattice.whole else np.c_[lattice.projection, release.constant]
    sizes = _sizes(release, rows, output, float(known.gradient[0] @ known.constant))
    gradients = (release.X_public[rows] @ basis * sizes[:, None]) @ T
    pairs = len(rows) * (len(rows) - 1) / 2
    wider = 2 * pairs ** (-2 / (T.shape[1] + 4)) * np.cov(gradients.T, bias=True)
    root = lower(T.T @ known.floored(0) @ T + wider)
    white = solve_triangular(root, np.c_[gradients.T, T.T @ known.gradient[0]], lower=True).T
    # that both left, and that one joined, are half of it each
    both, swapped = (_pairs(white[:-1], white[-1], sign) for sign in (1.0, -1.0))
    two = float(np.logaddexp(both, swapped) - np.log(2) - np.log(np.diag(root)).sum())
    one = posterior.log_evidence
    if (
        not tied and known.widths is None
    ):  # there the scale is integrated over as if each were as likely: how likely it is
        scales = _scales(known, T, posterior)
        one += 0.5 * np.log(2 * np.pi) + np.log(max(float(posterior.weight @ _density(sizes, scales)), _LEAST))
    return float(one - two)


def _some(m: int) -> Indices:
    """Return which public records are paired: all, or evenly spread ones."""
    return np.unique(np.linspace(0, m - 1, min(m, _RECORDS)).astype(np.int64))


def _sizes(release: Release, rows: Indices, output: int, usual: float) -> Floats:
    """Return minus the residuals of some public records; of unknown targets normal numbers as large as the change's."""
    if release.Y_public is None:
        return np.random.default_rng(0).normal(size=len(rows)) * abs(usual)
    Z = release.predictions(release.W_before)[rows]
    return np.asarray(-release.loss.residual(release.Y_public[rows], Z)[:, output])


def _pairs(gradients: Floats, change: Floats, sign: float) -> float:
    """Return the logarithm of the mean density of a change (s,) over sums of two of some gradients (r, s)."""
    off, other = change - gradients, sign * gradients
    square = (off**2).sum(axis=1)[:, None] - 2 * off @ other.T + (other**2).sum(axis=1)
    np.fill_diagonal(square, np.inf)
    return float(logsumexp(-0.5 * square)) - float(np.log(len(gradients) * (len(gradients) - 1)))


def _scales(known: Likelihood, T: Floats, posterior: Posterior) -> Floats:
    """Return the scale (r,) at which each possible record fits the gradient best."""
    root = lower(T.T @ known.floored(0) @ T)  # terms that are one another's leave no inverse
    white = solve_triangular(root, np.c_[(posterior.points @ T).T, T.T @ known.gradient[0]], lower=True)
    return np.asarray(white[:, :-1].T @ white[:, -1] / (white[:, :-1] ** 2).sum(axis=0))


def _density(sizes: Floats, scales: Floats) -> Floats:
    """Return a kernel estimate of the density of some numbers (m,) at others (r,)."""
    width = max(1.06 * float(sizes.std()) * len(sizes) ** -0.2, float(np.finfo(float).tiny))
    off = (scales[:, None] - sizes) / width
    return np.asarray(np.exp(-0.5 * off**2).mean(axis=1) / (width * np.sqrt(2 * np.pi)))
