"""Who they are, in samples: guesses drawn from the prior and led to the posterior, maths (32).

The likelihood is let in little by little, as fast as half of the guesses keep counting; in between those that explain
the change well take the place of the others, and all are moved. What the likelihood adds up to on the way is the
density of the change under "so many left and so many joined". Source: Del Moral, Doucet and Jasra, *Sequential Monte
Carlo samplers* (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import logsumexp

from undelete.attacker.groups.lattice import GroupLattice
from undelete.attacker.groups.likelihood import SumLikelihood
from undelete.attacker.groups.moves import Held, sweep
from undelete.attacker.groups.people import People
from undelete.maths.arrays import Floats, Indices

GUESSES = 192
_KEEP = 0.5  # of the guesses that still count after a step
_LAST = 4  # sweeps with all of the likelihood
_SETTLE = 2  # sweeps with none of it: from public people to the prior


@dataclass(frozen=True, eq=False)
class Samples:
    """R guesses of a group, all as likely, with weights.

    Parameters
    ----------
    codes : array (R, t, c) of int
        Values.
    labels : array (R, t) of int
        Classes.
    rho : array (R, t, k)
        Sizes: minus the residuals, with their signs.
    weight : array (R,)
        Sums to one.
    misfit : array (R,)
        Squared distance of what each makes from G.
    log_evidence : float
        Log-density of G.
    search : array (R,) of int
        Which of several searches each comes from.
    """

    codes: Indices
    labels: Indices
    rho: Floats
    weight: Floats
    misfit: Floats
    log_evidence: float
    search: Indices


def samples(
    known: SumLikelihood,
    lattice: GroupLattice,
    signs: Floats,
    rng: np.random.Generator,
    *,
    held: Mapping[int, Held] | None = None,
    progress: Callable[[float], object] | None = None,
) -> Samples:
    """Return guesses of the group as likely as they are.

    Parameters
    ----------
    known, lattice : SumLikelihood, GroupLattice
        What is known.
    signs : array (t,)
        1 for who left, -1 for who joined.
    rng : numpy.random.Generator
        Draws everything.
    held : mapping of int to Held, optional
        Columns of which the files say what values are there.
    progress : callable, optional
        Called with the share of the work that is done.
    """
    held, t, guesses = held or {}, len(signs), GUESSES
    drawn = rng.integers(len(lattice.codes), size=(guesses, t))
    codes, labels = np.array(lattice.codes[drawn]), lattice.targets[drawn]
    for j, one in held.items():
        codes[:, :, j] = one.begin[rng.integers(len(one.begin), size=guesses)]
    people = People(known, lattice, signs, codes, labels, rng)
    for _ in range(_SETTLE):
        sweep(people, held)
    evidence = known.size - 0.5 * len(known.seen) * float(np.log(2 * np.pi))
    first = 0.0
    while people.power < 1:
        fit = people.explained
        step = _step(fit, 1 - people.power)
        log_weight = step * fit
        evidence += float(logsumexp(log_weight)) - float(np.log(len(fit)))
        people.take(_resampled(log_weight, rng))
        people.power = min(1.0, people.power + step)
        sweep(people, held)
        first = first or people.power
        if progress is not None and first < 1:
            progress(0.9 * (1 - float(np.log(people.power) / np.log(first))))  # it grows about as fast by factors
    whole, rho, misfit = _last(people, held)
    if known.labels is None and not held:
        whole, rho = _either_side(whole, rho, signs, rng)
    tight, loose = (sum(of(whole[:, i]) for i in range(t)) for of in (lattice.log_prior, lattice.loose))
    weight = _truncated(np.asarray(tight) - np.asarray(loose))
    return Samples(
        codes=whole[:, :, :-1],
        labels=whole[:, :, -1],
        rho=rho,
        weight=weight,
        misfit=misfit,
        log_evidence=evidence,
        search=np.zeros(len(weight), dtype=np.int64),
    )


def _last(people: People, held: Mapping[int, Held]) -> tuple[Indices, Floats, Floats]:
    """Return who they are after each of the last sweeps, their sizes and misfits: few would count once weighed."""
    parts = []
    for _ in range(_LAST):
        sweep(people, held)
        parts.append((np.array(people.codes), np.array(people.rho), -2 * people.explained))
    whole, rho, misfit = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return whole, rho, misfit


def _either_side(codes: Indices, rho: Floats, signs: Floats, rng: np.random.Generator) -> tuple[Indices, Floats]:
    """Return guesses in which who left and who joined may have changed places, each pair in half of them.

    Of a number the residual has either sign, so that both explain the change alike. A search that found one has not
    found that it is the other's.
    """
    codes, rho = np.array(codes), np.array(rho)
    for i, j in product(np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)):
        rows = np.flatnonzero(rng.random(len(codes)) < 0.5)[:, None]
        codes[rows, [i, j]], rho[rows, [i, j]] = codes[rows, [j, i]], rho[rows, [j, i]]
    return codes, rho


def _step(fit: Floats, most: float) -> float:
    """Return by how much the likelihood may count more so that a share of the guesses still does."""
    low, high = 0.0, most
    if _left(most * fit) >= _KEEP * len(fit):
        return most
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _left(middle * fit) >= _KEEP * len(fit) else (low, middle)
    return max(low, 1e-12)


def _left(log_weight: Floats) -> float:
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / (weight**2).sum())


def _truncated(log_weight: Floats) -> Floats:
    """Return weights (R,) that sum to one, none of which was more than R^-1/2 before: a few would stand for all.

    Source: Ionides, *Truncated importance sampling* (2008).
    """
    weight = np.minimum(np.exp(log_weight - logsumexp(log_weight)), len(log_weight) ** -0.5)
    return np.asarray(weight / weight.sum())


def _resampled(log_weight: Floats, rng: np.random.Generator) -> Indices:
    """Draw guesses by their weights, evenly."""
    weight = np.exp(log_weight - log_weight.max())
    places = (rng.random() + np.arange(len(weight))) / len(weight)
    return np.minimum(np.searchsorted(np.cumsum(weight / weight.sum()), places), len(weight) - 1)
