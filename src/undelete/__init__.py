"""Show what a deleted record gives away to whoever kept the old model.

`audit` compares two models that were released, `audit_series` every step of several, `simulate` plays deletions before
any is, `leave_one_out`
retrains exactly without each record, `scan` lists what files give away by themselves. `membership` asks whether
a model betrays who was in its training data, `who_was_deleted` which of some candidates two models differ by.
See README.md and docs/.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undelete.adapters.files.files import load_model, save_model
    from undelete.adapters.model import LinearModel
    from undelete.adapters.offset import Offset
    from undelete.attacker.attack import Attack
    from undelete.auditing.audit import audit
    from undelete.auditing.documents import Document, deleted_words
    from undelete.auditing.membership import membership
    from undelete.auditing.membership_result import Membership
    from undelete.auditing.networks import deleted_gradient
    from undelete.auditing.one_out import leave_one_out
    from undelete.auditing.played_documents import PlayedDocuments, simulate_words
    from undelete.auditing.protect import protect
    from undelete.auditing.protection import Protection
    from undelete.auditing.result import Audit
    from undelete.auditing.scan import Scan, scan
    from undelete.auditing.series import audit_series
    from undelete.auditing.simulate import simulate
    from undelete.auditing.who import who_was_deleted
    from undelete.errors import InputError
    from undelete.maths.frozen import FrozenNet
    from undelete.release.reconstruction import Reconstruction
    from undelete.release.release import Release

__all__ = [
    "Answers",
    "Attack",
    "Audit",
    "Descent",
    "Document",
    "FrozenNet",
    "InputError",
    "LinearModel",
    "Membership",
    "Offset",
    "PlayedDocuments",
    "Protection",
    "Reconstruction",
    "Release",
    "Scan",
    "audit",
    "audit_series",
    "deleted_gradient",
    "deleted_words",
    "leave_one_out",
    "load_model",
    "membership",
    "protect",
    "save_model",
    "scan",
    "simulate",
    "simulate_words",
    "undone",
    "who_was_deleted",
]

# Loaded when first asked for: an attack on a release must not even import the private side.
_HOME = {
    "Answers": "auditing.answers",
    "Attack": "attacker.attack",
    "Audit": "auditing.result",
    "Descent": "maths.descent",
    "Document": "auditing.documents",
    "FrozenNet": "maths.frozen",
    "InputError": "errors",
    "LinearModel": "adapters.model",
    "Membership": "auditing.membership_result",
    "Offset": "adapters.offset",
    "PlayedDocuments": "auditing.played_documents",
    "Protection": "auditing.protection",
    "Reconstruction": "release.reconstruction",
    "Release": "release.release",
    "Scan": "auditing.scan",
    "audit": "auditing.audit",
    "audit_series": "auditing.series",
    "deleted_gradient": "auditing.networks",
    "deleted_words": "auditing.documents",
    "leave_one_out": "auditing.one_out",
    "load_model": "adapters.files.files",
    "membership": "auditing.membership",
    "protect": "auditing.protect",
    "save_model": "adapters.files.files",
    "scan": "auditing.scan",
    "simulate": "auditing.simulate",
    "simulate_words": "auditing.played_documents",
    "undone": "attacker.stopped",
    "who_was_deleted": "auditing.who",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'undelete' has no attribute {name!r}")
    return getattr(import_module(f"undelete.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
