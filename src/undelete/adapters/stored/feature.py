"""What a column that flows through fitted steps says of a raw column: carried along in each file by itself.

A scaler's mean is stored in the units that its step is given. Where these are an affine function of a raw column the
statistic is turned back into the column's own units with the same file's numbers, so that two files can be compared
whatever was refitted before the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np

from undelete.adapters.stored.inert import Part, part_of
from undelete.maths.arrays import Floats

_PRODUCTS = 20_000  # of a polynomial step, up to which its features are told apart


@dataclass(frozen=True)
class Feature:
    """One column between two steps.

    Parameters
    ----------
    name : str
        Of the feature.
    column : str or None
        The raw column, or fixed function of raw columns ("age^2"), that it stands for; None where other records move
        it too, so that nothing follows for one.
    slope, offset : float
        The raw number is slope times the feature plus offset.
    category : anything
        Where the raw number is 0 or 1 and says whether the column has this value; None where it is a number.
    other : anything
        Of a column with two values, the one that a 0 says; None where there are more.
    codes : tuple or None
        Where the raw number is a position in this list of values.
    fills : tuple
        What imputers put in place of a missing cell.
    marks : tuple
        Of each of them which cell it takes as missing.
    word : bool
        Whether the raw number counts a word of a document.
    """

    name: str
    column: str | None
    slope: float = 1.0
    offset: float = 0.0
    category: Any = None
    other: Any = None
    codes: tuple[Any, ...] | None = None
    fills: tuple[Any, ...] = ()
    marks: tuple[Any, ...] = ()
    word: bool = False

    def rescaled(self, slope: float, offset: float) -> Feature:
        """Return a later feature f, of which this one is slope f + offset."""
        return replace(self, slope=self.slope * slope, offset=self.slope * offset + self.offset)

    def raw(self, value: float) -> float:
        """Return a feature's value in the raw column's units."""
        return self.slope * value + self.offset

    @property
    def noise(self) -> float:
        """By about how much a raw value may have moved by being scaled and turned back."""
        return 0.0 if (self.slope, self.offset) == (1.0, 0.0) else 1e-12 * (abs(self.slope) + abs(self.offset))

    @property
    def label(self) -> str:
        """What tells it from other features of the same column."""
        return f"{self.column}={self.category}" if self.category is not None else str(self.column)


Flow = Callable[[Part, Sequence[Feature]], list[Feature]]


def derived(part: Part, count: int) -> list[Feature]:
    """Return features of which nothing is known but how many there are."""
    return [Feature(f"{part.kind.lower()}{j}", None) for j in range(count)]


def _standard(part: Part, features: Sequence[Feature]) -> list[Feature]:
    mean = part.array("mean_") if part["with_mean"] in (None, True) else None
    return _affine(features, part.array("scale_"), mean)


def _min_max(part: Part, features: Sequence[Feature]) -> list[Feature]:
    scale, least = part.array("scale_"), part.array("min_")
    if scale is None or least is None:
        return derived(part, len(features))
    return _affine(features, 1 / scale, -least / scale)


def _max_abs(part: Part, features: Sequence[Feature]) -> list[Feature]:
    return _affine(features, part.array("scale_"), None)


def _robust(part: Part, features: Sequence[Feature]) -> list[Feature]:
    return _affine(features, part.array("scale_"), part.array("center_"))


def _affine(features: Sequence[Feature], scale: Floats | None, centre: Floats | None) -> list[Feature]:
    size = len(features)
    scales = np.ones(size) if scale is None else scale
    centres = np.zeros(size) if centre is None else centre
    return [f.rescaled(float(a), float(b)) for f, a, b in zip(features, scales, centres, strict=True)]


def _one_hot(part: Part, features: Sequence[Feature]) -> list[Feature]:
    result = []
    dropped = part["drop_idx_"]
    grouped = part["_default_to_infrequent_mappings"] or [None] * len(features)
    for j, (feature, cells) in enumerate(zip(features, part["categories_"], strict=True)):
        left_out = None if dropped is None else dropped[j]
        groups = grouped[j]
        count = len(cells) if groups is None else int(np.max(groups)) + 1
        held = [[k] if groups is None else np.flatnonzero(np.asarray(groups) == k).tolist() for k in range(count)]
        values = [cells[own[0]] if len(own) == 1 else " or ".join(str(cells[k]) for k in own[:20]) for own in held]
        for own, value in zip(held, values, strict=True):
            if left_out is not None and left_out in own:
                continue
            plain = feature.column is not None and feature.codes is None and feature.category is None
            other = next((one for one in values if one is not value), None) if count == 2 else None
            name, column = f"{feature.name}={value}", feature.column if plain else None
            one = Feature(name, column, category=value, other=other, fills=feature.fills, marks=feature.marks)
            result.append(one)
    return result


def _ordinal(part: Part, features: Sequence[Feature]) -> list[Feature]:
    cells = part["categories_"]
    return [replace(f, codes=tuple(np.asarray(known).tolist())) for f, known in zip(features, cells, strict=True)]


def _impute(part: Part, features: Sequence[Feature]) -> list[Feature]:
    statistics = np.asarray(part["statistics_"], dtype=object)
    result = []
    for feature, fill in zip(features, statistics, strict=True):
        empty = isinstance(fill, float | np.floating) and np.isnan(fill)
        if empty and not part["keep_empty_features"]:
            continue
        value = fill if isinstance(fill, str) else feature.raw(float(fill))
        if feature.codes is not None and not isinstance(value, str) and value in range(len(feature.codes)):
            value = feature.codes[int(value)]  # the encoder came before
        mark = part["missing_values"]
        result.append(replace(feature, fills=(*feature.fills, value), marks=(*feature.marks, mark)))
    return result + _indicators(part, features)


def _indicators(part: Part, features: Sequence[Feature]) -> list[Feature]:
    indicator = part["indicator_"]
    if indicator is None:
        return []
    places = np.asarray(part_of(indicator)["features_"], dtype=int)
    return [Feature(f"{features[j].name} missing", f"{features[j].name} missing") for j in places]


def _polynomial(part: Part, features: Sequence[Feature]) -> list[Feature]:
    degree = part["degree"]
    least, most = degree if isinstance(degree, list | tuple) else (part["_min_degree"] or 0, degree)
    choose = combinations if part["interaction_only"] else combinations_with_replacement
    result = [Feature("1", None)] if part["include_bias"] in (None, True) and int(least) == 0 else []
    for order in range(max(1, int(least)), int(most) + 1):
        for places in choose(range(len(features)), order):
            if len(result) > _PRODUCTS:
                return []
            factors = [features[j] for j in places]
            if order == 1:
                result.append(factors[0])
                continue
            name = "*".join(f.label if f.column is not None else f.name for f in factors)
            # a product with a filled cell is no product of the person's own cells
            fixed = all(f.column is not None and (f.slope, f.offset, f.fills) == (1.0, 0.0, ()) for f in factors)
            result.append(Feature(name, name if fixed else None))
    return result


def _words(part: Part, features: Sequence[Feature]) -> list[Feature]:
    vocabulary = part["vocabulary_"]
    if not isinstance(vocabulary, dict):
        return []
    return [Feature(str(word), str(word), word=True) for word in sorted(vocabulary, key=vocabulary.__getitem__)]


def _weighted_words(part: Part, features: Sequence[Feature]) -> list[Feature]:
    return [replace(feature, column=None) for feature in _words(part, features)]


def _same(part: Part, features: Sequence[Feature]) -> list[Feature]:
    return list(features) if part["func"] is None else derived(part, len(features))


FLOWS: dict[str, Flow] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "SimpleImputer": _impute,
    "PolynomialFeatures": _polynomial,
    "CountVectorizer": _words,
    "DictVectorizer": _words,
    "TfidfVectorizer": _weighted_words,
    "TfidfTransformer": lambda part, features: [replace(f, column=None) for f in features],
    "FunctionTransformer": _same,
}


def comparable(big: Feature, small: Feature) -> bool:
    """Return whether a column means the same in both files, and only the person's own value moves it."""
    return big.column is not None and big.fills == small.fills and big.codes == small.codes
