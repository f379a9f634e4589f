"""Show what a deleted record gives away to whoever kept the old model.

`audit` compares two models that were released, `simulate` plays deletions before any is, `leave_one_out`
retrains exactly without each record. `membership` asks whether a model betrays who was in its training data,
`who_was_deleted` which of some candidates two models differ by. See README.md and docs/.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undelete.adapters.files import load_model, save_model
    from undelete.adapters.model import LinearModel
    from undelete.auditing import audit, simulate
    from undelete.errors import InputError
    from undelete.membership_inference import Membership, membership, who_was_deleted
    from undelete.problem import leave_one_out
    from undelete.release import Reconstruction, Release
    from undelete.result import Audit

__all__ = [
    "Answers",
    "Audit",
    "InputError",
    "LinearModel",
    "Membership",
    "Reconstruction",
    "Release",
    "audit",
    "leave_one_out",
    "load_model",
    "membership",
    "save_model",
    "simulate",
    "who_was_deleted",
]

# Loaded when first asked for: an attack on a release must not even import the private side.
_HOME = {
    "Answers": "answers",
    "Audit": "result",
    "InputError": "errors",
    "LinearModel": "adapters.model",
    "Membership": "membership_inference",
    "Reconstruction": "release",
    "Release": "release",
    "audit": "auditing",
    "leave_one_out": "problem",
    "load_model": "adapters.files",
    "membership": "membership_inference",
    "save_model": "adapters.files",
    "simulate": "auditing",
    "who_was_deleted": "membership_inference",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'undelete' has no attribute {name!r}")
    return getattr(import_module(f"undelete.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
