"""HRec+ on a table: whole records on the columns' own values, and how probable they are, maths (13).

1. The penalty's share is added to the gradient where the release states the penalty; the paper leaves it out.
2. The gradient has an error of known covariance, so it gives every record a likelihood: `likelihood`.
3. The public records give every record a prior: `prior`.
4. A record lies on a lattice: codes, whole numbers, one-hot groups. Its posterior is searched for the records that
   hold it, or a fair sample of them: `whole_record`. What of it is told: `shown`.

An embedding's record is traced back instead, maths (11): `posterior`. Without raw columns the record is decoded in
the model's space, maths (12): `outputs`, `bounded`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
from scipy.stats import chi2

from undelete.attacker.attack import Attack
from undelete.attacker.continuous import continuous
from undelete.attacker.embedding.posterior import most_probable
from undelete.attacker.gradient.as_trained import as_trained
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.own_offset import OwnOffset
from undelete.attacker.table.along_change import along_change
from undelete.attacker.table.further_error import LEFT, LEFT_AT_LEAST, UNLIKELY, drowned, strangers, widened
from undelete.attacker.table.given import bounded, conditioned, write_given
from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.learnt import shared_lattice, target_codes
from undelete.attacker.table.likelihood import Likelihood
from undelete.attacker.table.mixtures import lead_over_two
from undelete.attacker.table.observed import likelihood
from undelete.attacker.table.resemblance import likest
from undelete.attacker.table.room import with_room
from undelete.attacker.table.shown import CANDIDATES, Shown, moved, number_range, read, read_mixed, shown
from undelete.attacker.table.whole_record import Posterior, search
from undelete.maths.arrays import Flags, Floats, blocks
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen

# of the solver's tolerance: what is left after as many steps at both models, or after others
STOPPED = (LEFT_AT_LEAST, LEFT)
_CLEARLY = 3.0  # log-evidence by which the smaller has to lead
_SKETCH = 64  # in a first round, which only says about where the covariance is to be taken
_BLOCK = 64  # deletions whose covariances are formed at a time
_TARGET = ("target", "target_error", "target_low", "target_high", "target_probability")
_REFINED = ("X", *_TARGET, "codes", "values", "error", "probability")  # what HRec said before
_RANGE = ("low", "high", "range_probability")
_NUMBER = ("values", "error", "probability", *_RANGE)


def hrec_plus(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Reconstruct each deleted record on the columns' own values, with the probability of each and of all.

    Parameters
    ----------
    release : Release
        The same as HRec sees; without raw columns records are decoded in the model's space, or before its embedding.
    rng : numpy.random.Generator
        Not used: the attack draws nothing.

    Returns
    -------
    Reconstruction
        With `probability` of each column, `record_probability`, and `bits`.

    Notes
    -----
    Cost per deletion 2 m q^2 flops for q terms and m public records, and a search of c columns times 256
    records, 512 where these do not suffice and 24 sweeps of 64, times their values. Source: maths (13).
    """
    release = as_trained(release) if release.columns else release
    difference = Difference.best(release)
    if not release.columns:
        return continuous(release, difference, "hrec+")
    same = unchanged(release)
    found = from_gradient(release, difference, same, attack="hrec+", trace=most_probable)
    if release.embedding is not None:
        return found
    wider = strangers(release)
    unsure, perhaps = (drowned(release, found, wider, left) for left in STOPPED)
    if unsure.any():
        found = from_gradient(release, difference, same, attack="hrec+", unsure=unsure)
    told, lost = _told(release, found, wider, perhaps)
    if lost.any():  # of these the sign may be the other, and columns were told by it
        found = from_gradient(release, difference, same, attack="hrec+", unsure=unsure | lost)
        told, _ = _told(release, found, wider, perhaps)
    return told


def _told(release: Release, found: Reconstruction, wider: float, perhaps: Flags) -> tuple[Reconstruction, Flags]:
    """Return what is told of each record, and which (b,) of those whose scale the larger error drowns have it."""
    lost = np.zeros(release.deletions, dtype=np.bool_)
    targeted = found.target is not None and release.Y_public is not None
    numbers = None  # a number over offsets is no ground for a prior
    if targeted and release.offset_public is not None and release.target_kind == "number":
        targeted, numbers = False, OwnOffset(release)
    lattice = shared_lattice(release, targeted=targeted)
    if not conditioned(lattice, release, 0).order:
        return widened(release, found, wider), lost
    arrays = {name: np.array(getattr(found, name)) for name in _REFINED if getattr(found, name) is not None}
    shape = (release.deletions, len(release.columns), CANDIDATES)
    arrays |= {end: np.full(shape[:2], np.nan) for end in _RANGE}
    arrays |= {"candidates": np.full(shape, -1), "candidate_probability": np.full(shape, np.nan)}
    whole, bits, misfit, lead, cosine, spread = (np.full(release.deletions, np.nan) for _ in range(6))
    mean, same = release.X_public.mean(axis=0), np.ptp(release.X_public, axis=0) == 0
    targets = target_codes(release, found.target if targeted else None, release.deletions)
    rows = np.flatnonzero([status == "ok" for status in found.status])
    for block in blocks(len(rows), _BLOCK):
        part = rows[block]
        projection = None if lattice.whole else lattice.projection
        known = likelihood(release.take(part), Estimate.of(found).part(part), found.X[part], projection, wider)
        for b, i in enumerate(part):
            own = bounded(conditioned(lattice, release, int(i)), release, int(i))
            others = [j for j in range(len(release.columns)) if j not in own.order]
            posterior, seen, larger = _search(own, known, b, int(targets[i]))
            lost[i] = perhaps[i] and larger
            one = write_record(release, own, posterior, arrays, int(i))
            write_given(release, own, arrays, int(i))
            # of a column in which all public records agree nothing is told, and the record is whole without it
            whole[i] = one.whole * np.nanprod(arrays["probability"][i, others])
            bits[i] = lattice.bits - posterior.entropy
            misfit[i], spread[i] = one.misfit, one.spread
            if lattice.whole:
                arrays["X"][i], cosine[i] = likest(posterior, arrays["X"][i], mean, same)
            if numbers is not None and lattice.whole:
                _over_offsets(numbers, known, b, posterior, arrays, int(i))
            elif found.target_error is not None and lattice.whole:
                arrays["target"][i, 0], arrays["target_error"][i, 0] = _number(known, b, posterior)
            if release.deletions == 1 and release.given is None and release.within is None:  # else one is known to be
                assert found.output is not None
                lead[i] = lead_over_two(release, seen, lattice, posterior, int(found.output[i]))
    told = dataclasses.replace(
        found,
        record_probability=whole,
        bits=bits,
        bits_of=lattice.bits,
        misfit=misfit,
        misfit_terms=conditioned(lattice, release, 0).projection.shape[1],
        lead_over_two=lead,
        cosine=cosine,
        columns_spread=spread,
        **cast(dict[str, Any], arrays),
    )
    return told, lost


def _search(lattice: Lattice, known: Likelihood, b: int, target: int) -> tuple[Posterior, Likelihood, bool]:
    """Return deletion b's posterior, its likelihood, and whether fits that stop early left the larger error over.

    Or the smaller: which of the two the evidence says, and the larger counts unless it says so clearly. Where columns
    have units of their own, many directions may speak for the smaller while one is far off it: then it is the larger.
    """
    if not known.leftover.any():
        return _with_room(lattice, known, b, target), known, False
    few, much = ((_with_room(lattice, each, b, target), each) for each in map(known.stopped, STOPPED))
    fits = float(few[0].weight @ few[0].misfit) <= chi2.isf(UNLIKELY, lattice.projection.shape[1])
    larger = not (fits and few[0].log_evidence - much[0].log_evidence > _CLEARLY)
    return *(much if larger else few), larger


def _with_room(lattice: Lattice, known: Likelihood, b: int, target: int) -> Posterior:
    """Return deletion b's posterior, with as much room as it needs."""
    P = lattice.terms
    if not np.isfinite(known.target[b]):
        likelihood, correction = known.terms(b, P), along_change(known, b)
    else:
        # linearised about a record: first its estimate, then the mean of what was found
        first = search(lattice, known.tied(b, P, known.start[b]), target, _SKETCH)
        likelihood, correction = known.tied(b, P, first.weight @ first.points, 1), known.correction(b)
    return with_room(lattice, likelihood, target, correction)


def _number(known: Likelihood, b: int, posterior: Posterior) -> tuple[float, float]:
    """Return a numeric target and its standard error, over the records that are still possible."""
    values, error = known.number(b, posterior.points, posterior.covariance)
    mean = float(posterior.weight @ values)
    return mean, float(np.sqrt(error**2 + posterior.weight @ (values - mean) ** 2))


def _over_offsets(
    numbers: OwnOffset, known: Likelihood, b: int, posterior: Posterior, arrays: dict[str, Floats], i: int
) -> None:
    """Put a number whose record has an offset of its own, over these and the records that are still possible."""
    rho, error = known.pull(b, posterior.points, posterior.covariance)
    middle, W, weight = float(posterior.weight @ rho), known.weights[b], posterior.weight
    error = float(np.sqrt(error**2 + weight @ (rho - middle) ** 2))
    Z = posterior.points @ W
    spread = float(np.sqrt(weight @ (Z - weight @ Z) ** 2 + max(W @ posterior.covariance @ W, 0.0)))
    point = weight @ posterior.points
    told = numbers.told(point[None], W[None], np.array([middle]), np.array([error]), np.array([spread]), i)
    for name in _TARGET:
        arrays[name][i] = getattr(told, name.removeprefix("target_"))[0]


def write_record(release: Seen, lattice: Lattice, posterior: Posterior, arrays: dict[str, Floats], i: int) -> Shown:
    """Put the record that is shown, what is known of each column, and the point they imply in the model's space.

    A value that no record has which was drawn may have been missed, as far as the column by itself leaves another one
    possible, which is what `arrays` say before.
    """
    one = shown(posterior, [column.alike for column in lattice.columns])
    for position, (j, column) in enumerate(zip(lattice.order, lattice.columns, strict=True)):
        alone = arrays["probability"][i, j] if arrays["codes"][i, j] == one.codes[position] else 0.0
        several = len(lattice.allowed.get(j, column.values)) > 1
        most = 1 - min(posterior.unseen, 1 - float(np.nan_to_num(alone))) if several else 1.0
        arrays["codes"][i, j] = one.codes[position]
        arrays["probability"][i, j] = min(one.probability[position], most)
        arrays["candidates"][i, j] = one.candidates[position]
        arrays["candidate_probability"][i, j] = np.minimum(one.candidate_probability[position], most)
        if column.kind == "discrete":
            arrays["values"][i, j] = float(column.values[one.codes[position]])
            spread, ends = number_range(column, posterior.codes[:, position], posterior.weight)
            arrays["error"][i, j] = spread
            for name, end in zip(_RANGE, ends, strict=True):
                arrays[name][i, j] = end
    if not lattice.whole:
        return one
    places = {mixed.place: k for k, mixed in enumerate(lattice.mixed)}
    known, at = (posterior.points, posterior.weight, posterior.covariance), []
    for j, column in enumerate(release.columns):
        if column.kind != "continuous" or not column.projection.shape[1]:
            continue
        if j in places:
            mixed = lattice.mixed[places[j]]
            number, atom = read_mixed(mixed, posterior.chances[places[j]], *known)
            at.append((mixed, atom))
        else:
            number = read(column, *known)
        for name, value in zip(_NUMBER, dataclasses.astuple(number), strict=True):
            arrays[name][i, j] = value
    arrays["X"][i] = moved(one.point, posterior.covariance, at)
    return one


HREC_PLUS = Attack(
    "hrec+",
    "undelete (hrec+)",
    "attack",
    hrec_plus,
    about="the same difference, decoded with its error bars onto values that a column can take",
    about_images="the same difference with the known penalty's share, weighed by its error, in public images' range",
    short="HRec+",
)
