"""How exposed a record is: the promised similarity of what came back, and its lead over the controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.embedding.traced_error import input_error
from undelete.attacker.gradient.asked import MOST_FEATURES
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.unvaried import unseen_features
from undelete.attacker.table.further_error import strangers
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.scoring.intervals import mean_interval

# guesses that do not rest on the reconstruction
CONTROLS = {
    AVG.name: "Avg, the average public record",
    MAXDIFF.name: "MaxDiff, the public record that moved most",
}


@dataclass(frozen=True)
class Exposure:
    """Each deletion's exposure (b,): the centred cosine, or what the error bars promise; and the most they allow."""

    value: Floats
    most: Floats


def exposure(
    release: Seen, found: Reconstruction, scores: Mapping[str, Floats] | None, told: Reconstruction | None = None
) -> Exposure:
    """Return each deletion's exposure.

    Parameters
    ----------
    release : Release
        What the attacker saw.
    found : Reconstruction
        The attack whose error bars are taken.
    scores : mapping of str to array (b,), or None
        The main attack's, where the truth is known.
    told : Reconstruction, optional
        The main attack's, whose columns are shown; by default `found`.
    """
    if scores is not None:
        known = np.clip(np.nan_to_num(scores["centred_cosine"]), 0.0, 1.0)
        return Exposure(known, known)
    b = release.deletions
    if found.record_error is not None:
        error = np.asarray(found.record_error)
    elif not isinstance(release, Release) or found.scale is None or found.output is None or release.constant is None:
        return Exposure(np.zeros(b), np.ones(b))
    elif release.embedding is not None:
        error = input_error(release, found)
    else:
        estimate = Estimate(found.scale, found.output)
        every = np.eye(release.X_public.shape[1])
        squares = estimate.covariance(release, estimate.weights(release) ** 2, every, found.X, dense=False)
        squares = _less_unseen(release, found, told or found, estimate, squares)
        error = np.sqrt(np.maximum(squares, 0.0) * strangers(release))
    identified = np.array([status == "ok" for status in found.status])
    promised, most = expected_centred_cosine(release, found, error), most_centred_cosine(release, found, error)
    if told is not None and told.cosine is not None:  # the record shown is that of the search; none the errors drown
        promised = np.where(np.isfinite(told.cosine) & (promised > 0), told.cosine, promised)
    promised = np.where(identified, np.nan_to_num(promised), 0.0)
    return Exposure(promised, np.maximum(np.where(identified, np.nan_to_num(most, nan=1.0), 1.0), promised))


def _less_unseen(
    release: Release, found: Reconstruction, told: Reconstruction, estimate: Estimate, squares: Floats
) -> Floats:
    """Return the variances (b, d) of a record, less what hangs on categories that no public record has.

    Nothing is known of how many private records have such a category, and the linear estimate may be off by as much in
    it. Where the search of whole records tells its column's value, the record has not that category with as much
    probability, and what is known of its other features holds given that.
    """
    held = unseen_features(release)
    if not held or told.codes is None or told.probability is None or squares.shape[1] > MOST_FEATURES:
        return squares
    features, places = list(held), sorted(set(held.values()))
    codes = told.codes[:, places]
    common = np.array([release.columns[j].share[code] > 0 for j, code in zip(places, codes.T, strict=True)])
    sure = np.where(
        common.all(axis=0) & (codes >= 0).all(axis=1), np.nan_to_num(told.probability[:, places]).prod(axis=1), 0.0
    )
    C = estimate.covariance(release, estimate.weights(release) ** 2, np.eye(squares.shape[1]), found.X, dense=True)
    left = np.array(squares)
    for i in np.flatnonzero(sure > 0):
        along = C[i][:, features] @ np.linalg.pinv(C[i][np.ix_(features, features)], hermitian=True)
        shift = along @ (release.X_public[0, features] - found.X[i, features])
        given = np.diag(C[i]) - np.einsum("pf,pf->p", along, C[i][:, features]) + shift**2
        left[i] = sure[i] * np.minimum(given, squares[i]) + (1 - sure[i]) * squares[i]
    return left


def lift(
    scored: Mapping[str, Mapping[str, Floats]], main: str, by: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Return the main attack's lead in a score over the best control, paired by deletion; None without a control.

    The average record has no direction about itself: its centred cosine counts as zero, as nothing recovered does,
    and as a record on the wrong side of the average does.
    """
    numbers = {name: np.maximum(np.nan_to_num(scored[name][by]), 0.0) for name in scored}
    controls = {name: numbers[name] for name in CONTROLS if name in scored and name != main}
    if not controls:
        return None
    best = max(controls, key=lambda name: float(controls[name].mean()))
    lead = numbers[main] - controls[best]
    low, high = mean_interval(lead, rng)
    return {"score": by, "attack": main, "baseline": best, "difference": float(lead.mean()), "low": low, "high": high}


def similar_only(release: Seen) -> bool:
    """Return whether records are judged by their similarity alone: no column of theirs is a code or a count."""
    return all(column.kind == "continuous" for column in release.columns)


def expected_centred_cosine(release: Seen, found: Reconstruction, error: Floats) -> Floats:
    """Return the centred cosine that the error bars promise (b,): |a| / sqrt(|a|^2 + sum of variances).

    Of the records as they are compared: before the embedding, where there is one.

    Parameters
    ----------
    release : Release
        For the public mean.
    found : Reconstruction
        The reconstruction, a = its record less the public mean.
    error : array (b, d)
        Standard error of each of its numbers, maths (10).
    """
    offset = ((found.records - release.records_public.mean(axis=0)) ** 2).sum(axis=1)
    # the estimate's own length already contains the noise once
    signal = np.maximum(offset - (error**2).sum(axis=1), 0.0)
    return np.asarray(np.sqrt(signal / np.where(offset > 0, offset, np.nan)))


def most_centred_cosine(release: Seen, found: Reconstruction, error: Floats) -> Floats:
    """Return the largest centred cosine that the error bars allow (b,), with a probability of 95 % at least.

    As `expected_centred_cosine`, with the record's own squared length at the upper end of its interval. How errors of
    different numbers go together is not known here: they are taken to go together as much as they can.
    """
    offset = ((found.records - release.records_public.mean(axis=0)) ** 2).sum(axis=1)
    noise = (error**2).sum(axis=1)
    room = 1.645 * np.sqrt(2 * noise**2 + 4 * offset * noise)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.clip((offset - noise + room) / offset, 0.0, 1.0)))


def bars_limit(release: Seen) -> str:
    """Return what keeps the error bars wide: the public sample, or the training records' own number."""
    m, n = len(release.X_public), release.n
    if n is not None and m > n:
        return (
            f"They come of the {n:,} training records themselves, of whose curvature {m:,} public ones give only an "
            "estimate; give the true record, or simulate deletions, to measure what comes back."
        )
    return (
        f"They come of estimating from {m:,} public records what {'the' if n is None else f'{n:,}'} private ones do; "
        "bring more of them, or give the true record."
    )
