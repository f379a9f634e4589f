"""Whether two models can be compared at all: what has to be the same in both, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from undelete.adapters.design.design import Design
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import Atom, Category, recentre
from undelete.adapters.design.probed import Probed
from undelete.adapters.leaks import place, sentences
from undelete.adapters.stored.compare import differ
from undelete.adapters.stored.statistic import Statistic
from undelete.errors import InputError
from undelete.maths.embeddings import EMBEDDINGS

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel

EXACT = 1e-11  # of the largest term: round-off is below, the shift of a mean by one record in 10^8 above


def check_models(before: LinearModel, after: LinearModel) -> None:
    """Refuse two models that are not two fits of one estimator."""
    kinds = [model.kind.removesuffix("CV") for model in (before, after)]
    if kinds[0] != kinds[1] and "LinearModel" not in kinds:
        _refuse("kind of model", before.kind, after.kind)
    if _but_for_scale(before.loss) != _but_for_scale(after.loss):
        _refuse("loss", before.loss, after.loss)
    if before.class_weights != after.class_weights:
        _refuse("class weights", before.class_weights, after.class_weights)
    if before.classes is not None or after.classes is not None:
        classes = [[str(c) for c in model.classes or ()] for model in (before, after)]
        if classes[0] != classes[1]:
            _refuse("classes", listing(classes[0]), listing(classes[1]))
    if before.coef.shape[0] != after.coef.shape[0]:
        _refuse("number of outputs", before.coef.shape[0], after.coef.shape[0])
    if (before.intercept is None) != (after.intercept is None):
        words = ["without an intercept" if m.intercept is None else "with an intercept" for m in (before, after)]
        _refuse("intercept", *words)


def _but_for_scale(loss: str) -> str:
    """Return a loss without what is fitted with the coefficients: Huber's scale, a negative binomial's dispersion."""
    if loss.startswith("negative_binomial("):
        return "negative_binomial"
    return loss.rsplit(",", 1)[0] if loss.startswith("huber(") else loss


def _refuse(what: str, old: object, new: object) -> NoReturn:
    raise InputError(
        f"the models differ in their {what}: {old} before, {new} after; give the same model before and after "
        "the deletion"
    )


def listing(items: Iterable[object]) -> str:
    """Return the first of some items in a line; "none" where there is none."""
    listed = [str(item) for item in items]
    return ", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "") if listed else "none"


def check_steps(before: LinearModel, after: LinearModel) -> None:
    """Refuse preprocessings that are not two fits of the same steps."""
    check_columns(before, after)
    old, new = before.design, after.design
    _check_fills(old, new)
    encodings = [{place(e): e for e in design.encodings} for design in (old, new)]
    for at, encoding in encodings[0].items():
        if at in encodings[1]:
            _check_encoding(encoding, encodings[1][at])


def check_texts(before: LinearModel, after: LinearModel) -> None:
    """Refuse models that read other columns as text, or by other steps."""
    read = [{one.column: listing(one.model.steps) for one in model.texts} for model in (before, after)]
    if read[0] != read[1]:
        _refuse("columns of text", *(listing(f"{name} ({steps})" for name, steps in one.items()) for one in read))


def check_columns(before: LinearModel, after: LinearModel) -> None:
    """Refuse models that read different raw columns."""
    old, new = before.design, after.design
    if set(old.raw) != set(new.raw):
        gone, came = sorted(set(old.raw) - set(new.raw)), sorted(set(new.raw) - set(old.raw))
        raise InputError(
            f"the models read different columns: {listing(gone)} only before, {listing(came)} only after; give two "
            "models of the same columns"
        )
    if before.steps != after.steps:
        _refuse("preprocessing steps", listing(before.steps), listing(after.steps))


def fitted_anew(before: LinearModel, after: LinearModel) -> bool:
    """Return whether the preprocessing of two models differs in any number: it was fitted anew.

    Of steps that are known by their answers alone, the numbers that they store are compared; what the estimator
    stores of its records is none of them.
    """
    old, new = before.design, after.design
    if isinstance(old, Design) and isinstance(new, Design):
        return _moved_input(old, new) is not None
    steps = [[one for one in model.stored if _class_of(one) != model.kind] for model in (before, after)]
    return differ(*steps)


def _class_of(statistic: Statistic) -> str:
    """Return the class that stores it: `steps > StandardScaler.mean_` is StandardScaler's."""
    return statistic.source.rpartition(" > ")[2].partition(".")[0]


def changed_fills(before: Design | Probed, after: Design | Probed) -> tuple[str, ...]:
    """Return the raw columns whose imputers fill another value after the deletion."""
    old, new = _fills(before), _fills(after)
    return tuple(sorted(column for column in old.keys() & new.keys() if old[column] != new[column]))


def _check_fills(old: Design | Probed, new: Design | Probed) -> None:
    fills = [_fills(design) for design in (old, new)]
    for column in changed_fills(old, new):
        a, b = (listing(repr(v) for v in sorted(f[column], key=repr)) for f in fills)
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
        why = f"{listing(map(repr, gone))} only before, {listing(map(repr, came))} only after"
    elif set(old.dropped) != set(new.dropped):
        why = f"{listing(map(repr, old.dropped))} dropped before, {listing(map(repr, new.dropped))} after"
    elif grouped[0] != grouped[1]:
        why = "another group of infrequent categories"
    elif old.ordinal and set(old.groups) != set(new.groups):
        why = "other codes"
    else:
        return
    alone = f"the deleted record alone had {listing(map(repr, gone))}, and " if gone and not came else ""
    raise NotFoldable(
        f"the categories of column {old.column!r} differ ({why}): {alone}the features then mean something else, which "
        "no coefficient can undo; keep the encoder as fitted before the deletion"
    )


def _shared(atom: Atom) -> bool:
    return atom.negated or len(atom.categories or ()) > 1


def check_drawn(before: LinearModel, after: LinearModel) -> None:
    """Refuse two models unless they have the same embedding; with what they give away anyhow."""
    old, new = before.embedding, after.embedding
    if old is None and new is None:
        return
    if old is None or new is None or old.name != new.name:
        _refuse("embedding", *("none" if phi is None else phi.name for phi in (old, new)))
    drawn, other = old.arrays(), new.arrays()
    same = drawn.keys() == other.keys() and all(np.array_equal(drawn[name], other[name]) for name in drawn)
    if old is new or same:
        return
    if old.name not in EMBEDDINGS:
        raise InputError(
            "the two models have different nets under them: their coefficients belong to other features; give two "
            "heads of one frozen net"
        )
    raise InputError(
        "the two models have different embeddings, which are drawn anew in each fit: their coefficients belong to "
        "other features; fix random_state (and gamma as a number), or keep the transformer as fitted before the "
        f"deletion{_anyhow(before, after)}"
    )


def check_embedding(before: LinearModel, after: LinearModel) -> None:
    """Refuse an embedding that was drawn anew; say which of its inputs moved."""
    check_drawn(before, after)
    assert isinstance(before.design, Design)
    assert isinstance(after.design, Design)
    moved = _moved_input(before.design, after.design)
    if moved is not None:
        raise NotFoldable(
            f"the steps before the embedding ({listing(before.steps[:-1])}) were refitted and changed {moved!r}: the "
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
        if any(abs(want.get(m, 0.0) - got.get(m, 0.0)) > EXACT * size for m in {*want, *got}):
            return name
    return None


class NotFoldable(InputError):
    """The new preprocessing cannot be written in the old one's features; the models are two fits of one thing."""
