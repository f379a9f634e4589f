"""The attack on networks by name, as on linear models: a release in, a reconstruction out, and what the checks need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.baselines import avg, guessed
from undelete.attacker.implied import Implied
from undelete.attacker.networks.beyond import countable, reached
from undelete.attacker.networks.columns import Located, on_columns
from undelete.attacker.networks.estimate import Estimator
from undelete.attacker.networks.first_layer import read_first_layer
from undelete.attacker.networks.implied import implied
from undelete.attacker.networks.penalty import ToldPenalty, network_penalty
from undelete.attacker.networks.record import Decoder
from undelete.attacker.networks.told import Told, joined
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction

NAMES = ("hrec+", "hrec", "avg", "maxdiff", "nearest")
_SAME = 1e-13  # of the largest parameter, under which two models are the same


@dataclass(frozen=True, eq=False)
class Account:
    """What the attack saw of itself, a number a deletion (b,): without a truth the verdict rests on it.

    Parameters
    ----------
    relative : array (b,)
        Expected error of the gradient beside its estimate.
    usual : array (b,)
        The same beside the public records' own gradients.
    misfit : array (b,)
        Squared distance from the estimate to the nearest gradient of a record, in the metric of its error.
    freedom : int
        Its degrees of freedom, at least.
    curved : array (b,)
        By how much the change of the gradients differs from the Hessian's, beside the larger of the two.
    weighed : array (b,) of bool
        Whether public records were weighed to have the private optimum.
    size : Implied or None
        Of one deletion, how many training records the size of the change implies; None where nothing says it.
    penalty : ToldPenalty or None
        Of one deletion, which penalty the old network has; None where that is not to be said.
    """

    relative: Floats
    usual: Floats
    misfit: Floats
    freedom: int
    curved: Floats
    weighed: Floats
    size: Implied | None = None
    penalty: ToldPenalty | None = None


@dataclass(frozen=True, eq=False)
class Attacked:
    """What the attacks said, by name, and the account.

    `release` is what they worked on: its columns may have values that no public record has.
    """

    release: NetworkRelease
    found: dict[str, Reconstruction]
    account: Account


def attack(
    release: NetworkRelease,
    names: Sequence[str],
    progress: Callable[[int, int], object] | None = None,
    *,
    further: bool = True,
) -> Attacked:
    """Attack each deletion.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    names : sequence of str
        Among `NAMES`. "hrec" is the paper's estimate, (12) with the public mean Hessian, read off the first layer; it
        is left out where no dense layer reads the record. "hrec+" runs in any case.
    progress : callable, optional
        Called as progress(done, total), in deletions.
    further : bool
        Whether numbers beyond all public ones are looked for.

    Returns
    -------
    Attacked
        Nothing is drawn at random.
    """
    estimator = Estimator(release)
    decoder = Decoder(release, estimator.own)
    b = release.deletions
    same = np.abs(release.theta_after - release.theta_before).max(axis=1) <= _SAME * np.abs(release.theta_before).max()
    changed = np.flatnonzero(~same).tolist()
    told: list[Told | None] = [None] * b
    located: dict[int, Located] = {}
    waits = further and bool(countable(release))  # first for what all deletions say of numbers beyond the public ones
    steps, size = 0, None

    def moved() -> None:
        nonlocal steps
        steps += 1
        if progress is not None and steps % (1 + waits) == 0:
            progress(b - len(changed) + steps // (1 + waits), b)

    relative, usual, curved = (np.full(b, np.nan) for _ in range(3))
    rows, paper, weighed = np.full(b, -1), np.full((b, release.X_public.shape[1]), np.nan), np.zeros(b)
    for i in changed:
        estimate = estimator.estimate(i)
        error = estimate.difference.error
        assert error is not None
        relative[i], usual[i], weighed[i] = float(error[0]), estimate.usual, estimate.weighed
        located[i] = one = Located.by(decoder, estimate)
        if b == 1 and release.optimal and release.error is None:
            size = implied(release, decoder, one.estimate, one.found)
        if not waits:
            told[i] = on_columns(release, decoder, located.pop(i))
        rows[i] = decoder.nearest(estimate)[0]
        first, later = estimator.means(i)
        longer = max(float(np.linalg.norm(first)), float(np.linalg.norm(later)))
        curved[i] = float(np.linalg.norm(first - later)) / longer if longer > 0 else np.nan
        if "hrec" in names:
            read = read_first_layer(release, estimator.plain(i, first), decoder.first)
            paper[i] = np.nan if read is None else read
        moved()
    release = reached(release, decoder, list(located.values()))
    for i in sorted(located):
        told[i] = on_columns(release, decoder, located.pop(i))
        moved()
    misfit = np.array([np.nan if one is None else one.misfit for one in told])
    freedom = max(1, release.network.parameters - decoder.prior.axes.shape[1])
    found = {}
    for name in names:
        if name == "avg":
            found[name] = avg(release, np.random.default_rng(0))
        elif name == "nearest":
            found[name] = guessed(release, rows, "nearest")
        elif name == "maxdiff":
            found[name] = guessed(release, _moved_most(release, same), "maxdiff")
        elif name == "hrec" and decoder.first is not None:
            found[name] = Reconstruction("hrec", paper, status=["unchanged" if one else "ok" for one in same])
    found["hrec+"] = joined(release, told)
    return Attacked(
        release,
        {name: found[name] for name in NAMES if name in found},
        Account(
            relative,
            usual,
            misfit,
            freedom,
            curved,
            weighed,
            size,
            network_penalty(release, estimator.own) if b == 1 else None,
        ),
    )


def _moved_most(release: NetworkRelease, same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the public record (b,) whose answers the deletion moved most; -1 of models that are the same."""
    before = release.network.outputs(release.theta_before, release.X_public)
    rows = np.full(release.deletions, -1)
    for i in np.flatnonzero(~same):
        after = release.network.outputs(release.theta_after[i], release.X_later)
        rows[i] = int(((before - after) ** 2).sum(axis=1).argmax())
    return rows
