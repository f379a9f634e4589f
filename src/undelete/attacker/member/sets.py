"""Which of some candidates left, and joined, together? The likelihood of sets of them: maths (16) and (32).

Every candidate says what minus their gradient would be, so that a set says its sum, and the sum is estimated with the
covariance of maths (10). What files say by themselves of who left less who joined is one more part of that sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chi2

from undelete.attacker.groups.likelihood import sum_gradient
from undelete.attacker.member.set_search import SetSearch
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.maths.solvers import factor
from undelete.release.candidates import Candidates
from undelete.release.release import Release

MOST = 10  # people of a set
_KEPT = 40.0  # misfit over the best at which a set counts no more
_WIDTHS = (30.0, 5.0, 1.0)  # of what the files say, one search after another


@dataclass(frozen=True, eq=False)
class Sets:
    """What is known of c candidates, several of whom left or joined.

    Parameters
    ----------
    left, joined : arrays of int
        The likeliest set: positions among the candidates.
    misfit : float
        Its squared distance from the change, in standard errors.
    p_value : float
        How often the true set fits worse than that.
    left_probability, joined_probability : arrays (c,)
        Of each candidate: the share of all sets that were found, by their likelihood, in which they left or joined;
        that the search missed the true set counts beside them.
    set_probability : float
        Of the likeliest set, alike.
    """

    left: Indices
    joined: Indices
    misfit: float
    p_value: float
    left_probability: Floats
    joined_probability: Floats
    set_probability: float


@dataclass(frozen=True, eq=False)
class Known:
    """What the files say by themselves of who left less who joined, in units of what counts as the same.

    Parameters
    ----------
    own : array (c, q)
        What each candidate adds to it.
    seen : array (q,)
        What it is.
    """

    own: Floats
    seen: Floats


def explain_sets(
    release: Release, candidates: Candidates, left: int, joined: int, rng: np.random.Generator,
    known: Known | None = None,
) -> Sets:  # fmt: skip
    """Return which candidates together explain the difference of two models best.

    Parameters
    ----------
    release : Release
        Of all of them as if of one deletion, n known.
    candidates : Candidates
        c records with their targets.
    left, joined : int
        How many, ten in all at most.
    rng : numpy.random.Generator
        Draws where the search begins.
    known : Known, optional
        What the files say besides.

    Raises
    ------
    InputError
        For too many people or too few candidates.

    Notes
    -----
    Cost of a step c^2 for up to 4,000 candidates, and c queries of a tree of them for more; t (t + 1) / 2 steps a
    round.
    Exact for two; for more the best set may be missed, which the p-value says. Source: maths (16), (32).
    """
    if left + joined > MOST or left + joined < 1:
        raise InputError(f"{left + joined} people are looked for among the candidates: between one and {MOST} can be")
    if len(candidates.X) < left + joined:
        raise InputError(f"there are {len(candidates.X)} candidates for {left + joined} people: give more")
    G, C = sum_gradient(release, left)
    half = np.asarray(factor(C).half)
    seen, (gone, came) = G.reshape(-1) @ half, _pulls(release, candidates, half)
    known = Known(np.zeros((len(gone), 0)), np.zeros(0)) if known is None else known
    members: list[int] = []
    for width in _WIDTHS if len(known.seen) else (1.0,):  # what is known sharply leads nowhere from afar
        own, told = known.own / width, np.concatenate([seen, known.seen / width])
        search = SetSearch(told, np.hstack([gone, own]), np.hstack([came, -own]), left, joined, len(seen))
        members = search.sought(members, rng)
    return _result(search)


def _pulls(release: Release, candidates: Candidates, half: Floats) -> tuple[Floats, Floats]:
    """Return what each candidate adds to G, white (c, r): had they left, and had they joined."""
    X, Y = candidates.X, candidates.Y
    found = []
    for W, sign in ((release.W_before, 1.0), (release.W_after[0], -1.0)):
        rho = -sign * np.asarray(release.loss.residual(Y, candidates.predictions(W)))
        found.append((X[:, :, None] * rho[:, None, :]).reshape(len(X), -1) @ half)
    return found[0], found[1]


def _result(search: SetSearch) -> Sets:
    """Return what was found; the p-value is by the models' change, beside which what files say is exact."""
    least = min(search.found.values())
    near = {key: misfit for key, misfit in search.found.items() if misfit <= least + _KEPT}
    terms = [*((least - misfit) / 2 for misfit in near.values()), least / 2 + search.missed]
    total = float(logsumexp(terms))
    chances = np.zeros((2, len(search.gone)))
    for key, misfit in near.items():
        for side in (0, 1):
            chances[side, list(key[side])] += np.exp((least - misfit) / 2 - total)
    best = min(near, key=near.__getitem__)
    return Sets(
        left=np.array(best[0], dtype=np.int64),
        joined=np.array(best[1], dtype=np.int64),
        misfit=least,
        p_value=float(chi2.sf(least, search.moved)),
        left_probability=chances[0],
        joined_probability=chances[1],
        set_probability=float(np.exp(-total)),
    )
