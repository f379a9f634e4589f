"""A population on random Fourier features, the bandwidth read off public records.

The features are those of the kernel exp(-|x - y|^2 / (2 bandwidth^2)), Rahimi and Recht 2007. The bandwidth is the
median distance between two public records times a factor, chosen by how well a ridge model of the features predicts
held-out public records. So it gives nothing of the private half away, and everybody who can use the model has it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from undelete.lab.kept import NOT_KEPT, Shelf, digest
from undelete.lab.penalty import hold_out_penalty
from undelete.lab.population import Halves
from undelete.maintainer.sweep import fingerprint
from undelete.maths.embeddings import RandomFourierFeatures, embed, median_distance
from undelete.maths.losses import Squared
from undelete.maths.objective import Objective

FACTORS = (0.354, 0.5, 0.707, 1.0, 1.414, 2.0)  # two to an octave
_PENALTIES = (1e-3, 1e-2, 0.1, 1.0, 10.0)
_TRAIN, _TEST = 8_000, 4_000  # public records that the factor is chosen on
_TRIED = 2_048  # features that it is chosen with, at most
CHOSEN = (
    f"median distance of public records times {{factor}}: of {len(FACTORS)} factors from {FACTORS[0]:g} to "
    f"{FACTORS[-1]:g} the one with the least squared error of a ridge model on held-out public records "
    f"(up to {_TRAIN:,} to fit it, {_TEST:,} held out, {_TRIED:,} features at most)"
)


def on_features(dealt: Halves, features: int, seed: np.random.SeedSequence, shelf: Shelf = NOT_KEPT) -> Halves:
    """Return the halves with records replaced by [phi(x), 1].

    Parameters
    ----------
    dealt : Halves
        Records, the constant last.
    features : int
        Number of random features D.
    seed : SeedSequence
        Draws the features, and the public records that the bandwidth is read off.
    shelf : Shelf
        Remembers the bandwidth.

    Notes
    -----
    Cost of the choice, once: 2 n D (d0 + D) flops a factor, n up to 12,000.
    """
    draw, choice = seed.spawn(2)
    inputs, public = (np.ascontiguousarray(X[:, :-1]) for X in (dealt.X, dealt.X_public))
    name, key = (
        f"bandwidth-{features}",
        digest(fingerprint([public, dealt.Y_public]), features, seed, CHOSEN),
    )
    kept = shelf.load(name, key)
    if kept is None:
        kept = shelf.store(name, key, _bandwidth(public, dealt.Y_public, features, (draw, choice)), {})
    factor, bandwidth = (float(number) for number in kept.arrays["choice"])
    phi = _drawn(public.shape[1], features, bandwidth, draw)
    account = {"features": features, "bandwidth": bandwidth, "bandwidth_chosen": CHOSEN.format(factor=f"{factor:g}")}
    return dataclasses.replace(
        dealt, X=embed(phi, inputs), X_public=embed(phi, public), inputs=inputs, inputs_public=public, embedding=phi,
        account=account,
    )  # fmt: skip


def _drawn(inputs: int, features: int, bandwidth: float, seed: np.random.SeedSequence) -> RandomFourierFeatures:
    return RandomFourierFeatures.draw(inputs, features, bandwidth, np.random.default_rng(seed))


def _bandwidth(
    public: NDArray[np.float64],
    Y: NDArray[np.float64],
    features: int,
    seeds: tuple[np.random.SeedSequence, np.random.SeedSequence],
) -> dict[str, NDArray[np.float64]]:
    """Return the factor and the bandwidth, and each factor's held-out loss."""
    tried, judge = min(features, _TRIED), seeds[1].spawn(1)[0]
    rng = np.random.default_rng(seeds[1])
    median = median_distance(public, rng)
    rows = rng.permutation(len(public))[: _TRAIN + _TEST]
    l2 = np.append(np.ones(tried), 0.0)
    losses = []
    for factor in FACTORS:
        phi = _drawn(public.shape[1], tried, factor * median, seeds[0])  # the same frequencies, rescaled
        sample = Objective(embed(phi, public[rows]), Y[rows], Squared(), l2)
        losses.append(hold_out_penalty(sample, _PENALTIES, np.random.default_rng(judge), test=_TEST).loss)
    factor = FACTORS[int(np.argmin(losses))]
    return {"choice": np.array([factor, factor * median]), "losses": np.array(losses)}
