"""A new model whose preprocessing was refitted so that it cannot be folded: its answers, and what the refit adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.linalg import lstsq

from undelete.adapters.design.design import Design
from undelete.adapters.design.polynomial import category
from undelete.adapters.leaks import lost_categories
from undelete.adapters.refolded import fold_error
from undelete.adapters.weights import weighted_loss
from undelete.attacker.gradient.difference import answer_change
from undelete.attacker.gradient.refit import RANK, Refit
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats
from undelete.maths.objective import predict
from undelete.release.public import After, Later

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


_FOREIGN = 0.3  # share of a feature's deviation that may be new: one record moves it by some parts in n
_UNMIXED = 1e-7  # of a feature in another one, which is no more than round-off
_SAME = 1e-9  # relative difference of two penalties that are one
_MOST_FEATURES = 1024  # up to which the covariance of what the refit adds is formed


def refitted(
    old: LinearModel, new: LinearModel, public: pd.DataFrame, X: Floats, Y: Floats | None, n: int | None
) -> After:
    """Return the fields of `Release` that say what the new model is, maths (19), (20).

    Parameters
    ----------
    old, new : LinearModel
        Two fits of one thing.
    public : DataFrame
        The public records, raw.
    X : array (m, d)
        These in the old model's space.
    Y : array (m, k) or None
        Their targets.
    n : int or None
        Private records before the deletion.

    Returns
    -------
    dict
        `W_after`, and where the features are not the same to the last bit `answer_change`, `penalty_share` and
        `share_error`.

    Raises
    ------
    InputError
        When the new features are not those of the old model, nearly: drawn anew, or chosen otherwise.
    """
    X_after = new.features(public)
    same = np.array_equal(X, X_after)
    if same and not old.texts:
        return {"W_after": new.W[None], **penalty_change(old, new, n, new.W)}
    apart, later_apart = (one.offsets(public, standing=True) for one in (old, new))
    Z_after = predict(X_after, new.W, later_apart)
    loss = weighted_loss(old, Y)
    change = answer_change(loss, Y, predict(X, old.W, apart), Z_after)
    if same:  # but for the words, whose part in the answers is not in these parameters
        return {"W_after": new.W[None], "answer_change": change[None], **penalty_change(old, new, n, new.W)}
    refit = Refit.of(X, X_after, _same_features(old, new, X, X_after), _unseen(old, new, public))
    _check_same(old, refit)
    later: After = {
        "W_after": nearest_parameters(old.W, X, X_after @ new.W)[None],
        "answer_change": change[None],
    }
    later = {**later, **penalty_change(old, new, n, later["W_after"][0])}
    old, new = old.summed(n), new.summed(n and n - 1)
    if old.l2 is None or new.l2 is None or (n is None and not refit.affine):
        return later
    residual = None if Y is None or n is None else loss.residual(Y, Z_after)
    held = _held_at_zero(new, refit)
    later["penalty_share"] = refit.share(old.penalty_gradient(), new.penalty_gradient(), residual, n or len(X))[None]
    if X.shape[1] > _MOST_FEATURES or n is None:
        return later
    dealt = None if Y is None else fold_error(old, public, X, Y, loss, n)
    parts = [part for part in (refit.error(residual, n), dealt, held) if part is not None]
    if parts:
        later["share_error"] = np.sum(parts, axis=0)[None]
    return later


def affine_share(old: LinearModel, new: LinearModel, public: pd.DataFrame, X: Floats, n: int | None) -> Later:
    """Return `penalty_share` of a refit that was folded: the new model was penalised in its own features, maths (20).

    With `share_error`, where an l1 penalty holds features at zero.

    Parameters as of `refitted`. Nothing where the features are the same, or the penalty is none or not known. Public
    records of a category that is gone are left aside: nobody who remains has it.
    """
    old, new = old.summed(n), new.summed(n and n - 1)
    if old.l2 is None or new.l2 is None or (not new.l2.any() and new.l1 is None) or X.shape[1] > _MOST_FEATURES:
        return {}
    lost = lost_categories(old.design, new.design)
    remains: Flags = np.ones(len(public), dtype=bool)
    for column, gone in lost.items():
        cells = public[column].astype(object)
        remains &= ~(cells.isin(gone) | (cells.isna() & (None in gone))).to_numpy()
    try:
        X, X_after = X[remains], new.features(public[remains])
    except InputError:
        return {}
    if np.array_equal(X, X_after):
        return {}
    refit = Refit.of(X, X_after, _same_features(old, new, X, X_after), _unseen(old, new, public[remains]))
    held = _held_at_zero(new, refit)
    share = refit.share(old.penalty_gradient(), new.penalty_gradient(), None, n or len(X))
    later: Later = {"penalty_share": share[None]}
    return later if held is None else later | {"share_error": held[None]}


def _same_features(old: LinearModel, new: LinearModel, X: Floats, X_after: Floats) -> Floats | None:
    """Return 1 where an old feature (d,) is a new one (d',) by its name and values; None where all are, in their order.

    A category that is gone leaves a feature out, and those after it move up, in name too where steps name nothing.
    """
    if old.W.shape[0] == new.W.shape[0]:
        return None
    at = {key: j for j, key in enumerate(old.design.keys)}
    same = np.zeros((old.W.shape[0], new.W.shape[0]))
    for k, key in enumerate(new.design.keys):
        j = at.get(key)
        if j is not None and np.linalg.norm(X[:, j] - X_after[:, k]) <= _FOREIGN * np.linalg.norm(X_after[:, k]):
            same[j, k] = 1.0
    return same


def _unseen(old: LinearModel, new: LinearModel, public: pd.DataFrame) -> tuple[Floats, Floats] | None:
    """Return records in both models' features with a category each that both know and no public record has.

    None where there is none, or where no feature has left the model. Each is the first public record but for that.
    """
    if old.W.shape[0] <= new.W.shape[0] or not isinstance(new.design, Design):
        return None
    known = {(encoding.column, value) for encoding in new.design.encodings for value in encoding.known}
    known |= {(atom.column, value) for atom in new.design.atoms for value in atom.categories or ()}
    seen = {column: set(map(category, public[column].unique())) for column, _ in known}
    rows = []
    for column, value in sorted(known, key=repr):
        if value not in seen[column]:
            row = public.iloc[:1].copy()
            row[column] = pd.Series([np.nan if value is None else value], index=row.index, dtype=object)
            rows.append(row)
    if not rows:
        return None
    made = [(old.features(row), new.features(row)) for row in rows]
    return np.vstack([first for first, _ in made]), np.vstack([second for _, second in made])


def penalty_change(old: LinearModel, new: LinearModel, n: int | None, W_after: Floats) -> Later:
    """Return `penalty_change` of parameters (d, k) in the old model's space: what another penalty has to do with them.

    One beside the mean loss is another in the sum after the deletion; a `*CV` estimator may choose another. Nothing
    where the two models have the same, or it is not known.
    """
    if old.l2 is None or new.l2 is None:
        return {}
    moved = _moved(old, new, n, old.l2, new.l2)[:, None] * W_after
    if old.l1 is not None or new.l1 is not None:
        none = np.zeros(old.l2.shape)
        l1 = _moved(old, new, n, none if old.l1 is None else old.l1, none if new.l1 is None else new.l1)
        moved = moved + l1[:, None] * np.sign(W_after)
    return {"penalty_change": moved[None]} if moved.any() else {}


def _moved(old: LinearModel, new: LinearModel, n: int | None, before: Floats, after: Floats) -> Floats:
    """Return by how much each feature's penalty (d,) is less after the deletion; 0 where by no more than rounding."""
    later = np.asarray(after)
    if before.shape != later.shape:  # a feature is gone; a model has one penalty for all, but for that of the constant
        later = np.full(before.shape, float(after[0]))
        if old.has_constant:
            later[-1] = after[-1]
    moved = before - later
    if old.averaged and n is not None:
        moved = n * before - (n - 1) * later
    elif old.averaged:
        if old.chosen and not np.allclose(before, later, rtol=_SAME, atol=0.0):
            raise InputError(
                f"the penalty of this {old.kind} is beside the mean loss and pulls otherwise after the deletion: what "
                "the record did is told from that by the number of training records; give n (n=, --n)"
            )
        moved = before  # all that is known of it: the same beside the mean of one record less
    same = np.abs(moved) <= _SAME * np.maximum(np.abs(before), np.finfo(float).tiny)
    return np.where(same.all(), 0.0, moved)


def nearest_parameters(W: Floats, X: Floats, Z: Floats) -> Floats:
    """Return the parameters (d, k) nearest to W (d, k) that predict Z (m, k) for records X (m, d) best."""
    return np.asarray(W + lstsq(X, Z - X @ W, cond=RANK, lapack_driver="gelsy")[0])


def _held_at_zero(new: LinearModel, refit: Refit) -> Floats | None:
    """Return the covariance (1, d, d) of what features that the new model holds at zero add to the others, maths (20).

    Of these an l1 penalty says that its gradient is no larger than the penalty. Another rule, which left them out, says
    nothing; then, and where they are too many for a covariance, a refit that mixed them is refused.
    """
    if new.l1 is None and not new.chosen:
        return None
    if new.l1 is not None and not new.chosen and len(refit.mixing) <= _MOST_FEATURES:
        held = refit.held_at_zero(np.where(new.W.any(axis=1), 0.0, new.l1))
        return None if held is None else held[None]
    others = np.where(refit.same == 0, refit.mixing, 0.0)[: -1 if new.has_constant else None]
    if np.abs(others).max(initial=0.0) > _UNMIXED or not refit.affine:
        raise InputError(
            "the preprocessing was refitted so that features became combinations of each other, and the model left "
            "features out, of which nothing is known: keep the steps as fitted before the deletion"
        )
    return None


def _check_same(old: LinearModel, refit: Refit) -> None:
    """Refuse features that mean something else than before."""
    foreign = int(refit.foreign.argmax())
    if refit.foreign[foreign] <= _FOREIGN:
        return
    names = old.design.feature_names
    which = f" ({names[foreign]})" if old.embedding is None and foreign < len(names) else ""
    raise InputError(
        f"the steps ({', '.join(dict.fromkeys(old.steps)) or 'none'}) were refitted and made features that the old "
        f"model has not{which}: {100 * refit.foreign[foreign]:.0f} % of one's deviation is new, where one record "
        "changes it by some parts in a thousand, so the difference of the models is not the deletion's; keep these "
        "steps as fitted, or fix their random_state"
    )
