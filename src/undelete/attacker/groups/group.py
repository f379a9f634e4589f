"""Several people who left, or joined, between two models: who they were, as far as their sum says it, maths (32)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chi2

from undelete.attacker.groups.crowd import in_a_crowd
from undelete.attacker.groups.ends import beyond
from undelete.attacker.groups.lattice import GroupLattice, group_lattice
from undelete.attacker.groups.likelihood import SumLikelihood, sum_likelihood
from undelete.attacker.groups.moves import OPTIONS, Held
from undelete.attacker.groups.pace import Pace
from undelete.attacker.groups.read import read
from undelete.attacker.groups.search import GUESSES, Samples, samples
from undelete.attacker.groups.told import Told, adds, held, unlisted
from undelete.attacker.hrec import unchanged
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release, repeated

MOST, MOST_SUMMED = 5, 10  # people who are told apart, and where files sum most columns; of more one is looked for
UNLIKELY = 1e-3  # probability of a misfit under which the search starts again, and the change is not theirs
_WORK = 3e8  # numbers that a sweep may work out, about a second's: some fifty sweeps are a search
_RUNS, _AGAIN = 2, 2
_FURTHER = 2  # times that values beyond the public ones join columns at whose ends people are found
_AGREE = 5.0  # by which the log-evidence of two searches may differ that found the same
_SETTLED = 0.05  # probability of the misfit above which one search that no other agrees with is believed, of few


@dataclass(frozen=True, eq=False)
class Group:
    """What came back of the people between two models.

    Parameters
    ----------
    release : Release
        As if of t deletions, a person each: with values of theirs that no public record has.
    found : Reconstruction
        One record a person: those who left, then those who joined.
    p_value : float
        How often such people explain the change worse; NaN where that is not asked.
    log_evidence : float
        Log-density of the change, if so many left and so many joined; NaN likewise.
    why : str
        Why they were not told apart; "" where they were.
    """

    release: Release
    found: Reconstruction
    p_value: float = float("nan")
    log_evidence: float = float("nan")
    why: str = ""


def signs_of(left: int, joined: int) -> Floats:
    """Return 1 for each who left and -1 for each who joined."""
    return np.concatenate([np.ones(left), -np.ones(joined)])


def group(
    release: Release,
    left: int,
    joined: int,
    rng: np.random.Generator,
    *,
    told: Mapping[int, Told] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Group:
    """Return the people who most probably left and joined.

    Parameters
    ----------
    release : Release
        Of all of them as if of one deletion; `n` the number of records of the old model.
    left, joined : int
        How many.
    rng : numpy.random.Generator
        Draws the samples.
    told : mapping of int to Told, optional
        What the files say of a column's values, by its position.
    progress : callable, optional
        Called as progress(done, total), in hundredths of a search.

    Notes
    -----
    Up to five people are told apart, ten where the files sum most columns, by some 50 sweeps over t c values of 200
    samples; of more, where a sweep is more than a second's work, and where raw columns do not make the whole record,
    the one who stands out most is decoded, with the others' gradients as noise. Exact but for the normal error of G
    and the samples' own: of more than five people nothing is surer than three searches find it.
    """
    signs, told, pace = signs_of(left, joined), told or {}, Pace(progress)
    known = {j for j, one in told.items() if one.values is not None}
    extra = unlisted(release.columns, told)
    try:
        found = _searched(release, signs, left, told, extra, rng, pace)
        for _ in range(_FURTHER):
            more = {
                j: values
                for j, values in beyond(found.columns(release), found.both, known).items()
                if j not in told or adds(found.lattice.columns[j], values, told[j], signs)
            }
            if not more:
                break
            wider = {j: np.union1d(extra.get(j, []), more.get(j, [])) for j in {*extra, *more}}
            further = _searched(release, signs, left, told, wider, rng, pace)
            if further.both.log_evidence < found.both.log_evidence - _AGREE:
                break  # nobody who fits as well was found among them
            extra, found = wider, further
    except InputError as error:
        return Group(repeated(release, len(signs)), in_a_crowd(release, len(signs), rng), why=str(error))
    lattice, both = found.lattice, found.both
    score = -0.5 * both.misfit + _prior(lattice, both)
    own = dataclasses.replace(
        release,
        columns=found.columns(release),
        public_codes=np.where([c.kind == "continuous" for c in release.columns], -1, lattice.codes),
    )
    start = int(np.where(both.weight > 0, score, -np.inf).argmax())
    people = read(own, lattice, found.known, signs, both, start=start, exact=extra)
    return Group(repeated(own, len(signs)), people, found.p_value, both.log_evidence)


@dataclass(frozen=True, eq=False)
class _Found:
    """What the searches on one lattice found."""

    lattice: GroupLattice
    known: SumLikelihood
    both: Samples
    p_value: float

    def columns(self, release: Release) -> list[Column]:
        """Return the lattice's columns, a continuous one as the release has it."""
        return [b if b.kind == "continuous" else a for a, b in zip(self.lattice.columns, release.columns, strict=True)]


def _searched(
    release: Release,
    signs: Floats,
    left: int,
    told: Mapping[int, Told],
    extra: Mapping[int, Floats],
    rng: np.random.Generator,
    pace: Pace,
) -> _Found:
    """Return what searches find where columns have some `extra` values; InputError says why they find nobody."""
    t = len(signs)
    summed = sum(one.values is not None or not one.listed for one in told.values())
    most = MOST_SUMMED if 2 * summed > len(release.columns) else MOST
    if t > most:
        raise InputError(f"of more than {most} people only the one who stands out most is looked for")
    if unchanged(release)[0]:
        raise InputError("the two models are the same")
    lattice = group_lattice(release, extra)
    known = sum_likelihood(release, lattice, left)
    hold = held(lattice.columns, told, signs, rng)
    if t * _looked_at(known, hold) > _WORK:
        raise InputError(
            f"{len(known.terms)} columns times {known.terms[0].shape[0]} outputs are more than a search for {t} people "
            "goes through"
        )
    degrees = max(1, len(known.seen) - (t * len(known.spread) if known.labels is None else 0))

    def fits(found: Samples) -> float:
        return float(chi2.sf(found.misfit.min(), degrees))

    def run() -> Samples:
        found = samples(known, lattice, signs, rng, held=hold, progress=pace.at)
        pace.end()
        return found

    few = _RUNS + (t > MOST)
    pace.plan(few)
    runs = [run() for _ in range(few)]
    while not (max(map(fits, runs)) >= UNLIKELY and _agree(runs)) and len(runs) < few + _AGAIN:
        pace.plan(1)
        runs.append(run())
    best = max(runs, key=lambda run: run.log_evidence)
    if not _agree(runs) and fits(best) >= UNLIKELY and (t > MOST or fits(best) < _SETTLED):
        raise InputError(f"each search for {t} people found others, so that none is believed")
    both = _together(runs)
    return _Found(lattice, known, both, fits(both))


def _looked_at(known: SumLikelihood, hold: Mapping[int, Held]) -> float:
    """Return how many numbers a sweep works out for one person: of each column's values, or of those that are left."""
    options = [
        values
        if j not in hold or hold[j].owed is not None
        else 2
        if hold[j].whole is None
        else min(OPTIONS, 2 * values)
        for j, values in enumerate(one.shape[1] for one in known.terms)
    ]
    return float(GUESSES * sum(options) * known.terms[0].shape[0] * len(known.seen))


def _agree(runs: list[Samples]) -> bool:
    first, second = sorted((run.log_evidence for run in runs), reverse=True)[:2]
    return first - second <= _AGREE


def _prior(lattice: GroupLattice, found: Samples) -> Floats:
    whole = np.concatenate([found.codes, found.labels[:, :, None]], axis=2)
    return np.asarray(sum(lattice.log_prior(whole[:, i]) for i in range(whole.shape[1])))


def _together(runs: list[Samples]) -> Samples:
    """Return the samples of all runs, each as heavy as its evidence."""
    evidence = np.array([run.log_evidence for run in runs])
    share = np.exp(evidence - logsumexp(evidence))
    joined = {
        name: np.concatenate([getattr(run, name) for run in runs]) for name in ("codes", "labels", "rho", "misfit")
    }
    weight = np.concatenate([s * run.weight for s, run in zip(share, runs, strict=True)])
    search = np.repeat(np.arange(len(runs)), [len(run.weight) for run in runs])
    kept = weight > 1e-9
    return Samples(
        **{name: array[kept] for name, array in joined.items()},
        weight=weight[kept] / weight[kept].sum(),
        log_evidence=float(logsumexp(evidence) - np.log(len(runs))),
        search=search[kept],
    )
