"""What is carried along while a fitted preprocessing is read: its columns so far, and what was noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from undelete.adapters.design.cells import Fills
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import Atom, Category, Polynomial, category, value_of
from undelete.errors import InputError


class Unreadable(InputError):
    """A step that is no polynomial of the raw columns, or of which nothing is known but its `transform`."""


@dataclass(frozen=True)
class RawCells:
    """A raw column as it is, text or numbers, after imputation."""

    column: str
    fills: Fills = ()


class Feature(NamedTuple):
    """One column that flows through the steps: raw cells until a step computes with it."""

    name: str
    content: RawCells | Polynomial


@dataclass
class Reading:
    """What is noticed on the way.

    Parameters
    ----------
    standard : mapping of str to (centre, scale)
        How the value of a raw column is standardised, where it is known beforehand.
    scaling : dict of Atom to (centre, scale)
        The same for the atoms met.
    encodings : list of Encoding
        The encoders met.
    steps : list of str
        Class names of the steps met.
    samples : int or None
        Number of records that a step says it was fitted on.
    """

    standard: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    scaling: dict[Atom, tuple[float, float]] = field(default_factory=dict)
    encodings: list[Encoding] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    samples: int | None = None

    def numeric(self, feature: Feature, hint: tuple[float, float] = (0.0, 1.0)) -> Polynomial:
        """Return a feature as a polynomial; `hint` standardises a value of which nothing is known yet."""
        if not isinstance(feature.content, RawCells):
            return feature.content
        atom = Atom(feature.content.column, fills=feature.content.fills)
        if any(isinstance(value, str) for _, value in atom.fills):
            raise InputError(
                f"column {atom.column!r} is imputed with the text {atom.fills[-1][1]!r} and then used as a number: "
                "the pipeline cannot have been fitted so"
            )
        self.scaling.setdefault(atom, self.standard.get(atom.column, hint))
        return value_of(atom, self.scaling)

    def code(self, atom: Atom) -> Polynomial:
        """Return an atom's value, taken as it is."""
        self.scaling.setdefault(atom, (0.0, 1.0))
        return value_of(atom, self.scaling)


def known_category(cell: Any, step: str, column: str) -> Category:
    """Return a category from a fitted encoder; InputError for a type that tables do not have."""
    try:
        return category(cell)
    except TypeError as error:
        raise InputError(
            f"{step} has {error} among the categories of column {column!r}: only text and numbers are read"
        ) from error


def numbers(step: Any, attribute: str, size: int) -> list[float]:
    """Return a fitted attribute with one finite number for each feature.

    Raises
    ------
    InputError
        When it is missing or of another shape: the file is damaged or the step not fitted.
    """
    name = type(step).__name__
    try:
        values = np.broadcast_to(np.asarray(getattr(step, attribute), dtype=np.float64), (size,))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{name} has no usable {attribute} for its {size} features: the file is damaged; refit and save it"
        ) from error
    if not np.isfinite(values).all():
        raise InputError(
            f"{name} has values in {attribute} that are not finite: refit it without infinite or empty columns"
        )
    return [float(v) for v in values]
