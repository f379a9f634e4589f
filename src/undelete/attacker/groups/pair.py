"""Two records of which each column's two values are known: which of them belong together, maths (32).

Refitted scalers give both values of each column, without saying whose is whose. The gradients of both add up to the
estimate G of (4) with the covariance C of (10), so that each of the 2^(c - 1) ways of dealing the values out has a
likelihood, times the public prior of the two records that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import chi2

from undelete.attacker.attack import Attack
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.table.further_error import strangers
from undelete.attacker.table.learnt import shared_lattice, target_codes
from undelete.attacker.table.likelihood import Likelihood, likelihood
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices, blocks
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

COLUMNS = 16  # up to which all ways are tried
_BLOCK = 4096
_LINE = 1e-9  # of a term, up to which it is a line in its column's value


@dataclass(frozen=True)
class Dealt:
    """Two records and how sure it is that the values are dealt out so.

    Parameters
    ----------
    found : Reconstruction
        Both, as those of two deletions.
    p_value : float
        Of the misfit: how often two records explain the change worse.
    """

    found: Reconstruction
    p_value: float


def deal(release: Release, values: Floats) -> Dealt:
    """Return the two records that most probably left together.

    Parameters
    ----------
    release : Release
        Of both as if of one deletion, k = 1 output.
    values : array (2, c)
        Each raw column's two values, in no order.

    Raises
    ------
    InputError
        Where a column is no line in the model's features, there are too many, or several outputs.

    Notes
    -----
    Cost 2^(c - 1) times four classes times d^2 flops. Exact but for the normal error of G. Source: maths (32).
    """
    known = _known(release)
    terms, back = _terms(release, values)
    ways = _ways(values)
    records = np.stack([np.where(ways, terms[0], terms[1]), np.where(ways, terms[1], terms[0])])  # (2, ways, c)
    X = np.concatenate([records, np.ones((*records.shape[:2], 1))], axis=2) @ back
    classes = release.target_kind == "class"
    signs = (-1.0, 1.0)
    labels: list[tuple[float, float] | None] = [(a, b) for a in signs for b in signs] if classes else [None]
    score: Floats = np.stack([_explained(release, known, X, y) for y in labels], axis=1)  # (ways, labels)
    misfit = np.asarray(-2 * score)
    score += _prior(release, ways, values, labels)
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    best, label = np.unravel_index(int(weight.argmax()), weight.shape)
    share = weight.sum(axis=1)
    same = share @ (ways == ways[best])
    own = values[0] == values[1]
    probability = np.where(own, 1.0, same)
    shown = np.stack([np.where(ways[best], values[0], values[1]), np.where(ways[best], values[1], values[0])])
    codes = np.array([[_code(column, v) for column, v in zip(release.columns, row, strict=True)] for row in shown])
    Y = np.array(labels[label])[:, None] if labels[label] is not None else _targets(release, known, X[:, best])
    found = Reconstruction(
        attack=PAIR.name,
        X=X[:, best],
        target=Y,
        codes=codes,
        values=shown,
        error=np.zeros_like(shown),
        probability=np.tile(probability, (2, 1)),
        record_probability=np.full(2, float(share[best])),
        record_error=np.sqrt(np.einsum("w,gwd->gd", share, (X - X[:, [best]]) ** 2)),
        status=("ok", "ok"),
    )
    terms_left = len(known.gradient[0]) - (0 if classes else 2)
    return Dealt(found, float(chi2.sf(misfit[best, label], terms_left)))


def _known(release: Release) -> Likelihood:
    if release.W_before.shape[1] != 1 or release.constant is None:
        raise InputError("two records are told apart for models of one output with a constant only")
    one = Estimate(np.ones(1), np.zeros(1, dtype=np.int64))  # of two classes the constant's entries may cancel out
    return likelihood(release, one, release.X_public.mean(axis=0)[None], None, strangers(release))


def _terms(release: Release, values: Floats) -> tuple[Floats, Floats]:
    """Return the columns' terms (2, c) of both values, and the map from terms and the constant back to records."""
    columns = release.columns
    if len(columns) > COLUMNS or not np.isfinite(values).all() or any(c.projection.shape[1] != 1 for c in columns):
        raise InputError(f"two records are told apart in up to {COLUMNS} columns that are scaled and nothing else")
    assert release.constant is not None
    M = np.column_stack([*(column.projection[:, 0] for column in columns), release.constant])
    if M.shape[0] != M.shape[1] or np.linalg.cond(M) > 1e10:
        raise InputError("two records are told apart where each feature of the model is one scaled column")
    lines = [_line(column) for column in columns]
    terms = np.array([[a * v + b for (a, b), v in zip(lines, row, strict=True)] for row in values])
    return terms, np.linalg.inv(M)


def _line(column: Column) -> tuple[float, float]:
    """Return slope and offset of a column's term in its value."""
    if column.kind == "continuous":
        return 1 / column.slope, -column.offset / column.slope
    own, term = column.values.astype(float), column.terms[:, 0]
    slope, offset = np.polyfit(own, term, 1) if len(own) > 1 else (0.0, float(term[0]))
    if np.abs(slope * own + offset - term).max() > _LINE * max(float(np.abs(term).max()), 1.0):
        raise InputError(f"column {column.name!r} is no line in its value: two records are not told apart there")
    return float(slope), float(offset)


def _ways(values: Floats) -> Indices:
    """Return every way to deal out the values (ways, c): whether the first record has the first one.

    The two records have no order, so the first column that differs is the first record's own.
    """
    differ = np.flatnonzero(values[0] != values[1])
    free = differ[1:]
    ways = np.ones((2 ** len(free), values.shape[1]), dtype=bool)
    ways[:, free] = np.array(list(product((False, True), repeat=len(free))), dtype=bool).reshape(len(ways), len(free))
    return ways


def _explained(release: Release, known: Likelihood, X: Floats, labels: tuple[float, float] | None) -> Floats:
    """Return the log-likelihood (ways,) of records X (2, ways, d); targets that are numbers are fitted."""
    G, root = known.gradient[0], np.linalg.cholesky(known.floored(0))
    result = np.empty(X.shape[1])
    for block in blocks(X.shape[1], _BLOCK):
        white = np.linalg.solve(root, X[:, block].reshape(-1, X.shape[2]).T).T.reshape(2, -1, X.shape[2])
        g = np.linalg.solve(root, G)
        if labels is None:
            left = _projected(white, g)
        else:
            z = X[:, block] @ release.W_before[:, 0]
            rho = np.stack([-release.loss.residual(np.full((len(row), 1), y), row[:, None])[:, 0]
                            for row, y in zip(z, labels, strict=True)])  # fmt: skip
            left = g - (white * rho[:, :, None]).sum(axis=0)
        result[block] = -0.5 * (left**2).sum(axis=1)
    return result


def _projected(white: Floats, g: Floats) -> Floats:
    """Return what two records of free size leave of g (ways, d)."""
    first, second = white
    aa, bb, ab = (first**2).sum(1), (second**2).sum(1), (first * second).sum(1)
    a, b = first @ g, second @ g
    det = np.maximum(aa * bb - ab**2, 1e-300)
    return np.asarray(g - ((bb * a - ab * b) / det)[:, None] * first - ((aa * b - ab * a) / det)[:, None] * second)


def _targets(release: Release, known: Likelihood, X: Floats) -> Floats:
    root = np.linalg.cholesky(known.floored(0))
    white, g = np.linalg.solve(root, X.T), np.linalg.solve(root, known.gradient[0])
    rho = np.linalg.lstsq(white, g, rcond=None)[0]
    return np.asarray((rho + X @ release.W_before[:, 0])[:, None])


def _prior(release: Release, ways: Indices, values: Floats, labels: Sequence[tuple[float, float] | None]) -> Floats:
    """Return the public log-prior (ways, labels) of the two records, of the columns on a lattice."""
    targeted = labels[0] is not None and release.Y_public is not None
    lattice = shared_lattice(release, targeted=targeted)
    codes = np.array([[_code(c, v) for c, v in zip(release.columns, row, strict=True)] for row in values])
    usable = [j for j in lattice.order if (codes[:, j] >= 0).all()]
    result = np.zeros((len(ways), len(labels)))
    for place, pair in enumerate(labels):
        for k in range(2):
            own = np.where(ways == (k == 0), codes[0], codes[1])
            Y = None if pair is None else np.array([[pair[k]]])
            target = np.full((len(ways), 1), int(target_codes(release, Y if targeted else None, 1)[0]))
            whole = np.hstack([np.maximum(own, 0), target])
            for j in usable:
                told = lattice.prior[j].log_distribution(whole)
                result[:, place] += told[np.arange(len(ways)), whole[:, j]]
    return result


def _code(column: Column, value: float) -> int:
    if column.kind == "continuous" or not len(column.values):
        return -1
    try:
        own = column.values.astype(float)
    except ValueError:
        return -1
    near = int(np.abs(own - value).argmin())
    return near if abs(own[near] - value) <= 1e-6 * max(abs(value), 1.0) else -1


def _alone(release: Release, rng: np.random.Generator) -> Reconstruction:
    raise InputError("two records are told apart from the files' own values, which a release does not hold")


PAIR = Attack(
    "pair", "undelete (two records)", "attack", _alone,
    about="each column's two values from the refitted scalers, dealt out by the change of the parameters",
)  # fmt: skip
