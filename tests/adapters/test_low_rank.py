"""Weights whose change says that not all of their directions were trained."""

from __future__ import annotations

import numpy as np
import pytest

from undelete import InputError
from undelete.adapters.low_rank import Spanned, refuse_merged

OUT, IN = 6, 9


def matrices(rank, seed=0, rounding=0.0):
    """A weight before and after it changed by a matrix of this rank, a thousandth as large."""
    rng = np.random.default_rng(seed)
    weight, B, A = (rng.normal(size=shape) for shape in ((OUT, IN), (OUT, rank), (rank, IN)))
    after = weight + 1e-3 * B @ A
    return weight, after * (1 + rounding * rng.uniform(-1, 1, after.shape)), B, A


def gradients(seed=1, rows=None):
    """Records' gradients delta x', whose features lie in some rows (r, IN) where they are given."""
    rng = np.random.default_rng(seed)
    delta, x = rng.normal(size=(5, OUT)), rng.normal(size=(5, IN if rows is None else len(rows)))
    return np.einsum("ro,ri->roi", delta, x if rows is None else x @ rows)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_rank_of_a_change_is_seen_and_refused_however_it_was_stored(rank):
    for stored in (0.0, 2.0**-25):
        before, after, _, _ = matrices(rank, rounding=stored)
        found = Spanned.of(before, after, stored)
        assert found is not None
        assert (found.rank, found.most) == (rank, OUT)
        with pytest.raises(InputError, match=f"change of up.weight has rank {rank}.* {OUT} directions.*not merged"):
            refuse_merged("up.weight", before, after, stored, gradients, squared=False)


def test_a_convolution_is_read_with_its_channels_and_places_together():
    before, after, _, _ = matrices(2)
    found = Spanned.of(before.reshape(OUT, 1, 3, 3), after.reshape(OUT, 1, 3, 3), 0.0)
    assert found is not None
    assert found.rank == 2
    assert not found.holds(gradients().reshape(5, OUT, 1, 3, 3))


def test_a_change_in_all_directions_and_one_lost_in_rounding_are_none_of_it():
    before, after, _, _ = matrices(OUT)
    assert Spanned.of(before, after, 0.0) is None
    before, after, _, _ = matrices(2)
    assert Spanned.of(before, after, 2.0**-9) is None
    assert Spanned.of(before[:1], after[:1], 0.0) is None
    assert Spanned.of(before[0], after[0], 0.0) is None


def test_units_and_features_that_stayed_where_they_were_leave_the_rest_its_rank():
    before, after, _, _ = matrices(OUT)
    after[2], after[:, :4] = before[2], before[:, :4]
    assert Spanned.of(before, after, 0.0) is None


def test_directions_that_the_data_leave_out_are_no_adapters():
    before, after, B, A = matrices(3)
    refuse_merged("a", before, after, 0.0, lambda: gradients(rows=A), squared=False)  # features that go together
    twins = np.einsum("ok,rki->roi", B, np.random.default_rng(2).normal(size=(5, 3, IN)))
    refuse_merged("a", before, after, 0.0, lambda: twins, squared=False)  # units that do
    before, after, _, _ = matrices(1)
    refuse_merged("a", before, after, 0.0, gradients, squared=True)  # the last layer of a least squares
