"""Attention in steps that torch can derive: of its fused form there is no forward derivative."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unfused(torch: Any) -> Iterator[None]:
    """Within this the module torch computes attention, and layers that hold it, step by step."""
    layers = torch.backends.mha
    fast = layers.get_fastpath_enabled()
    layers.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        layers.set_fastpath_enabled(fast)
