"""Polynomial arithmetic against plain evaluation."""

import numpy as np
import pytest

from undelete.adapters.design.polynomial import Atom, affine, multiply, recentre, value_of

YEAR, AGE = Atom("year"), Atom("age")
TEXAS, OHIO = Atom("state", ("Texas",)), Atom("state", ("Ohio",))
REST = Atom("state", ("Ohio", "Texas"), negated=True)


def evaluate(polynomial, at):
    return sum(c * np.prod([at[atom] ** power for atom, power in m]) for m, c in polynomial.items())


@pytest.mark.parametrize("seed", range(10))
def test_products_and_sums(seed):
    rng = np.random.default_rng(seed)
    at = {YEAR: rng.normal(), AGE: rng.normal(), TEXAS: 1.0, OHIO: 0.0, REST: 0.0}
    atoms = [YEAR, AGE, TEXAS, OHIO, REST]
    one, two = ({((atom, 1),): rng.normal() for atom in atoms} | {(): rng.normal()} for _ in range(2))
    product = multiply(multiply(one, two), affine(one, 2.0, -1.0))
    expected = evaluate(one, at) * evaluate(two, at) * (2 * evaluate(one, at) - 1)
    assert evaluate(product, at) == pytest.approx(expected, rel=1e-12)
    assert all(sum(atom.indicator for atom, _ in m) <= 1 for m in product)  # disjoint, and idempotent


def test_indicators():
    texas, ohio, rest = ({((atom, 1),): 1.0} for atom in (TEXAS, OHIO, REST))
    assert multiply(texas, texas) == texas
    assert multiply(texas, ohio) == multiply(texas, rest) == multiply(rest, ohio) == {}


def test_recentring_keeps_the_digits_of_a_year():
    old, new = {YEAR: (1992.0, 16.0)}, {YEAR: (1990.3, 17.1)}
    u = {((YEAR, 1),): 1.0}
    moved = recentre(multiply(u, multiply(u, u)), old, new)
    year = 2003.0
    assert evaluate(moved, {YEAR: (year - 1990.3) / 17.1}) == pytest.approx(((year - 1992) / 16) ** 3, rel=1e-13)
    assert evaluate(value_of(YEAR, old), {YEAR: (year - 1992) / 16}) == year
