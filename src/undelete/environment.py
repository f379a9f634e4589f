"""The versions that a number depends on."""

from __future__ import annotations

import platform
from importlib.metadata import version

_PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas")


def environment() -> dict[str, str]:
    """Return Python's, the packages' and the system's versions, by name."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **packages, "platform": platform.platform()}
