"""What the benchmarks share: the clock, a line of the table, and the machine that the figures are from."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

_PACKAGES = ("undelete", "numpy", "scipy", "scikit-learn", "joblib")
_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured, and what it should be.

    Parameters
    ----------
    row : str
        The row it belongs to.
    text : str
        What the number is.
    value : float
        The number, in `unit`.
    unit : str
        "s", "x" (times), "GB", or nothing.
    at_least, at_most : float, optional
        The target.
    """

    row: str
    text: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    def for_json(self) -> dict[str, Any]:
        """Return the line as plain values."""
        return {**asdict(self), "reached": self.reached}

    def cells(self) -> tuple[str, str, str, str]:
        """Return text, value, target and whether it is reached, for a reader."""
        value = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        limit = self.at_least if self.at_least is not None else self.at_most
        sign = ">=" if self.at_least is not None else "<="
        target = "" if limit is None else f"{sign} {limit:,g} {self.unit}"
        return self.text, f"{value} {self.unit}".rstrip(), target, {None: "", True: "yes", False: "NO"}[self.reached]


def median_seconds(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median time of some runs in seconds, and what the last one returned."""
    times, result = [], None
    for _ in range(max(1, repeats)):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def peak_gigabytes() -> float:
    """Return the largest resident memory that this process has had, in GB (10^9 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def environment() -> dict[str, Any]:
    """Return what the figures depend on beside the code: versions, processor, BLAS and its settings."""
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_1_minute": round(os.getloadavg()[0], 2),
        "blas": _blas(),
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _blas() -> list[dict[str, Any]]:
    kept = ("internal_api", "version", "architecture", "num_threads", "threading_layer")
    return [{key: pool[key] for key in kept if key in pool} for pool in threadpool_info()]
