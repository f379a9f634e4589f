"""The grammar of feature names in plain model files: `age`, `age^2`, `log(age)`, `state=Texas`, `age*state=Texas`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from undelete.adapters.design.design import Design
from undelete.adapters.design.functions import called
from undelete.adapters.design.polynomial import CONSTANT, Atom, Polynomial, multiply, recentre
from undelete.adapters.design.probed import Probed
from undelete.errors import InputError
from undelete.limits import FACTORS, HOW, allowed, metered


def design_from_names(names: Sequence[str], has_constant: bool, columns: Collection[str] = ()) -> Design:
    """Return the design that feature names describe.

    A name is factors joined by `*`. A factor is a raw column, a function of one (`log(age)`), either to a power
    (`age^2`), or an indicator (`state=Texas`: 1 where the cell is that category). Column names may not hold `*`, `^`
    or `=`, categories may not hold `*`. What looks like a function is a column where it is among `columns`.

    Raises
    ------
    InputError
        When a name is empty, repeated, or not of that form.
    """
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise InputError(f"feature {twice[0]!r} is listed twice: each feature needs a name of its own")
    with metered():
        polynomials = [_polynomial(name, columns) for name in names]
    atoms = dict.fromkeys(atom for p in polynomials for monomial in p for atom, _ in monomial)
    raw = tuple(dict.fromkeys(atom.column for atom in atoms))
    if has_constant:
        polynomials.append({CONSTANT: 1.0})
    return Design(raw, (*names, *(("1",) if has_constant else ())), tuple(polynomials), has_constant)


def describes(names: Sequence[str], design: Design | Probed) -> bool:
    """Return whether feature names alone say all that a design does (to 1e-12 relative)."""
    try:
        plain = design_from_names(names, design.has_constant)
    except InputError:
        return False
    if len(plain.polynomials) != len(design.polynomials):  # of a design that was probed nothing is known
        return False
    for want, have in zip(plain.polynomials, design.polynomials, strict=True):
        got = recentre(have, design.scaling, {})
        size = max([abs(c) for c in got.values()], default=0.0)
        if any(abs(want.get(m, 0.0) - got.get(m, 0.0)) > 1e-12 * size for m in {*want, *got}):
            return False
    return True


def _polynomial(name: str, columns: Collection[str]) -> Polynomial:
    factors = name.count("*") + 1
    if factors > allowed(FACTORS):
        raise InputError(f"feature {name[:40]!r}... has {factors:,} factors, over {allowed(FACTORS):,.0f} ({HOW})")
    product: Polynomial = {CONSTANT: 1.0}
    for factor in name.split("*"):
        product = multiply(product, _factor(factor, name, columns))
    if not product:
        raise InputError(
            f"feature {name!r} is the product of two categories of one column, which is zero for every record: "
            "leave it out"
        )
    return product


def _factor(factor: str, name: str, columns: Collection[str]) -> Polynomial:
    column, sign, label = factor.partition("=")
    if sign and column:
        return {((Atom(column, categories=(label,)), 1),): 1.0}
    power = re.fullmatch(r"([^=^]+)\^([1-9][0-9]?)", factor)
    if power:
        return {((_value(power[1], columns), int(power[2])),): 1.0}
    if not factor or sign or "^" in factor:
        raise InputError(
            f"feature name {name!r} cannot be read: write a raw column (age), a function of it (log(age)), a power "
            "(age^2), a category (state=Texas), or a product of those (age*state=Texas)"
        )
    return {((_value(factor, columns), 1),): 1.0}


def _value(name: str, columns: Collection[str]) -> Atom:
    call = None if name in columns else called(name)
    return Atom(name) if call is None else Atom(call[1], function=call[0])
