"""Puts the model after a deletion into the old model's space, or says precisely what stands in the way.

People refit the whole pipeline, so the two models scale their features differently. With both preprocessings
as polynomials of the raw columns, Z_after = M B_after and Z_before = M B_before over the same monomials M, and
the new model's parameters in the old space are the W with B_before W = B_after W_after: the same decision for
every record. Behind an embedding nothing can be folded: phi of other inputs is no combination of phi's features.
Then the embedding has to be the same, and what is before it too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from undelete.adapters.comparable import (
    EXACT,
    NotFoldable,
    check_columns,
    check_drawn,
    check_embedding,
    check_models,
    check_steps,
    check_texts,
    listing,
)
from undelete.adapters.design.design import Design, coefficient_matrix
from undelete.adapters.design.polynomial import Category, Monomial, recentre
from undelete.adapters.design.probed import Probed
from undelete.adapters.design.span import Span
from undelete.adapters.leaks import lost_categories, lost_indicators
from undelete.errors import InputError
from undelete.maths.arrays import Floats

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


def align(before: LinearModel, after: LinearModel, gapless: Collection[str] = ()) -> Floats:
    """Return the new model's parameters (d, k) in the old model's space.

    Parameters
    ----------
    before, after : LinearModel
        The models before and after the deletion.
    gapless : collection of str
        Raw columns in which no record has a missing cell, so that what an imputer would fill does not matter.

    Returns
    -------
    array (d, k)
        The W with x_before W = x_after W_after for every record. Exact to round-off of the *difference*:
        what is solved for is only the correction to W_after. A category that the new pipeline no longer has
        gets the coefficient 0.

    Raises
    ------
    InputError
        When the models are not two fits of one thing (loss, classes, outputs, penalty, kind, intercept,
        columns, steps), or a refitted step cannot be folded: another fill value, other categories, a scaler's
        shift without an intercept, other polynomial terms; another embedding, or any change before one.
    """
    lost = dict(lost_categories(before.design, after.design))  # its marks of missing cells are told by the fills
    if gapless:
        before, after = (replace(m, design=m.design.without_fills(gapless)) for m in (before, after))
    check_models(before, after)
    check_texts(before, after)
    if before.design is after.design:  # heads of one net
        check_drawn(before, after)
        return after.W
    if isinstance(before.design, Probed) or isinstance(after.design, Probed):
        check_columns(before, after)
        check_drawn(before, after)
        raise NotFoldable("the preprocessing is known by its transform alone")
    lost |= lost_indicators(before.design, after.design) | lost_categories(before.design, after.design)
    check_steps(before, after)
    if before.embedding is not None or after.embedding is not None:
        check_embedding(before, after)
        return after.W
    if before.texts:
        raise NotFoldable("the answers hold what words add")
    return _fold(before, after, lost)


def _fold(before: LinearModel, after: LinearModel, lost: Mapping[str, tuple[Category, ...]]) -> Floats:
    """Solve B_before W = B_after W_after for the correction to W_after."""
    old, new = before.design, after.design
    assert isinstance(old, Design)
    assert isinstance(new, Design)
    at = {name: j for j, name in enumerate(old.keys)}
    came = [name for name in new.keys if name not in at]
    gone = [name for name in old.keys if name not in set(new.keys)]
    still = [name for name in gone if not _only_lost(old, at[name], lost)]
    if came or still:
        raise InputError(
            f"the models have different features: {listing(still)} only before, {listing(came)} only after; give two "
            "models of the same features and polynomial terms"
        )
    start = np.zeros((old.d, after.W.shape[1]))
    start[[at[name] for name in new.keys]] = after.W
    polynomials = tuple(recentre(p, new.scaling, old.scaling) for p in new.polynomials)
    monomials: dict[Monomial, int] = {m: i for i, m in enumerate(old.monomials)}
    for polynomial in polynomials:
        for monomial in polynomial:
            monomials.setdefault(monomial, len(monomials))
    B_old, B_new = coefficient_matrix(old.polynomials, monomials), coefficient_matrix(polynomials, monomials)
    scatter = sp.csc_array((np.ones(new.d), ([at[name] for name in new.keys], np.arange(new.d))), shape=(old.d, new.d))
    # subtracting the matrices first leaves a small right side, so the correction loses no digits
    R = (B_new - B_old @ scatter) @ after.W
    V, left = Span(B_old).solve(R)
    size = np.abs(B_new) @ np.abs(after.W)
    if (np.abs(left) > EXACT * size.max(initial=0.0)).any():
        _explain(before, list(monomials), np.abs(left).max(axis=1))
    return start + V


def _only_lost(design: Design, feature: int, lost: Mapping[str, tuple[Category, ...]]) -> bool:
    """Return whether a feature is made of lost categories: constant for every record that remains."""
    return all(
        not monomial
        or any(a.categories is not None and set(a.categories) <= set(lost.get(a.column, ())) for a, _ in monomial)
        for monomial in design.polynomials[feature]
    )


def _explain(before: LinearModel, monomials: list[Monomial], left: Floats) -> None:
    """Say which refitted step cannot be folded."""
    worst = monomials[int(np.argmax(left))]
    columns = listing(repr(name) for name in dict.fromkeys(atom.column for atom, _ in worst))
    if not worst or (before.intercept is None and left[0] > 1e-3 * left.max()):
        raise InputError(
            f"the refitted steps ({listing(before.steps)}) shift the features and the model has no intercept to take "
            "up the shift, so the models cannot be compared; fit with an intercept or keep the steps as fitted"
        )
    raise NotFoldable(
        f"the refitted steps ({listing(before.steps)}) changed column {columns} in a way that no coefficient can "
        "undo; keep the steps as fitted before the deletion"
    )
