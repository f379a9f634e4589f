"""What an attack must beat, and what bounds it.

`avg` and `maxdiff` are the paper's two baselines (Section 4). `nearest` is the public record closest to
HRec's reconstruction: a real person's record, but not the deleted person's. `informed` is an upper bound:
an auditor who holds the remaining records needs no public data at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from undelete.attacker.attack import Attack
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.scale import at_public_length
from undelete.attacker.hrec import from_gradient, hrec
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats, Indices, blocks
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen

_BLOCK_NUMBERS = 16_000_000


def avg(release: Seen, rng: np.random.Generator) -> Reconstruction:
    """Guess the average public record: the paper's Avg.

    In the model's space it is the mean of the public records (before an embedding too: the mean of the pixels, say);
    in the raw columns the most common value (of a continuous column that with most others near it), the guess most
    often exactly right when no model is known. The target is the public mean, or the more common label.
    """
    b = release.deletions
    X = np.repeat(release.X_public.mean(axis=0)[None, :], b, axis=0)
    target = None
    if release.Y_public is not None:
        mean = release.Y_public.mean(axis=0)
        if release.target_kind == "class":
            mean = np.where(mean >= mean.max(), 1.0, -1.0) if mean.size > 1 else np.where(mean >= 0, 1.0, -1.0)
        target = np.repeat(mean[None, :], b, axis=0)
    codes = values = None
    if release.columns and release.public_values is not None:
        modes = [-1 if c.kind == "continuous" else int(c.alike[np.argmax(c.share)]) for c in release.columns]
        numbers = release.public_values.copy()
        likely = [_likely(column, v) for column, v in zip(release.columns, numbers.T, strict=True)]
        codes, values = np.tile(modes, (b, 1)), np.tile(np.array(likely, dtype=float), (b, 1))
    inputs = None if release.inputs_public is None else np.tile(release.inputs_public.mean(axis=0), (b, 1))
    return Reconstruction(attack="avg", X=X, target=target, codes=codes, values=values, inputs=inputs)


def _likely(column: Column, numbers: Floats) -> float:
    """Return a continuous column's most common number, NaN of others."""
    if column.kind != "continuous" or not np.isfinite(numbers).any():
        return float("nan")
    own, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    return float(own[(share_near(column, numbers, own) + counts / len(numbers)).argmax()])


def share_near(column: Column, public: Floats, numbers: Floats) -> Floats:
    """Return the share of a continuous column's public numbers (m,) that count as equal to each of some (b,).

    Parameters
    ----------
    column : Column
        Which one.
    public, numbers : arrays (m,), (b,)
        Missing ones are NaN.
    """
    known, width = np.sort(public[np.isfinite(public)]), CONTINUOUS_TOLERANCE * column.spread
    ends = np.searchsorted(known, numbers + width, side="right") - np.searchsorted(known, numbers - width)
    return np.asarray(np.where(np.isfinite(numbers), ends / max(1, len(public)), 0.0))


def maxdiff(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Guess the public record whose prediction changed most, argmax ||x'(W_before - W_after)||: MaxDiff.

    Where the model did not change there is nothing to choose by, and nothing is said.

    Cost 2 m d b k flops; predictions are held for a block of deletions at a time.
    """
    m, k = len(release.X_public), release.W_before.shape[1]
    rows = []
    for part in blocks(release.deletions, _BLOCK_NUMBERS // (m * k)):
        change = release.W_before - release.W_after[part]  # (b, d, k)
        moved = np.zeros((len(change), m))  # the most of a row is found several times faster than of a column
        for j in range(k):
            one = change[:, :, j] @ release.X_public.T
            moved += np.square(one, out=one)
        most = moved.argmax(axis=1)
        rows.append(np.where(moved[np.arange(len(most)), most] > 0, most, -1))
    chosen = np.concatenate(rows)
    return guessed(release, chosen, "maxdiff")


def guessed(release: Seen, rows: Indices, attack: str) -> Reconstruction:
    """Return public records (b,) as the guess; -1 where the model did not change and nothing is said."""
    status = np.where(rows < 0, "unchanged", "ok").tolist()
    return _blank(_public_record(release, rows, attack), rows < 0, status)


def nearest(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Guess the public record nearest to HRec's reconstruction, each feature in its standard deviations.

    A direction is first made as long as public records are.

    Where HRec recovered nothing, neither does this.
    """
    # neither columns nor the records before an embedding are needed, which cost more than all else
    bare = release.without_columns()
    found = at_public_length(bare, hrec(bare, rng))
    spread = release.X_public.std(axis=0)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    public = release.X_public * scale
    square = (public**2).sum(axis=1)
    rows = []
    for part in blocks(release.deletions, _BLOCK_NUMBERS // len(public)):
        wanted = np.nan_to_num(found.X[part]) * scale
        rows.append((square - 2 * wanted @ public.T).argmin(axis=1))
    record = _public_record(release, np.concatenate(rows), "nearest")
    missing = np.asarray(np.isnan(found.X).any(axis=1))
    return _blank(record, missing, found.status)


def informed(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Reconstruct from the remaining records' gradient: exact, the most that any attack can recover.

    At the old optimum the gradient over the remaining records is minus that of the deleted one, maths (9),
    so only the old model is needed.

    Raises
    ------
    InputError
        When the release does not hold that gradient, as in any real audit without the private records.
    """
    if release.remaining_gradient is None:
        raise InputError(
            "the informed bound needs the records that remain after the deletion, which the attacker does "
            "not have: use simulate, or leave it out"
        )
    G = release.remaining_gradient
    same = np.abs(G).max(axis=(1, 2)) <= 1e-12
    return from_gradient(release, Difference.exact(G), same, attack="informed")


def _public_record(release: Seen, rows: Indices, attack: str) -> Reconstruction:
    """Return public records as the guess."""

    def pick(array: Floats | None) -> Floats | None:
        return None if array is None else array[rows]

    codes = None if release.public_codes is None else np.array(release.public_codes[rows])
    if codes is not None:
        for j, column in enumerate(release.columns):
            if column.kind != "continuous" and len(column.values):
                codes[:, j] = np.where(codes[:, j] >= 0, column.alike[codes[:, j]], -1)
    return Reconstruction(
        attack=attack, X=release.X_public[rows], target=pick(release.Y_public), codes=codes,
        values=pick(release.public_values), inputs=pick(release.inputs_public),
    )  # fmt: skip


def _blank(record: Reconstruction, missing: Flags, status: Sequence[str]) -> Reconstruction:
    """Return the reconstruction with nothing said about the missing ones."""

    def hide(array: Floats | None) -> Floats | None:
        return None if array is None else np.where(missing[:, None], np.nan, array)

    codes = None if record.codes is None else np.where(missing[:, None], -1, record.codes)
    return dataclasses.replace(
        record,
        X=np.where(missing[:, None], np.nan, record.X),
        target=hide(record.target),
        values=hide(record.values),
        codes=codes,
        inputs=hide(record.inputs),
        status=status,
    )


AVG = Attack(
    "avg",
    "an average person (Avg)",
    "baseline",
    avg,
    about="the average public record, whatever was deleted",
    about_images="the average public image, whatever was deleted",
    short="Avg",
)
MAXDIFF = Attack(
    "maxdiff",
    "the public person who moved most (MaxDiff)",
    "baseline",
    maxdiff,
    about="the public record on which the two models differ most",
    about_images="the public image on which the two models differ most",
    short="MaxDiff",
)
NEAREST = Attack(
    "nearest",
    "the nearest public person",
    "baseline",
    nearest,
    about="the public record closest to the reconstruction: it leans on the attack, so it is no control for it",
    about_images="the public image closest to the reconstruction: it leans on the attack, so it is no control for it",
    independent=False,
)
INFORMED = Attack(
    "informed",
    "an auditor holding all other records",
    "bound",
    informed,
    about="somebody who holds all remaining records: the most that can be known",
)
