"""Records that counted for more or less in the fit, which an attacker is not told: what that does to what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.adapters.design.conform import folded
from undelete.adapters.model import LinearModel
from undelete.adapters.record_weights import NO_WEIGHT, Counted, uneven
from undelete.attacker.attack import Attack
from undelete.attacker.gradient.difference import moves
from undelete.auditing.population import Alike, alike
from undelete.auditing.records import record_factors
from undelete.auditing.tables import accepted, part
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_HEAVIEST = 0.98  # quantile of the weights from which on a record is kept surely
_MOST = 50_000_000  # numbers of the covariances that are formed


def unequal(release: Release, weights: Floats) -> Release:
    """Return a release of models whose training records weighed w (n,): an attacker knows how unevenly, not whose.

    Whatever their mean, the model is that of weights w / mean w and of the penalty over it, which is what an attacker
    takes for records that count alike. The sum over the others varies by the mean of their squares in place of 1,
    which is added to the error; by how much the deleted record's own weight may differ from the mean, its share of the
    change may: that is the error of the logarithm of n.
    """
    own = weights[weights > NO_WEIGHT]
    mean = float(weights.mean())
    relative = own / mean
    release = dataclasses.replace(
        release,
        l2=None if release.l2 is None else release.l2 / mean,
        penalty_change=None if release.penalty_change is None else release.penalty_change / mean,
        n_error=float(np.sqrt((np.log(relative) ** 2).mean())) if uneven(own) else 0.0,
    )
    return others_unequal(release, relative)


def others_unequal(release: Release, relative: Floats) -> Release:
    """Return a release whose error counts that other records weigh w (n,), in the deleted one's own or the mean's."""
    number = release.n or len(relative)
    spread = number * max(float((relative**2).sum() / relative.sum()) - 1, 0.0)
    b, (_, d), k = release.deletions, release.X_public.shape, release.W_before.shape[1]
    if spread <= NO_WEIGHT * number or b * k * d * d > _MOST:
        return release
    t, X = moves(release, "answers"), release.X_public
    error = np.array([[np.cov((X * t[:, i, j, None]).T, bias=True) for j in range(k)] for i in range(b)]) * spread
    known = release.share_error
    return dataclasses.replace(release, share_error=error if known is None else error + known)


def stood_for(
    models: Sequence[LinearModel], table: pd.DataFrame, column: str | None, seed: int = 0
) -> tuple[pd.DataFrame, Floats | None]:
    """Return the public records that stand for training records with weights, and what they would have weighed.

    A record stays with a probability in proportion to its weight, so that those that are kept are different people,
    who are to what the models minimise as public records are to one whose records count alike.

    Raises
    ------
    InputError
        Where the models' files say that records weighed unevenly, and no column says what public ones would.
    """
    said = [model.weights for model in models if model.weights is not None]
    if column is None and not any(uneven(weights) for weights in said):
        return table, None
    if column is None:
        raise InputError(
            f"the models' training records had weights, from {said[0].min():.3g} to {said[0].max():.3g}, and public "
            "ones stand for these as far as they would have weighed: name the public table's column that says it ("
            "sample_weight=, --sample-weight), of ones where weights have nothing to do with the other columns"
        )
    if column not in table:
        raise InputError(
            f"the public table has no column {column!r}, which was to say what its records would have weighed "
            "(sample_weight, --sample-weight)"
        )
    weights, rows = _drawn(table[column], seed)
    return table.iloc[rows].reset_index(drop=True), weights


def named(
    sample_weight: ArrayLike | str | None, train: pd.DataFrame, public: pd.DataFrame
) -> tuple[Floats | None, pd.DataFrame, pd.DataFrame, pd.Series[Any] | None]:
    """Return training records' weights, the two tables without them, and what public records would have weighed.

    Weights may be a column of both tables, or of the training records alone.
    """
    if not isinstance(sample_weight, str):
        return None if sample_weight is None else record_factors(sample_weight, len(train)), train, public, None
    if sample_weight not in train:
        raise InputError(f"the training table has no column {sample_weight!r}, which was to say the records' weights")
    weights = record_factors(pd.to_numeric(train[sample_weight], errors="coerce"), len(train))
    counts = public.get(sample_weight)
    train, public = (table.drop(columns=sample_weight, errors="ignore") for table in (train, public))
    return weights, train, public, counts


def standing_for(
    model: LinearModel, public: pd.DataFrame, y_public: Any, counts: pd.Series[Any] | None, n: int
) -> tuple[pd.DataFrame, Any, Alike, list[str]]:
    """Return public records that stand for a model's training records, their targets, how alike they are, and notes.

    What a model's steps store is of records as they are, whatever these weighed for its coefficients.
    """
    known, y_public, rows, refused = accepted(model, public, y_public)
    refused = [*refused, *folded(known, model.design.uses)]
    like = alike(model, model.design.conformed(known), n, draw=counts is None)
    kept = like.kept if counts is None else _drawn(counts.iloc[rows], 0)[1]
    return *part(known, y_public, kept), like, refused


def _drawn(column: pd.Series[Any], seed: int) -> tuple[Floats, Indices]:
    """Return public records' weights (m,), and the rows that are kept."""
    weights = record_factors(pd.to_numeric(column, errors="coerce"), len(column))
    if not weights.any():
        raise InputError(f"the public table's column {column.name!r} is zero in every row: a weight counts somebody")
    sure = np.quantile(weights[weights > 0], _HEAVIEST)
    return weights, np.flatnonzero(np.random.default_rng(seed).random(len(weights)) * sure < weights)


def surveyed(release: Release, found: Counted) -> Release:
    """Return a release of two models whose files say what the records weighed, as `counted_alike` has them."""
    if found.weights is None:
        return release
    return others_unequal(release, found.weights) if found.told else unequal(release, found.weights)


def told_by(found: Counted) -> list[str]:
    """Return what a reader should know where the files say what the records weighed."""
    if found.weights is None:
        return []
    if not found.told:
        return told_of(found.weights)
    total = float(found.weights.sum())
    return [
        f"The files hold what the training records weighed, and so the deleted one's own: one part in {total:,.1f} of "
        f"all, as one of {found.n:,} that count alike. What it weighed goes into the target."
    ]


def refuse_weights(found: Counted) -> None:
    """Raise InputError where several people came between models whose records weighed unevenly."""
    if found.weights is not None:
        raise InputError(
            "several records came between models whose training records had weights: what each weighed is not known, "
            "nor so how hard it pulled; audit a step of one record"
        )


def unweighed(attack: Attack, weights: Floats) -> Attack:
    """Return an attack whose numbers of a target are as unsure as the deleted record's own weight makes them.

    What it takes for a residual is the record's own times its weight over the mean of all, w (n,).
    """
    own = weights[weights > NO_WEIGHT]
    return unsure_by(attack, float(np.sqrt(((weights.mean() / own - 1) ** 2).mean())))


def unsure_by(attack: Attack, times: float) -> Attack:
    """Return an attack to whose error of a numeric target so many times its distance from the prediction is added."""

    def run(release: Release, rng: np.random.Generator) -> Reconstruction:
        found = attack.run(release, rng)
        if release.target_kind != "number" or found.target is None or found.target_error is None:
            return found
        with np.errstate(invalid="ignore"):
            apart = np.abs(found.target - release.loss.mean(np.einsum("bd,dk->bk", found.X, release.W_before)))
        return dataclasses.replace(found, target_error=np.hypot(found.target_error, times * apart))

    return dataclasses.replace(attack, run=run)


def unweighed_by(found: Counted, attacks: Sequence[Attack]) -> list[Attack]:
    """Return attacks likewise, where two models do not say what the deleted record weighed."""
    if found.weights is None or found.told:
        return list(attacks)
    return [unweighed(attack, found.weights) for attack in attacks]


def told_of(weights: Floats, *, public: bool = True) -> list[str]:
    """Return what a reader should know of it; `public`: whether public records are kept by what they weigh."""
    own = weights[weights > NO_WEIGHT]
    if not uneven(own) and len(own) == len(weights):
        return []
    text = (
        f"The records had weights (sample_weight) from {own.min():.3g} to {own.max():.3g}, of which the attacker is "
        "told how uneven they are, not the deleted record's own: a target that is told holds within what these say"
    )
    if not public:
        text += ", and where the weights go with the columns public records stand for others than they should"
    return [f"{text}."]
