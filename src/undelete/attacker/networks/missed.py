"""Records that the search about a line left out: public ones that explain the gradient better than the line says.

The search keeps records that are likely where the gradient is a line in the record. Where error bars are wide beside
the bend of a network that leaves out others, and what is kept is then surer of itself than it should be. Public records
are a sample of the records that a table can have: by how much they are likelier than the line says, on average,
estimates the mass that the search missed, maths (23).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Floats, Indices
from undelete.release.networks import NetworkRelease

_BESIDE = 2  # public records likelier than all others, that count no more than the next: a sample may be lucky
_MOST = 0.5  # of the probability that they are given: C was widened, and so explains them better than it should


def truncated(posterior: Posterior) -> Posterior:
    """Return a posterior in which no record counts more than the mean times the root of their number, but for its own.

    A record that stands for others was drawn as often as the line says that it should be. Where the gradient is no line
    a single one may then outweigh all, by chance: its weight is cut, but never below its own probability.

    Source: Ionides, Truncated importance sampling (2008).
    """
    most = len(posterior.weight) ** -0.5
    weight = np.maximum(posterior.probability, np.minimum(posterior.weight, most))
    total = float(weight.sum())
    weight, own = weight / total, posterior.probability / total
    likely = own > 0
    return dataclasses.replace(
        posterior,
        weight=weight,
        probability=own,
        entropy=-float(weight[likely] @ np.log2(own[likely])),
        log_evidence=posterior.log_evidence + float(np.log(total)),
    )


def with_public(
    release: NetworkRelease, lattice: Lattice, posterior: Posterior, misfit: Floats, line: Floats, log_mass: float
) -> tuple[Posterior, Indices, float]:
    """Return a posterior with the public records that it lacks, which these are, and how much log-mass both have.

    Parameters
    ----------
    release : NetworkRelease
        With raw columns.
    lattice : Lattice
        That was searched.
    posterior : Posterior
        Of the search.
    misfit : array (m,)
        Squared distance of each public record's own gradient from the estimate; infinity for one of another class.
    line : array (m,)
        The same if the gradient were the line by which the search went.
    log_mass : float
        Logarithm of prior times likelihood, summed over what the search kept.
    """
    assert release.public_codes is not None
    codes = release.public_codes[:, list(lattice.order)]
    kept = {tuple(row) for row in posterior.codes.tolist()}
    out = np.array([tuple(row) not in kept for row in codes.tolist()])
    for j, left in lattice.allowed.items():
        out &= np.isin(release.public_codes[:, j], left)
    rows = np.flatnonzero(out & (misfit < line))
    if len(rows) <= _BESIDE:
        return posterior, rows[:0], log_mass
    log = -0.5 * misfit[rows] + np.log(-np.expm1(-0.5 * (line - misfit)[rows]))
    log = np.minimum(log, np.partition(log, -1 - _BESIDE)[-1 - _BESIDE]) - np.log(len(misfit))
    total = float(np.logaddexp(log_mass, np.logaddexp.reduce(log)))
    share, own = np.exp(log_mass - total), np.exp(log - total)
    most = min(1.0, _MOST / max(1 - share, np.finfo(float).tiny))
    share, own = 1 - most * (1 - share), most * own
    chances = []
    for mixed, chance in zip(lattice.mixed, posterior.chances, strict=True):
        assert release.public_values is not None
        on = release.public_values[rows, mixed.place][:, None] == mixed.values
        chances.append(np.vstack([chance, np.column_stack([on, ~on.any(axis=1)])]))
    weight = np.concatenate([posterior.weight * share, own])
    return (
        dataclasses.replace(
            posterior,
            codes=np.vstack([posterior.codes, codes[rows]]),
            weight=weight,
            probability=np.concatenate([posterior.probability * share, own]),
            entropy=float(share * posterior.entropy - _plogp(share) - _plogp(own)),
            points=np.vstack([posterior.points, release.X_public[rows]]),
            misfit=np.concatenate([posterior.misfit, misfit[rows]]),
            log_evidence=posterior.log_evidence - float(np.log(max(share, np.finfo(float).tiny))),
            chances=chances,
        ),
        rows,
        total,
    )


def target_mass(targets: Floats, value: float, variance: float) -> float:
    """Return the logarithm of a number's prior, integrated over what a record's gradient leaves open of it.

    Parameters
    ----------
    targets : array (m,)
        Public ones.
    value, variance : float
        What the gradient says of the number.
    """
    spread = max(float(np.var(targets)), np.finfo(float).tiny)
    beyond = min(1.0, float(np.sqrt(variance / spread))) / (len(targets) + 1)
    near = np.exp(-0.5 * (targets - value) ** 2 / max(variance, 1e-12 * spread)).mean()
    return float(np.log(near + beyond))


def _plogp(share: Floats | float) -> float:
    some = np.atleast_1d(share)
    some = some[some > 0]
    return float(some @ np.log2(some))
