"""Reads fitted OneHotEncoder, OrdinalEncoder and SimpleImputer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import CONSTANT, Atom, Category, Polynomial
from undelete.adapters.sklearn.reading import Feature, RawCells, Reading, Unreadable, known_category
from undelete.errors import InputError


def one_hot(step: OneHotEncoder, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    """Return the indicators: frequent categories in the encoder's order, then the infrequent group."""
    result: list[Feature] = []
    drops: Sequence[Any] = [None] * len(features) if step.drop_idx_ is None else step.drop_idx_
    for i, feature in enumerate(features):
        cells = _raw(feature, step)
        known = _categories(step, i, cells.column)
        rare = _infrequent(step, i, cells.column)
        # with this option a category that was never seen counts as infrequent
        takes_unseen = step.handle_unknown == "infrequent_if_exist" and bool(rare)
        groups: list[tuple[Atom, str]] = []
        for cell in known:
            if cell not in rare:
                groups.append((Atom(cells.column, (cell,), fills=cells.fills), _label(cell)))
        if rare:
            frequent = tuple(cell for cell in known if cell not in rare)
            atom = Atom(cells.column, frequent if takes_unseen else rare, takes_unseen, fills=cells.fills)
            alone = len(rare) == 1 and not takes_unseen
            groups.append((atom, _label(rare[0]) if alone else "infrequent"))
        dropped: tuple[Category, ...] = ()
        if drops[i] is not None:
            gone = known[int(drops[i])]
            dropped = rare if gone in rare else (gone,)
            del groups[-1 if gone in rare else [c for c in known if c not in rare].index(gone)]
        atoms = tuple(atom for atom, _ in groups)
        refuses = step.handle_unknown == "error"
        reading.encodings.append(Encoding(cells.column, cells.fills, known, dropped, refuses, False, atoms))
        result += [Feature(f"{feature.name}={label}", {((atom, 1),): 1.0}) for atom, label in groups]
    return result


def ordinal(step: OrdinalEncoder, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    """Return one column of codes for each column."""
    result: list[Feature] = []
    for i, feature in enumerate(features):
        cells = _raw(feature, step)
        known = _categories(step, i, cells.column)
        rare = _infrequent(step, i, cells.column)
        frequent = [cell for cell in known if cell not in rare and cell is not None]
        codes: dict[Category, float] = {cell: float(code) for code, cell in enumerate(frequent)}
        codes.update({cell: float(len(frequent)) for cell in rare})
        missing = float(step.encoded_missing_value)
        if None in known and not np.isnan(missing):
            codes[None] = missing
        refuses = step.handle_unknown == "error"
        unseen = None if refuses else float(step.unknown_value)
        if None not in known and unseen is not None and not np.isnan(unseen):
            codes[None] = unseen
        atom = Atom(cells.column, codes=tuple(codes.items()), unseen=unseen, fills=cells.fills)
        reading.encodings.append(Encoding(cells.column, cells.fills, known, (), refuses, True, (atom,)))
        result.append(Feature(feature.name, reading.code(atom)))
    return result


def impute(step: SimpleImputer, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    """Return the columns with their missing cells filled, then the indicators of missing cells."""
    marker = known_category(step.missing_values, "SimpleImputer", features[0].name if features else "")
    statistics = list(np.asarray(step.statistics_, dtype=object).ravel())
    if len(statistics) != len(features):
        raise InputError(
            f"SimpleImputer has {len(statistics)} fill values for {len(features)} columns: the file is damaged"
        )
    result: list[Feature] = []
    for feature, statistic in zip(features, statistics, strict=True):
        value = known_category(statistic, "SimpleImputer", feature.name)
        if value is None:  # the column had no cell to learn from: scikit-learn leaves it out
            continue
        if isinstance(feature.content, RawCells):
            filled = RawCells(feature.content.column, (*feature.content.fills, (marker, value)))
            result.append(Feature(feature.name, filled))
        else:
            result.append(Feature(feature.name, _fill(feature, marker, value, reading)))
    if step.add_indicator:
        for i in np.asarray(step.indicator_.features_).ravel():
            cells = _raw(features[int(i)], step)
            atom = Atom(cells.column, (marker,), fills=cells.fills)
            result.append(Feature(f"{features[int(i)].name}={_label(marker)}", {((atom, 1),): 1.0}))
    return result


def _fill(feature: Feature, marker: Category, value: Category, reading: Reading) -> Polynomial:
    """Return a computed column with its missing cells filled: the fill value is carried back to the raw one."""
    polynomial: Polynomial = feature.content  # type: ignore[assignment]  # raw cells took the other way
    open_atoms = {a for m in polynomial for a, _ in m if not a.indicator and not a.fills_missing}
    if not open_atoms and marker is None:
        return polynomial  # nothing in it can be missing
    atom = next(iter(open_atoms), None)
    line: set[Any] = {CONSTANT, ((atom, 1),)}
    if atom is None or marker is not None or not set(polynomial) <= line or isinstance(value, str):
        raise Unreadable(f"SimpleImputer fills {feature.name!r} after steps that computed with it")
    slope, shift = polynomial[((atom, 1),)], polynomial.get(CONSTANT, 0.0)
    centre, scale = reading.scaling[atom]
    raw = centre + scale * ((value or 0.0) - shift) / slope
    if atom.codes is None:
        filled = replace(atom, fills=(*atom.fills, (None, raw)))
    else:
        unseen = raw if atom.unseen is not None and np.isnan(atom.unseen) else atom.unseen
        filled = replace(atom, codes=(*atom.codes, (None, raw)), unseen=unseen)
    reading.scaling[filled] = (centre, scale)
    return {(((filled, 1),) if monomial else CONSTANT): c for monomial, c in polynomial.items()}


def _raw(feature: Feature, step: Any) -> RawCells:
    if isinstance(feature.content, RawCells):
        return feature.content
    raise Unreadable(f"{type(step).__name__} reads {feature.name!r} after steps that computed with it")


def _categories(step: Any, i: int, column: str) -> tuple[Category, ...]:
    return tuple(known_category(cell, type(step).__name__, column) for cell in step.categories_[i])


def _infrequent(step: Any, i: int, column: str) -> tuple[Category, ...]:
    """Return the categories that share one indicator or code."""
    groups = getattr(step, "infrequent_categories_", None)
    if groups is None or groups[i] is None:
        return ()
    return tuple(known_category(cell, type(step).__name__, column) for cell in groups[i])


def _label(cell: Category) -> str:
    if cell is None:
        return "missing"
    return f"{cell:g}" if isinstance(cell, float) else cell
