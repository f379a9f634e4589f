"""The threads that products of NumPy arrays use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_SMALL = 256  # features


@cache
def pools() -> ThreadpoolController:
    """Return the threads of the libraries that are loaded; to look for them takes as long as a small sweep."""
    return ThreadpoolController()


def for_products(features: int) -> AbstractContextManager[Any]:
    """Return a context in which products over so many features use the threads that serve them: few features, one.

    Thousands of small products gain nothing from several threads, and where the cores are busy these wait for one
    another: an audit was seen to take twenty times as long.
    """
    if features > _SMALL:
        return nullcontext()
    limited: AbstractContextManager[Any] = pools().limit(limits=1, user_api="blas")
    return limited
