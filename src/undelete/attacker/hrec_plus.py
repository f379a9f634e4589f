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
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.special import erf, erfinv

from undelete.attacker.attack import Attack
from undelete.attacker.continuous import continuous
from undelete.attacker.embedding.posterior import most_probable
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.table.atoms import find
from undelete.attacker.table.further_error import strangers
from undelete.attacker.table.likelihood import Likelihood, likelihood
from undelete.attacker.table.prior import learn
from undelete.attacker.table.shown import CANDIDATES, Shown, moved, number_range, read, read_mixed, shown
from undelete.attacker.table.whole_record import Lattice, Posterior, search
from undelete.maths.arrays import Floats, Indices, blocks
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen

ROOM = (256, 512)  # records kept at each column, and where these do not hold nearly all of the probability
DRAWN = 0.02  # share of the probability on records that stand for others, from which the second is taken
STOPPED = (0.02, 0.5)  # of the solver's tolerance: what is left after as many steps at both models, or after others
_CLEARLY = 3.0  # log-evidence by which the smaller has to lead
_SKETCH = 64  # in a first round, which only says about where the covariance is to be taken
_BLOCK = 64  # deletions whose covariances are formed at a time
_TERMS = 64  # a column of more terms is taken as HRec decodes it
_FEATURES = 256  # up to which the whole record's covariance is formed
_REFINED = ("X", "target", "target_error", "codes", "values", "error", "probability")  # what HRec said before
_RANGE = ("low", "high", "range_probability")
_NUMBER = ("values", "error", "probability", *_RANGE)
_BINS = 10  # of a numeric target, as what the prior may depend on


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
    records, 512 where these do not suffice, times their values. Source: maths (13).
    """
    difference = Difference.best(release)
    if not release.columns:
        return continuous(release, difference, "hrec+")
    found = from_gradient(release, difference, unchanged(release), attack="hrec+", trace=most_probable)
    if release.embedding is not None:
        return found
    targeted = found.target is not None and release.Y_public is not None
    lattice = shared_lattice(release, targeted=targeted) if release.columns else None
    if lattice is None or not lattice.order:
        return _widened(release, found)
    arrays = {name: np.array(getattr(found, name)) for name in _REFINED if getattr(found, name) is not None}
    shape = (release.deletions, len(release.columns), CANDIDATES)
    arrays |= {end: np.full(shape[:2], np.nan) for end in _RANGE}
    arrays |= {"candidates": np.full(shape, -1), "candidate_probability": np.full(shape, np.nan)}
    whole, bits, misfit = (np.full(release.deletions, np.nan) for _ in range(3))
    targets = target_codes(release, found.target if targeted else None, release.deletions)
    rows = np.flatnonzero([status == "ok" for status in found.status])
    others = [j for j in range(len(release.columns)) if j not in lattice.order]
    for block in blocks(len(rows), _BLOCK):
        decoded = _decode(release, found, lattice, rows[block], targets)
        for i, (posterior, number) in zip(rows[block], decoded, strict=True):
            one = write_record(release, lattice, posterior, arrays, int(i))
            whole[i] = one.whole * np.nanprod(arrays["probability"][i, others])
            bits[i] = lattice.bits - posterior.entropy
            misfit[i] = one.misfit
            if number is not None:
                arrays["target"][i, 0], arrays["target_error"][i, 0] = number
    return dataclasses.replace(
        found,
        record_probability=whole,
        bits=bits,
        bits_of=lattice.bits,
        misfit=misfit,
        misfit_terms=lattice.projection.shape[1],
        **cast(dict[str, Any], arrays),
    )


def _widened(release: Release, found: Reconstruction) -> Reconstruction:
    """Return a record without a lattice with the error bars that strangers among the public records call for."""
    factor = float(np.sqrt(strangers(release)))
    if factor == 1.0 or found.error is None or found.probability is None:
        return found
    return dataclasses.replace(
        found,
        error=found.error * factor,
        probability=erf(erfinv(found.probability) / factor),
        target_error=None if found.target_error is None else found.target_error * factor,
    )


def _lattice(release: Seen, *, targeted: bool) -> Lattice:
    """Order the columns and learn the prior in that order; `targeted`: the prior may depend on the target."""
    columns, codes = release.columns, release.public_codes
    assert codes is not None
    usable = [
        j
        for j, c in enumerate(columns)
        if c.kind != "continuous" and 0 < c.projection.shape[1] <= _TERMS and (codes[:, j] >= 0).all()
    ]
    # indicators are told apart most surely, then numbers of few values
    order = sorted(usable, key=lambda j: (columns[j].projection.shape[1] == 1, len(columns[j].values)))
    targets = target_codes(release, release.Y_public if targeted else None, len(codes))
    all_codes = np.hstack([codes, targets[:, None]])
    sizes = [max(1, len(c.values)) for c in columns] + [int(targets.max(initial=0)) + 1]
    numbers = [j for j in order if columns[j].kind == "discrete"]
    prior = learn(all_codes, sizes, order, given=[len(columns)], numbers=numbers)
    projection = np.hstack([release.X_public[:0].T, *(columns[j].projection for j in order)])
    share = np.bincount(targets) / len(targets)
    bits = sum(one.bits for one in prior.values()) - float((share[share > 0] * np.log2(share[share > 0])).sum())
    whole, numbers_too = len(projection) <= _FEATURES, release.public_values
    given = [len(columns), *order]
    mixed = find(columns, numbers_too, all_codes, given) if whole and numbers_too is not None else []
    return Lattice(
        columns=[columns[j] for j in order],
        order=order,
        projection=projection,
        target=len(columns),
        prior=prior,
        bits=bits,
        whole=whole,
        mixed=mixed,
    )


@dataclass(frozen=True)
class _Learnt:
    """The last public records a prior was learnt from: blocks of one sweep share it."""

    public: tuple[int, int, bool]
    keep: tuple[object, object]  # so that the identities above stay theirs
    lattice: Lattice


_last: list[_Learnt] = []


def shared_lattice(release: Seen, *, targeted: bool) -> Lattice:
    """Return the columns on a lattice and their prior, learnt once for all blocks of the same public records."""
    key = (id(release.public_codes), id(release.Y_public), targeted)
    if not _last or _last[0].public != key:
        lattice = _lattice(release, targeted=targeted)
        _last[:] = [_Learnt(key, (release.public_codes, release.Y_public), lattice)]
    return _last[0].lattice


def target_codes(release: Seen, Y: Floats | None, b: int) -> Indices:
    """Return what the prior may know of b targets: the class, or the tenth in which a number lies."""
    if Y is None or release.Y_public is None:
        return np.zeros(b, dtype=np.int64)
    if Y.shape[1] > 1:
        return np.asarray(np.nan_to_num(Y, nan=-np.inf).argmax(axis=1))
    edges = np.unique(np.quantile(release.Y_public[:, 0], np.linspace(0, 1, _BINS + 1)[1:-1]))
    if release.target_kind == "class":
        edges = np.zeros(1)
    return np.asarray(np.searchsorted(edges, np.nan_to_num(Y[:, 0]), side="right"))


def _decode(
    release: Release, found: Reconstruction, lattice: Lattice, part: Indices, targets: Indices
) -> list[tuple[Posterior, tuple[float, float] | None]]:
    """Return what is known of some deleted records, and their target with its error where it is a number."""
    view, estimate = release.take(part), Estimate.of(found).part(part)
    numeric = found.target_error is not None and lattice.whole
    known = likelihood(view, estimate, found.X[part], None if lattice.whole else lattice.projection)
    posteriors = []
    for b, target in enumerate(targets[part]):
        posterior = _search(lattice, known, b, int(target))
        posteriors.append((posterior, _number(known, b, posterior) if numeric else None))
    return posteriors


def _search(lattice: Lattice, known: Likelihood, b: int, target: int) -> Posterior:
    """Return deletion b's posterior; where fits stop early, with the larger error that they may have left or the less.

    Which of the two it was the evidence says, and the larger counts unless it says so clearly.
    """
    if not known.leftover.any():
        return _with_room(lattice, known, b, target)
    few, much = (_with_room(lattice, known.stopped(share), b, target) for share in STOPPED)
    return few if few.log_evidence - much.log_evidence > _CLEARLY else much


def _with_room(lattice: Lattice, known: Likelihood, b: int, target: int) -> Posterior:
    """Return deletion b's posterior, with as much room as it needs."""
    correction, P = None, lattice.terms
    if np.isfinite(known.target[b]):
        # linearised about a record: first its estimate, then the mean of what was found
        first = search(lattice, known.tied(b, P, known.start[b]), target, _SKETCH)
        likelihood = known.tied(b, P, first.weight @ first.points, 1)
        correction = known.correction(b)
    else:
        likelihood = known.terms(b, P)
    posterior = search(lattice, likelihood, target, ROOM[0], correction)
    return search(lattice, likelihood, target, ROOM[1], correction) if posterior.drawn > DRAWN else posterior


def _number(known: Likelihood, b: int, posterior: Posterior) -> tuple[float, float]:
    """Return a numeric target and its standard error, over the records that are still possible."""
    values, error = known.number(b, posterior.points, posterior.covariance)
    mean = float(posterior.weight @ values)
    return mean, float(np.sqrt(error**2 + posterior.weight @ (values - mean) ** 2))


def write_record(release: Seen, lattice: Lattice, posterior: Posterior, arrays: dict[str, Floats], i: int) -> Shown:
    """Put the record that is shown, what is known of each column, and the point they imply in the model's space."""
    one = shown(posterior, [len(column.values) for column in lattice.columns])
    for position, (j, column) in enumerate(zip(lattice.order, lattice.columns, strict=True)):
        arrays["codes"][i, j] = one.codes[position]
        arrays["probability"][i, j] = one.probability[position]
        arrays["candidates"][i, j] = one.candidates[position]
        arrays["candidate_probability"][i, j] = one.candidate_probability[position]
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
