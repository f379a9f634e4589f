"""HRec, the paper's attack: from the difference of two models to the deleted record.

1. The difference of the parameters times the public Hessian estimates minus the gradient of the deleted
   record, -x r': paper Eq. (12) and (13), maths (4). For the squared loss it is exact up to the Hessian,
   paper Eq. (4).
2. Divided by the constant's entry it is the record itself: paper Eq. (5), maths (5).
   With an embedding it is phi of the record, and the record is traced back: paper Eq. (6), maths (7).
3. The sign of the constant's entry is the label (of several classes the one where minus the residual is
   positive, paper Eq. (15)); a number follows from its residual, maths (8), as far as the loss lets it.

The penalty is taken to be zero, as in the paper, even where the release states it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attack import Attack
from undelete.attacker.embedding.inversion import nearest_embedding, public_records
from undelete.attacker.embedding.search import Preimages
from undelete.attacker.gradient.difference import Difference, Way, deletions_at_a_time
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.one_class import one_class, pulled_or_placed
from undelete.attacker.own_offset import OwnOffset, Told
from undelete.attacker.table.columns import decode
from undelete.maths.arrays import Flags, Floats, blocks
from undelete.maths.objective import predict
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_SAME = 1e-14  # parameters or predictions closer than this, relative to the largest, count as unchanged
_LOOKED_AT = 100  # public records' predictions, before all are looked at


def hrec(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Reconstruct each deleted record with the paper's attack.

    Parameters
    ----------
    release : Release
        b deletions; `n` is needed for a numeric target only.
    rng : numpy.random.Generator
        Not used: the attack draws nothing.

    Returns
    -------
    Reconstruction
        Status "unchanged" where the two models are the same, and "direction" where the scale is not
        identified: no constant, or its entry within two standard errors of zero.

    Notes
    -----
    Cost 4 m d b k flops for m public records; an embedding is traced back by `inversion.nearest_embedding`, which
    costs more. Source: the paper's Algorithm 1.
    """
    way: Way = "answers" if release.reweighed else "hessian"  # the paper's models have no weights
    return from_gradient(release, Difference.by(release, way, penalised=False), unchanged(release), attack="hrec")


def unchanged(release: Release) -> Flags:
    """Return which deletions left the model as it was (b,): its parameters, or what it answers of public records."""
    change = np.abs(release.W_before - release.W_after).max(axis=(1, 2))
    same = np.asarray(change <= _SAME * np.abs(release.W_before).max())
    if release.answer_change is None:
        perhaps = np.flatnonzero(_same_answers(release, _LOOKED_AT))
        same[perhaps] |= _same_answers(release.take(perhaps), len(release.X_public))
    return same


def _same_answers(release: Release, records: int) -> Flags:
    """Return of which deletions (b,) the first public records' predictions did not move, but by rounding."""
    X, W = release.X_public[:records], release.W_before
    largest = np.abs(predict(X, W)).max()
    parts = blocks(release.deletions, deletions_at_a_time(release))
    moved = [np.abs(predict(X, W - release.W_after[part])).max(axis=(0, 2)) for part in parts]
    return np.asarray(np.concatenate([*moved, np.zeros(0)]) <= _SAME * largest, dtype=np.bool_)


Trace = Callable[[Release, Floats, Estimate], Preimages]


def _euclidean(release: Release, X: Floats, estimate: Estimate) -> Preimages:
    return nearest_embedding(release, X[:, : public_records(release)[0].features])


def from_gradient(
    release: Release,
    difference: Difference,
    same: Flags,
    *,
    attack: str,
    trace: Trace = _euclidean,
    mix: Floats | None = None,
    unsure: Flags | None = None,
) -> Reconstruction:
    """Turn minus the deleted records' gradients into records, targets and raw columns.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    difference : Difference
        Minus the gradients (b, d, k), x times minus the residual; an exact one has no error bars.
    same : array (b,) of bool
        Deletions that left the model unchanged: nothing comes back.
    attack : str
        Name for the result.
    trace : callable
        From the release, recovered embeddings (b, d) and where they came from, to the records before an embedding;
        by default the paper's Eq. (6).
    mix : array (b, k), optional
        Weights by which the outputs' gradients are added up; by default the paper reads one output's.
    unsure : array (b,) of bool, optional
        Deletions whose scale is known too badly for another reason than sampling: their direction comes back.
    """
    G, noisy = difference.gradient, difference.way != "exact"
    b, _, k = G.shape
    scales = np.einsum("bdk,d->bk", G, release.constant) if release.constant is not None else np.zeros((b, k))
    output = _output(release, G, scales)
    own = np.arange(b)
    column, scale = G[own, :, output], scales[own, output]
    if mix is not None:
        column, scale = np.einsum("bdk,bk->bd", G, mix), (scales * mix).sum(axis=1)
    estimate = Estimate(scale, output, difference.way, mix)
    identified = ~same & estimate.scale_identified(release)
    if unsure is not None:
        identified &= ~unsure
    with np.errstate(divide="ignore", invalid="ignore"):
        X = np.where(identified[:, None], column / scale[:, None], _direction(column, release))
    X[same] = np.nan
    status = np.where(same, "unchanged", np.where(identified, "ok", "direction"))
    target, probability = _targets(release, scales, X, identified, difference.way)
    error = over = None
    if target is not None and release.offset_public is not None and release.target_kind == "number":
        over = _over_offsets(release, estimate, X, identified)
    elif noisy and k == 1 and target is not None and release.target_kind == "number":
        error = np.where(identified, estimate.target_error(release, X), np.nan)[:, None]
    inputs = distance = None
    if release.embedding is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = column / scale[:, None]  # by a scale that may be unsure, as the paper has it
        rows = np.flatnonzero(~same & np.isfinite(whole).all(axis=1))
        inputs, distance = _traced(release, whole, estimate, rows, trace)
    raw = decode(release, X, inputs, estimate if noisy else None, identified)
    found = Reconstruction(
        attack=attack,
        X=X,
        inputs=inputs,
        distance=distance,
        target=target,
        target_error=error,
        target_probability=probability,
        scale=np.where(same, np.nan, scale),
        output=output,
        mix=mix,
        way=difference.way,
        status=status.tolist(),
        codes=raw.codes,
        values=raw.values,
        error=raw.error,
        probability=raw.probability,
    )
    return found if over is None else over.of(found)


def _over_offsets(release: Release, estimate: Estimate, X: Floats, identified: Flags) -> Told:
    """Return what is known of numbers whose records have an offset of their own."""
    W = release.W_after[:, :, 0] if estimate.way == "hessian" else np.tile(release.W_before[:, 0], (len(X), 1))
    error = np.zeros(len(X)) if estimate.way == "exact" else estimate.scale_error(release)
    known = np.where(identified, estimate.scale, np.nan)
    return OwnOffset(release).told(X, W, known, error)


def _traced(
    release: Release, X: Floats, estimate: Estimate, rows: NDArray[np.int64], trace: Trace
) -> tuple[Floats, Floats]:
    """Return the records (b, d0) behind recovered embeddings X (b, d), and how far their own embeddings are (b,)."""
    phi = public_records(release)[0]
    inputs, distance = np.full((len(X), phi.inputs), np.nan), np.full(len(X), np.nan)
    if rows.size:
        found = trace(release.take(rows), X[rows], estimate.part(rows))
        inputs[rows], distance[rows] = found.inputs, found.distance
    return inputs, distance


def _output(release: Release, G: Floats, scales: Floats) -> NDArray[np.int64]:
    """Return the output whose column is read (b,).

    Softmax: the label's, where alone minus the residual is positive, paper Eq. (15). Otherwise the one with
    the largest residual, which has the least relative error.
    """
    if release.constant is None:
        return np.asarray(np.linalg.norm(G, axis=1).argmax(axis=1))
    return np.asarray((np.abs(scales) if release.loss.separable else scales).argmax(axis=1))


def _direction(column: Floats, release: Release) -> Floats:
    """Return unit vectors along the records, on the side where the average public record lies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = column / np.linalg.norm(column, axis=1, keepdims=True)
    side = np.where(unit @ release.X_public.mean(axis=0) < 0, -1.0, 1.0)
    return np.asarray(unit * side[:, None])


def _targets(
    release: Release, scales: Floats, X: Floats, identified: Flags, way: Way
) -> tuple[Floats | None, Floats | None]:
    """Return the targets (b, k): the sign of minus the residual for a label, maths (8) for a number.

    And how sure they are (b,) where their errors do not say. A class trained with the loss of a number (ridge
    classifier) takes the number where n is known. The residual of a first-order difference is that at the new model, a
    gradient's that at the old one.
    """
    if release.constant is None:
        return None, None
    numeric, k = "number" in release.loss.targets, scales.shape[1]
    if release.target_kind == "number" and release.n is None:
        return None, None
    sure = None
    target = scales  # minus the residual, which for a class tells the label without a scale, paper Eq. (15)
    known = np.asarray(np.isfinite(X).all(axis=1) & (identified | (release.target_kind == "class")))
    if numeric and release.n is not None:
        W = release.W_after if way == "hessian" else np.broadcast_to(release.W_before, release.W_after.shape)
        Z = np.where(identified[:, None], np.einsum("bd,bdk->bk", np.nan_to_num(X), W), 0.0)
        target = np.asarray(release.loss.target_from(Z, -scales)[0])
    elif release.target_kind == "class" and k > 1 and release.loss.low:
        Z = np.nan_to_num(np.where(identified[:, None], X, 0.0)) @ release.W_before
        target = pulled_or_placed(scales, Z)
    if release.target_kind == "class" and k > 1:
        target, sure = one_class(release, scales, target, way)
    elif release.target_kind == "class":
        target = np.sign(target)
    return np.where(known[:, None], target, np.nan), sure


HREC = Attack(
    "hrec",
    "the paper's attack (hrec)",
    "attack",
    hrec,
    about="the difference of the two models, divided by its constant entry, as the paper writes it",
    short="HRec",
)
