"""Puts the model after a deletion into the old model's space, or says precisely what stands in the way.

People refit the whole pipeline, so the two models scale their features differently. With both preprocessings
as polynomials of the raw columns, Z_after = M B_after and Z_before = M B_before over the same monomials M, and
the new model's parameters in the old space are the W with B_before W = B_after W_after: the same decision for
every record. Behind an embedding nothing can be folded: phi of other inputs is no combination of phi's features.
Then the embedding has to be the same, and what is before it too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import scipy.sparse as sp

from undelete.adapters.design.design import Design, Encoding, coefficient_matrix
from undelete.adapters.design.polynomial import CONSTANT, Atom, Category, Monomial, recentre
from undelete.adapters.design.probed import Probed
from undelete.adapters.design.span import Span
from undelete.adapters.leaks import lost_categories, place, sentences
from undelete.errors import InputError
from undelete.maths.arrays import Floats

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


class NotFoldable(InputError):
    """The new preprocessing cannot be written in the old one's features; the models are two fits of one thing."""


_EXACT = 1e-11  # of the largest term: round-off is below, the shift of a mean by one record in 10^8 above


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
    if gapless:
        before, after = (replace(m, design=m.design.without_fills(gapless)) for m in (before, after))
    _check_models(before, after)
    if isinstance(before.design, Probed) or isinstance(after.design, Probed):
        _check_columns(before, after)
        _check_drawn(before, after)
        raise NotFoldable("the preprocessing is known by its transform alone")
    lost = lost_categories(before.design, after.design)
    _check_steps(before, after)
    if before.embedding is not None or after.embedding is not None:
        _check_embedding(before, after)
        return after.W
    return _fold(before, after, lost)


def _check_models(before: LinearModel, after: LinearModel) -> None:
    """Refuse two models that are not two fits of one estimator."""
    kinds = [model.kind.removesuffix("CV") for model in (before, after)]
    if kinds[0] != kinds[1] and "LinearModel" not in kinds:
        _refuse("kind of model", before.kind, after.kind)
    if before.loss != after.loss:
        _refuse("loss", before.loss, after.loss)
    if before.classes is not None or after.classes is not None:
        classes = [[str(c) for c in model.classes or ()] for model in (before, after)]
        if classes[0] != classes[1]:
            _refuse("classes", _shown(classes[0]), _shown(classes[1]))
    if before.coef.shape[0] != after.coef.shape[0]:
        _refuse("number of outputs", before.coef.shape[0], after.coef.shape[0])
    if (before.intercept is None) != (after.intercept is None):
        words = ["without an intercept" if m.intercept is None else "with an intercept" for m in (before, after)]
        _refuse("intercept", *words)
    _check_penalty(before, after)


def _check_penalty(before: LinearModel, after: LinearModel) -> None:
    if before.l2 is None or after.l2 is None:
        return
    old = dict(zip(_parameters(before), before.l2.tolist(), strict=True))
    new = dict(zip(_parameters(after), after.l2.tolist(), strict=True))
    for name in [name for name in old if name in new]:
        if not np.isclose(old[name], new[name], rtol=1e-9, atol=0.0):
            chosen = " (cross-validation chose another)" if before.kind.endswith("CV") else ""
            what = "of the intercept " if name == CONSTANT else ""
            raise InputError(
                f"the penalty l2 {what}is {old[name]:.6g} before and {new[name]:.6g} after{chosen}: the change of the "
                "parameters is then not the deletion's alone; retrain with the old penalty"
            )


def _parameters(model: LinearModel) -> tuple[str | Monomial, ...]:
    """Return what tells a model's features apart, the constant last."""
    if model.embedding is None:
        return model.design.keys
    return (*(f"phi{j}" for j in range(model.embedding.features)), *((CONSTANT,) if model.has_constant else ()))


def _refuse(what: str, old: object, new: object) -> NoReturn:
    raise InputError(
        f"the models differ in their {what}: {old} before, {new} after; give the same model before and after "
        "the deletion"
    )


def _shown(items: Iterable[object]) -> str:
    listed = [str(item) for item in items]
    return ", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "") if listed else "none"


def _check_steps(before: LinearModel, after: LinearModel) -> None:
    """Refuse preprocessings that are not two fits of the same steps."""
    _check_columns(before, after)
    old, new = before.design, after.design
    _check_fills(old, new)
    encodings = [{place(e): e for e in design.encodings} for design in (old, new)]
    for at, encoding in encodings[0].items():
        if at in encodings[1]:
            _check_encoding(encoding, encodings[1][at])


def _check_columns(before: LinearModel, after: LinearModel) -> None:
    old, new = before.design, after.design
    if set(old.raw) != set(new.raw):
        gone, came = sorted(set(old.raw) - set(new.raw)), sorted(set(new.raw) - set(old.raw))
        raise InputError(
            f"the models read different columns: {_shown(gone)} only before, {_shown(came)} only after; give two "
            "models of the same columns"
        )
    if before.steps != after.steps:
        _refuse("preprocessing steps", _shown(before.steps), _shown(after.steps))


def fitted_anew(before: LinearModel, after: LinearModel) -> bool:
    """Return whether the preprocessing of two models differs in any number: it was fitted anew.

    Of steps that are known by their answers alone, the numbers that they store are compared.
    """
    old, new = before.design, after.design
    if isinstance(old, Design) and isinstance(new, Design):
        return _moved_input(old, new) is not None
    return before.means != after.means or before.extremes != after.extremes


def changed_fills(before: Design | Probed, after: Design | Probed) -> tuple[str, ...]:
    """Return the raw columns whose imputers fill another value after the deletion."""
    old, new = _fills(before), _fills(after)
    return tuple(sorted(column for column in old.keys() & new.keys() if old[column] != new[column]))


def _check_fills(old: Design | Probed, new: Design | Probed) -> None:
    fills = [_fills(design) for design in (old, new)]
    for column in changed_fills(old, new):
        a, b = (_shown(repr(v) for v in sorted(f[column], key=repr)) for f in fills)
        raise NotFoldable(
            f"the imputer of column {column!r} fills {a} before and {b} after: records with a missing cell then "
            "moved, which no coefficient can undo; keep the imputer as fitted before the deletion"
        )


def _fills(design: Design | Probed) -> Mapping[str, set[Category]]:
    """Return, for each raw column, the values that imputers put in."""
    found: dict[str, set[Category]] = {}
    for atom in design.atoms:
        found.setdefault(atom.column, set()).update(value for _, value in atom.fills)
    return found


def _check_encoding(old: Encoding, new: Encoding) -> None:
    """Refuse encoders between which more changed than a category that is gone."""
    gone = [c for c in old.known if c not in new.known]
    came = [c for c in new.known if c not in old.known]
    grouped = [{atom for atom in e.groups if _shared(atom)} for e in (old, new)]
    if came or (gone and old.ordinal):
        why = f"{_shown(map(repr, gone))} only before, {_shown(map(repr, came))} only after"
    elif set(old.dropped) != set(new.dropped):
        why = f"{_shown(map(repr, old.dropped))} dropped before, {_shown(map(repr, new.dropped))} after"
    elif grouped[0] != grouped[1]:
        why = "another group of infrequent categories"
    elif old.ordinal and set(old.groups) != set(new.groups):
        why = "other codes"
    else:
        return
    alone = f"the deleted record alone had {_shown(map(repr, gone))}, and " if gone and not came else ""
    raise NotFoldable(
        f"the categories of column {old.column!r} differ ({why}): {alone}the features then mean something else, which "
        "no coefficient can undo; keep the encoder as fitted before the deletion"
    )


def _shared(atom: Atom) -> bool:
    return atom.negated or len(atom.categories or ()) > 1


def _check_drawn(before: LinearModel, after: LinearModel) -> None:
    """Refuse two models unless they have the same embedding; with what they give away anyhow."""
    old, new = before.embedding, after.embedding
    if old is None and new is None:
        return
    if old is None or new is None or old.name != new.name:
        _refuse("embedding", *("none" if phi is None else phi.name for phi in (old, new)))
    drawn, other = old.arrays(), new.arrays()
    if any(drawn[name].shape != other[name].shape or (drawn[name] != other[name]).any() for name in drawn):
        raise InputError(
            "the two models have different embeddings, which are drawn anew in each fit: their coefficients belong to "
            "other features; fix random_state (and gamma as a number), or keep the transformer as fitted before the "
            f"deletion{_anyhow(before, after)}"
        )


def _check_embedding(before: LinearModel, after: LinearModel) -> None:
    """Refuse an embedding that was drawn anew; say which of its inputs moved."""
    _check_drawn(before, after)
    assert isinstance(before.design, Design)
    assert isinstance(after.design, Design)
    moved = _moved_input(before.design, after.design)
    if moved is not None:
        raise NotFoldable(
            f"the steps before the embedding ({_shown(before.steps[:-1])}) were refitted and changed {moved!r}: the "
            "embedding of another scaling cannot be written in the old one's features; keep them as fitted before the "
            f"deletion{_anyhow(before, after)}"
        )


def _anyhow(before: LinearModel, after: LinearModel) -> str:
    told = " ".join(sentences(before, after))
    return f". Whatever the models say: {told.removesuffix('.')}" if told else ""


def _moved_input(old: Design, new: Design) -> str | None:
    """Return the first of an embedding's inputs that is another function of the raw columns, None if none is."""
    if old.feature_names != new.feature_names:
        return next(iter({*old.feature_names} ^ {*new.feature_names}), old.feature_names[0])
    for name, want, have in zip(old.feature_names, old.polynomials, new.polynomials, strict=True):
        got = recentre(have, new.scaling, old.scaling)
        size = max([abs(c) for c in (*want.values(), *got.values())], default=0.0)
        if any(abs(want.get(m, 0.0) - got.get(m, 0.0)) > _EXACT * size for m in {*want, *got}):
            return name
    return None


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
            f"the models have different features: {_shown(still)} only before, {_shown(came)} only after; give two "
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
    if (np.abs(left) > _EXACT * size.max(initial=0.0)).any():
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
    columns = _shown(repr(name) for name in dict.fromkeys(atom.column for atom, _ in worst))
    if not worst or (before.intercept is None and left[0] > 1e-3 * left.max()):
        raise InputError(
            f"the refitted steps ({_shown(before.steps)}) shift the features and the model has no intercept to take "
            "up the shift, so the models cannot be compared; fit with an intercept or keep the steps as fitted"
        )
    raise NotFoldable(
        f"the refitted steps ({_shown(before.steps)}) changed column {columns} in a way that no coefficient can "
        "undo; keep the steps as fitted before the deletion"
    )
