"""Polynomials over the raw columns: the language in which a fitted preprocessing is written down.

A scaler is an affine map, a one-hot encoder makes indicators, `PolynomialFeatures` multiplies: composed, each
feature that a linear model sees is a polynomial of the raw columns. Written this way, two pipelines that were
fitted on different rows can be compared term by term, and a record in the model's space can be turned back
into raw columns.

An `Atom` is one number that a raw column gives per record: its value, a function of it, an ordinal code, or an
indicator. A monomial is a sorted tuple of (atom, power), and () is the constant. A polynomial is
{monomial: coefficient}.
Value atoms enter **standardised**, u = (value - centre) / scale, with the centre and scale kept in the
`Design`: powers of a year near 2000 would otherwise lose half of the digits to cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb

import numpy as np
import pandas as pd

from undelete.limits import spend

# A cell as the encoders see it: text, a number, or None for a missing one.
Category = str | float | None


def category(cell: object) -> Category:
    """Return a cell's canonical form: str, float, or None when it is missing (NaN, None, NA)."""
    if isinstance(cell, str):
        return str(cell)
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, (bool, np.bool_, int, float, np.integer, np.floating)):
        number = float(cell)
        return None if number != number else number
    raise TypeError(f"a cell of type {type(cell).__name__}")


@dataclass(frozen=True, eq=True)
class Atom:
    """One number that a raw column gives per record.

    Parameters
    ----------
    column : str
        The raw column.
    categories : tuple or None
        An indicator: 1 where the cell is one of these (None among them stands for a missing cell).
    negated : bool
        The indicator is 1 where the cell is *none* of `categories` (a group of infrequent categories that
        also takes the unseen ones).
    codes : tuple of (category, float) or None
        Ordinal codes: the number that each category becomes.
    unseen : float or None
        The ordinal code of a category without one; None: such a cell is an error.
    fills : tuple of (marker, value)
        Imputation before all else: cells equal to the marker (None: missing) become the value.
    function : str
        The value's function that is meant, of `functions.FUNCTIONS`; "" for the value itself.
    """

    column: str
    categories: tuple[Category, ...] | None = None
    negated: bool = False
    codes: tuple[tuple[Category, float], ...] | None = None
    unseen: float | None = None
    fills: tuple[tuple[Category, Category], ...] = ()
    function: str = ""
    # Atoms are dictionary keys millions of times over: hash and order are worked out once.
    key: str = field(init=False, repr=False, compare=False)
    digest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        what = (self.column, self.categories, self.negated, self.codes, self.unseen, self.fills, self.function)
        object.__setattr__(self, "key", repr(what))
        object.__setattr__(self, "digest", hash(what))

    def __hash__(self) -> int:
        return self.digest

    @property
    def indicator(self) -> bool:
        """True for an atom that is 0 or 1."""
        return self.categories is not None

    @property
    def is_value(self) -> bool:
        """True for an atom that is the column's number itself."""
        return self.categories is None and self.codes is None and not self.function

    @property
    def written(self) -> str:
        """How a feature name has it: `age`, or `log(age)`."""
        return f"{self.function}({self.column})" if self.function else self.column

    @property
    def fills_missing(self) -> bool:
        """True when a missing cell gets a value before it is read."""
        coded = self.codes is not None and any(cell is None for cell, _ in self.codes)
        return coded or any(marker is None for marker, _ in self.fills)


Monomial = tuple[tuple[Atom, int], ...]
Polynomial = dict[Monomial, float]
Scaling = Mapping[Atom, tuple[float, float]]

CONSTANT: Monomial = ()


def value_of(atom: Atom, scaling: Scaling) -> Polynomial:
    """Return the polynomial of an atom's value in its own units: centre + scale * u, or the indicator."""
    centre, scale = scaling.get(atom, (0.0, 1.0))
    return affine({((atom, 1),): 1.0}, scale, centre)


def affine(polynomial: Polynomial, slope: float, shift: float) -> Polynomial:
    """Return slope * polynomial + shift."""
    result = {monomial: slope * c for monomial, c in polynomial.items()} if slope else {}
    constant = result.pop(CONSTANT, 0.0) + shift
    if constant:
        result[CONSTANT] = constant
    return result


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the product, with indicators idempotent and products of disjoint indicators zero."""
    spend(len(left) * len(right) * (1 + _length(left) + _length(right)))
    result: Polynomial = {}
    for first, a in left.items():
        for second, b in right.items():
            monomial = _merge(first, second)
            if monomial is not None:
                result[monomial] = result.get(monomial, 0.0) + a * b
    return {monomial: c for monomial, c in result.items() if c}


def _length(polynomial: Polynomial) -> int:
    """Return how many factors the last monomial has: products grow at the end."""
    return len(next(reversed(polynomial), ()))


def recentre(polynomial: Polynomial, old: Scaling, new: Scaling) -> Polynomial:
    """Return the same polynomial with the atoms of scaling `old` written in those of scaling `new`."""
    result: Polynomial = {}
    for monomial, coefficient in polynomial.items():
        term: Polynomial = {CONSTANT: coefficient}
        for atom, power in monomial:
            term = multiply(term, _power(atom, power, old, new))
        for key, c in term.items():
            result[key] = result.get(key, 0.0) + c
    return {monomial: c for monomial, c in result.items() if c}


def _power(atom: Atom, power: int, old: Scaling, new: Scaling) -> Polynomial:
    """Return u_old ** power in terms of u_new, by the binomial theorem."""
    (c0, s0), (c1, s1) = old.get(atom, (0.0, 1.0)), new.get(atom, (0.0, 1.0))
    if (c0, s0) == (c1, s1):
        return {((atom, power),): 1.0}
    shift, slope = (c1 - c0) / s0, s1 / s0
    result: Polynomial = {CONSTANT: shift**power}
    for q in range(1, power + 1):
        result[((atom, q),)] = comb(power, q) * slope**q * shift ** (power - q)
    return {monomial: c for monomial, c in result.items() if c}


def _merge(first: Monomial, second: Monomial) -> Monomial | None:
    """Return the product of two monomials; None when it is zero for every record."""
    if not first or not second:
        return first or second
    powers = dict(first)
    for atom, power in second:
        if atom.indicator:
            if any(_disjoint(atom, other) for other in powers):
                return None
            powers[atom] = 1
        else:
            powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: item[0].key))


def _disjoint(one: Atom, two: Atom) -> bool:
    """Return whether two indicators of one column are never 1 together."""
    if one.column != two.column or one.fills != two.fills or one == two:
        return False
    if one.categories is None or two.categories is None or (one.negated and two.negated):
        return False
    if one.negated:
        return set(two.categories) <= set(one.categories)
    if two.negated:
        return set(one.categories) <= set(two.categories)
    return not set(one.categories) & set(two.categories)
