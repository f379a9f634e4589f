"""Records enough that the columns which were searched first are told no surer than they are."""

import numpy as np
import pytest

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.prior import Conditional
from undelete.attacker.table.room import ROOM, apart, with_room
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.whole_record import search
from undelete.release.columns import Column

COLUMNS, VALUES, WIDEST = 40, 17, 1.5


@pytest.fixture(scope="module")
def pixels():
    """Whole numbers as likely each, and errors of two steps that go together in all columns."""
    rng = np.random.default_rng(3)
    terms, names = np.arange(float(VALUES))[:, None], range(COLUMNS)
    unit = np.eye(COLUMNS + 1)
    columns = [Column(f"c{j}", "discrete", unit[:, [j]], np.arange(VALUES), terms, np.ones(VALUES)) for j in names]
    prior = {j: Conditional(np.full(VALUES, -np.log(VALUES)), {}, 0.0) for j in names}
    lattice = Lattice(columns, list(names), unit[:, :COLUMNS], COLUMNS, prior, COLUMNS * np.log2(VALUES), True)
    errors = rng.normal(size=(COLUMNS, COLUMNS)) * np.geomspace(WIDEST, WIDEST / 20, COLUMNS)
    inverse = np.linalg.inv(np.linalg.cholesky(errors @ errors.T))
    true = rng.integers(0, VALUES, COLUMNS)
    data = inverse @ true + rng.normal(size=COLUMNS)
    nothing = np.zeros((COLUMNS, COLUMNS + 1))
    return lattice, TermLikelihood(
        data, np.zeros(COLUMNS), inverse, True, np.ones(COLUMNS + 1), nothing, np.eye(COLUMNS + 1), 0.0
    )


def sureness(posterior):
    """How probable the columns' likeliest values are, on average."""
    return np.mean([np.bincount(codes, weights=posterior.weight).max() for codes in posterior.codes.T])


def test_columns_that_few_records_make_too_sure_get_more(pixels):
    few, many = search(*pixels, 0, ROOM[1]), search(*pixels, 0, 4 * ROOM[-1])
    found = with_room(*pixels, 0)
    assert sureness(few) > sureness(many) + 0.2
    assert sureness(found) < sureness(many) + 0.1
    assert apart(found, many) < 0.6 * apart(few, many)


def test_few_records_are_enough_where_they_hold_all(pixels):
    lattice, likelihood = pixels
    clear = TermLikelihood(
        30 * likelihood.data, likelihood.constant, 30 * likelihood.matrix, True, likelihood.centre, likelihood.gain,
        likelihood.left, 0.0,
    )  # fmt: skip
    assert len(with_room(lattice, clear, 0).weight) <= ROOM[0]
