"""Tests that small products use one thread, and give the threads back."""

import numpy as np
import pytest

from undelete.maths.threads import for_products, pools


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {pool["num_threads"] for pool in pools().info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize(("features", "inside"), [(10, {1}), (5000, None)])
def test_few_features_take_one_thread_and_many_what_there_is(features, inside):
    with pools().limit(limits=2, user_api="blas"):
        before = blas_threads()
        with for_products(features):
            assert blas_threads() == (inside or before)
        assert blas_threads() == before
