"""What a refitted preprocessing gives away of the deleted record by itself, without any attack on the model.

What an estimator stores is read and compared by `undelete.adapters.stored`; here it is put in a reader's words, and in
those of the models that are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.design import Design
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import Atom, Category
from undelete.adapters.design.probed import Probed
from undelete.adapters.stored.change import Change
from undelete.adapters.stored.compare import compare
from undelete.adapters.stored.given import OR_MISSING
from undelete.adapters.stored.statistic import TARGET, TRANSFORMED
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Nystroem

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


OF_TARGET = (TARGET, TRANSFORMED)
_DIGITS = 1e8 / np.pi  # rows equal to eight digits are one record; no round fraction falls on a half here


def between(before: LinearModel, after: LinearModel) -> Change:
    """Return what two models' files say of who came between."""
    return compare(before.stored, after.stored)


def sentences(before: LinearModel, after: LinearModel, but: Collection[str] = ()) -> list[str]:
    """Say what two models' files give away of the deleted record by themselves, for a reader; `but` of some columns."""
    found = []
    rows = [row for row in between(before, after).own if row.column not in but]
    columns = list(dict.fromkeys(r.column for r in rows if r.kind == "value" and r.exact and r.column not in OF_TARGET))
    if columns:
        found.append(
            "The two pipelines' scalers give values of the deleted record away exactly, without any attack: n times "
            f"the old mean less n - 1 times the new one, for {_listed(columns)}."
            if before.steps
            else "What the two files store beside the coefficients (their covariance, or means of records) "
            f"gives values of the deleted record away exactly, without any attack, for {_listed(columns)}."
        )
    extremes = sorted({row.column for row in rows if row.kind in ("extreme", "magnitude")})
    if extremes:
        found.append(
            f"The least or greatest value a scaler stores for {_listed(extremes)} changed: the old one "
            "is the deleted record's own, exactly."
        )
    lost = lost_categories(before.design, after.design)
    encoded = {encoding.column for encoding in before.design.encodings}
    for column in lost:
        found.append(
            f"The new encoder of column {column!r} lacks a category that the old one knew: the deleted record was the "
            "only one that had it."
            if column in encoded
            else f"The new imputer of column {column!r} has no indicator of missing cells any more: the deleted record "
            "was the only one with such a cell."
        )
    rest = list(
        dict.fromkeys(
            row.column
            for row in rows
            if row.kind in ("category", "category or missing", "missing") and row.column not in lost
        )
    )
    if rest:
        found.append(
            f"What the two files store of {_listed(rest)} differs by the deleted record's own category or missing "
            "cell, exactly."
        )
    if TARGET in exact_values(before, after):
        found.append(
            "The target's mean, or its classes' numbers of records, which the two files store, differ by the deleted "
            "record's own target, exactly."
        )
    if basis_leak(before, after) is not None:
        found.append(
            "The old Nystroem transformer stores one record that the new one lacks: it is the deleted record as it "
            "stands."
        )
    return found


def exact_values(before: LinearModel, after: LinearModel) -> dict[str, Category]:
    """Return the deleted record's values that the two files give away exactly, by raw column, and its target.

    A category that an imputer also writes is among them: the column says how such a value is shown.
    """
    lost = lost_categories(before.design, after.design)
    values: dict[str, Category] = {column: gone[0] for column, gone in lost.items() if len(gone) == 1}
    for row in between(before, after).own:
        exact = row.exact and row.kind in ("value", "extreme", "category", "class")
        if (exact or row.kind == "category or missing") and row.column not in values:
            values[row.column] = row.value
    return values


def ranges(before: LinearModel, after: LinearModel, n: int | None) -> dict[str, tuple[float, float, bool]]:
    """Return between which ends the two files say that the deleted record's numbers lie, and whether it may be missing.

    By raw column. `n` is how many records the first was fitted on, for files that do not say it.
    """
    found: dict[str, tuple[float, float, bool]] = {}
    for row in compare(before.stored, after.stored, n).own:
        if row.kind.removesuffix(OR_MISSING) == "range":
            low, high, missing = found.get(row.column, (-np.inf, np.inf, True))
            found[row.column] = max(low, row.low), min(high, row.high), missing and row.kind.endswith(OR_MISSING)
    return {column: ends for column, ends in found.items() if np.isfinite(ends[:2]).any()}


def lost_categories(before: Design | Probed, after: Design | Probed) -> dict[str, tuple[Category, ...]]:
    """Return, for each raw column, the categories that only the old encoders know.

    Each is a value that no record but the deleted one had.
    """
    later = {place(encoding): set(encoding.known) for encoding in after.encodings}
    lost: dict[str, tuple[Category, ...]] = {}
    for encoding in before.encodings:
        gone = [c for c in encoding.known if c not in later.get(place(encoding), set(encoding.known))]
        if gone:
            lost[encoding.column] = tuple(gone)
    there = {(atom.column, marker) for atom, marker in _marked(after.atoms)}
    for atom, marker in _marked(before.atoms):  # an imputer's indicators are of columns in which somebody's was missing
        if (atom.column, marker) not in there and isinstance(after, Design) and atom.column not in lost:
            lost[atom.column] = (marker,)
    return lost


def lost_indicators(before: Design | Probed, after: Design | Probed) -> dict[str, tuple[Category, ...]]:
    """Return, for each raw column, the categories of whose indicators only the old features have any.

    Of models that say no encoder: R's, a formula's, a plain file's. Where the category that nobody has any more had no
    indicator, another one has lost its own.
    """
    encoded = {encoding.column for design in (before, after) for encoding in design.encodings}
    marks = [
        {(a.column, a.categories[0]) for a in design.atoms
         if a.categories is not None and len(a.categories) == 1 and not a.negated and a.categories != (None,)}
        - {(a.column, marker) for a, marker in _marked(design.atoms)}
        for design in (before, after)
    ]  # fmt: skip
    gone, came = marks[0] - marks[1], {column for column, _ in marks[1] - marks[0]}
    lost: dict[str, tuple[Category, ...]] = {}
    for column, value in sorted(gone, key=repr):
        if column not in encoded | came:
            lost[column] = (*lost.get(column, ()), value)
    return lost


def _marked(atoms: Iterable[Atom]) -> Iterator[tuple[Atom, Category]]:
    """Yield the indicators of a mark of missing cells among some atoms, and the mark."""
    for atom in atoms:
        marks = {marker for other in atoms if other.column == atom.column for marker, _ in other.fills}
        if atom.categories is not None and len(atom.categories) == 1 and atom.categories[0] in marks:
            yield atom, atom.categories[0]


def place(encoding: Encoding) -> tuple[str, bool, object]:
    """Return what tells an encoder from the others of a pipeline: its column, kind and imputation."""
    return encoding.column, encoding.ordinal, encoding.fills


def basis_leak(before: LinearModel, after: LinearModel) -> Floats | None:
    """Return the record (d0,) that only the old Nystroem transformer stores, as the preprocessing makes it.

    None unless all others are in both: a transformer that was fitted anew draws other records. That it is the
    deleted record holds where the basis was drawn from the training records, and kept but for it.
    """
    old, new = before.embedding, after.embedding
    if not isinstance(old, Nystroem) or not isinstance(new, Nystroem) or old.inputs != new.inputs:
        return None
    gone = np.flatnonzero(~among(old.basis, new.basis))
    came = np.flatnonzero(~among(new.basis, old.basis))
    return np.array(old.basis[gone[0]]) if len(gone) == 1 and len(came) <= 1 else None


def stored_records(model: LinearModel) -> Floats | None:
    """Return the records (B, d0) that a Nystroem transformer stores as they are; None for another embedding."""
    return model.embedding.basis if isinstance(model.embedding, Nystroem) else None


def among(rows: Floats, others: Floats) -> NDArray[np.bool_]:
    """Return which rows (n, d0) are, to eight digits, rows of others (m, d0)."""
    keys = {row.tobytes() for row in np.round(others * _DIGITS) + 0.0}  # no negative zeros
    return np.array([row.tobytes() in keys for row in np.round(rows * _DIGITS) + 0.0], dtype=bool)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
