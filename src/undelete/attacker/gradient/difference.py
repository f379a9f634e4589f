"""Minus the deleted record's gradient, from two released models and public records: maths (4), (9), (19).

What is summed over the records that remain is x_i' t_i, and public records estimate the sum. There are two ways to t_i:

- "hessian", maths (4): t_i is the change of the prediction times the old model's curvature. The paper's, to first
  order; exact for the squared loss.
- "answers", maths (9) and (19): t_i is the change of the residual. The target is in it before and after, so it is
  the change of the model's answer, and no target is needed but by the squared hinge. Exact to all orders, and it
  holds whatever was refitted before the model.

Either has the sampling error of maths (10). The way with the smaller expected error is taken; no truth is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.gradient.formed import formed
from undelete.maths.arrays import Floats, blocks
from undelete.maths.loss import Loss
from undelete.maths.objective import Objective, accumulate, predict
from undelete.release.release import Release

Way = Literal["hessian", "answers", "exact"]

_PREDICTIONS = 16_000_000  # held at a time: 128 MB
_JUDGED = 8  # deletions on which the ways are compared: they have it from the model and the public records
_CLEARLY = 1e-6  # by which share the other way must be better than the paper's


@dataclass(frozen=True, eq=False)
class Difference:
    """Minus the gradients of b deleted records at the old model.

    Parameters
    ----------
    gradient : array (b, d, k)
        The estimate G, the penalty's share in it where the release says it. "hessian": of all n records, maths (4);
        otherwise of the n - 1 that remain.
    way : {"hessian", "answers", "exact"}
        How it was obtained; "exact" is not estimated and has no error.
    error : array (b,) or None
        Expected relative error: the root of its variance over the public records' mean squares, feature by feature,
        beside G's own square. None where nobody asked.
    """

    gradient: Floats
    way: Way
    error: Floats | None = None

    @classmethod
    def exact(cls, gradient: Floats) -> Difference:
        """Return gradients (b, d, k) that somebody knows."""
        return cls(gradient, "exact")

    @classmethod
    def by(cls, release: Release, way: Way, *, penalised: bool = True) -> Difference:
        """Return the estimate by one way; `penalised` adds the penalty's share where the release says it.

        What is there because the penalty itself changed is added in any case: the change of the models holds it.

        Cost 4 m d b k flops for m public records.
        """
        G = _by(release, way)
        share = penalty_share(release) if penalised else release.penalty_change
        return cls(G if share is None else G + share, way)

    @classmethod
    def best(cls, release: Release) -> Difference:
        """Return the estimate by the way with the smaller expected error.

        Where the ways differ, by the second order of the change, the first-order one is off by their difference, which
        counts as its error; the paper's way stays where they agree, as they do for the squared loss. Where the answers
        change by more than the parameters say, in coordinates that are left out, only the answers hold it all.
        """
        few, n = release.take(slice(0, _JUDGED)), _records(release)
        first, exact = (_by(few, way) for way in ("hessian", "answers"))
        with np.errstate(invalid="ignore", divide="ignore"):  # of models that are the same nothing is known
            left_out = _size(few, first / n - exact / (n - 1)) / _size(few, exact / n)
            sampling = _relative_error(few, "answers", exact)  # of either: they sum over the same records
            better = np.hypot(sampling, left_out) > (1 + _CLEARLY) * sampling
        whole = release.reweighed or release.answer_change is not None or better.mean() > 0.5
        chosen = cls.by(release, "answers" if whole else "hessian")
        return replace(chosen, error=_relative_error(release, chosen.way, chosen.gradient))


def _by(release: Release, way: Way) -> Floats:
    return by_hessian(release) if way == "hessian" else _by_answers(release)


def by_hessian(release: Release) -> Floats:
    """Return G (b, d, k) of all n records by the public Hessian, the penalty left out: paper Eq. (12), maths (4).

    Where `n` is not known the number of public records stands in for it: it scales G only. Cost 4 m d b k flops; of
    many deletions by a separable loss at most 2 m d^2 once for each output, and 2 d^2 b k.
    """
    V, Y, once = release.W_before - release.W_after, release.Y_public, formed(release)
    if once is not None:
        return once.product(V) * (_records(release) / len(release.X_public))
    public = Objective(
        release.X_public,
        np.zeros((len(release.X_public), release.W_before.shape[1])) if Y is None else Y,
        release.loss,
        np.zeros(release.W_before.shape[0]),
        offset=release.offset_public,
    )
    G: Floats = public.hessian_vector_product(release.W_before, V)
    return G * (_records(release) / public.n)


def _by_answers(release: Release) -> Floats:
    """Return G (b, d, k) of the n - 1 records that remain by the change of the answers, maths (19)."""
    m, n = len(release.X_public), _records(release)
    parts = [
        accumulate(release.X_public, moves(release.take(part), "answers"))
        for part in blocks(release.deletions, deletions_at_a_time(release))
    ]
    return np.concatenate(parts) * ((n - 1) / m)


def moves(release: Release, way: Way) -> Floats:
    """Return t (m, b, k): by how much each public record pulls less on the old model than on the new one.

    Times the record it is the summand of maths (4) or (19). Cost 2 m d b k flops.
    """
    Z, Y = release.predictions(release.W_before)[:, None, :], release.Y_public
    if way == "hessian":
        moved = predict(release.X_public, release.W_before - release.W_after)
        return np.asarray(release.loss.curvature_action(None if Y is None else Y[:, None, :], Z, moved))
    if release.answer_change is not None:
        return release.answer_change.transpose(1, 0, 2)
    return answer_change(release.loss, Y, Z, release.predictions(release.W_after))


def answering(release: Release) -> Release:
    """Return a release with the change of the answers in it: in some of its coordinates the models no longer say it."""
    if release.answer_change is not None:
        return release
    Z, Z_after = release.predictions(release.W_before), release.predictions(release.W_after)
    change = answer_change(release.loss, release.Y_public, Z[:, None, :], Z_after)
    return replace(release, answer_change=change.transpose(1, 0, 2))


def answer_change(loss: Loss, Y: Floats | None, Z: Floats, Z_after: Floats) -> Floats:
    """Return the residuals at predictions Z less those at Z_after, (m, k) or (m, b, k): the change of the answers.

    Of all losses but the squared hinge, which needs the targets Y (m, k), any target gives the same difference.
    """
    target = np.ones_like(Z) if Y is None else Y if Z.ndim == 2 else Y[:, None, :]
    return np.asarray(loss.residual(target, Z) - loss.residual(target, Z_after))


def weights(release: Release, way: Way, output: NDArray[np.int64], mix: Floats | None) -> Floats:
    """Return t (m, b) of one output for each deletion (b,), or of all weighed by `mix` (b, k): maths (10)."""
    own = np.arange(len(output))
    if _apart(release, way, mix):
        change = (release.W_before - release.W_after)[own, :, output]
        Z = release.predictions(release.W_before)
        return np.asarray(release.loss.curvature(release.Y_public, Z)[:, output] * (release.X_public @ change.T))
    t = moves(release, way)
    return np.asarray(t[:, own, output] if mix is None else (t * mix).sum(axis=2))


def spread(release: Release, way: Way, output: NDArray[np.int64], mix: Floats | None) -> Floats:
    """Return the variance (b,) over public records of their `weights`."""
    once = formed(release) if _apart(release, way, mix) else None
    if once is None:
        return np.asarray(weights(release, way, output, mix).var(axis=0))
    found = once.variance(release.W_before - release.W_after, output)
    rest = np.flatnonzero(np.isnan(found))
    if rest.size:
        found[rest] = weights(release.take(rest), way, output[rest], None).var(axis=0)
    return found


def _apart(release: Release, way: Way, mix: Floats | None) -> bool:
    """Return whether only the output's own prediction counts, at the old model."""
    return way == "hessian" and release.loss.separable and mix is None


def penalty_share(release: Release) -> Floats | None:
    """Return the penalty's share in minus the deleted gradients (b, d, k); None where it is not known.

    As the release says it, which is so where the preprocessing was refitted, maths (20), or l2 (W_before - W_after) and
    what the penalty itself changed by. Beside gradients that are known up to a factor, without `n`, it is not known.
    """
    return release.penalty_change if release.n is None else own_share(release)


def own_share(release: Release) -> Floats | None:
    """Return the same in the penalty's own size, which no number of records is needed for."""
    if release.penalty_share is not None:
        return release.penalty_share
    if release.l2 is None:
        return release.penalty_change
    share = release.l2[:, None] * (release.W_before - release.W_after)
    return share if release.penalty_change is None else share + release.penalty_change


def deletions_at_a_time(release: Release) -> int:
    """Return how many deletions' predictions to hold at once."""
    return max(1, _PREDICTIONS // (len(release.X_public) * int(release.W_before.shape[1])))


def _records(release: Release) -> int:
    return release.n or len(release.X_public)


def _relative_error(release: Release, way: Way, G: Floats) -> Floats:
    """Return the expected error of G (b,) by the sampling argument of maths (10), relative to G."""
    m, n = len(release.X_public), _records(release)
    square = np.zeros(G.shape)
    for part in blocks(release.deletions, deletions_at_a_time(release)):
        t2 = moves(release.take(part), way) ** 2
        for rows in blocks(m, max(1, _PREDICTIONS // G.shape[1])):
            square[part] += accumulate(release.X_public[rows] ** 2, t2[rows]) / m
    variance = np.maximum(square - (G / n) ** 2, 0.0) * release.scatter / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return _size(release, np.sqrt(variance)) / _size(release, G / n)


def _size(release: Release, G: Floats) -> Floats:
    """Return the length (b,) of gradients (b, d, k), each feature in units of its public root mean square."""
    square = (release.X_public**2).mean(axis=0)
    unit = np.where(square > 0, square, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt((G**2 / unit[:, None]).sum(axis=(1, 2))))
