"""The one description of a result: audit.json is this dictionary, and the page and the terminal are made from it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from undelete.attacker.attack import Attack
from undelete.auditing import advice
from undelete.auditing.document_records import record, target_cell
from undelete.auditing.pictures import BESIDE, gallery
from undelete.auditing.retold import joining
from undelete.auditing.text_told import recovered
from undelete.environment import environment
from undelete.redaction import redacted
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.scoring.table import SCORES
from undelete.scoring.truth import Truth

if TYPE_CHECKING:
    from undelete.auditing.result import Audit

SCHEMA = "undelete.audit/1"
PAPER = "Bertran et al., Reconstruction Attacks on Machine Unlearning: Simple Models are Vulnerable (2024)"
_SHOWN = 50  # records described in full in the document


def describe(audit: Audit, *, redact: bool = False) -> dict[str, Any]:
    """Return the dictionary that audit.json holds; see `Audit.document`."""
    model = dict(audit.setting.model)
    document = {
        "schema": SCHEMA,
        "undelete": version("undelete"),
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": audit.setting.command,
        "redacted": False,
        "question": {
            "kind": audit.setting.kind, "deletions": audit.release.deletions, "text": audit.setting.text,
            "joined": audit.setting.joined, "people": audit.setting.people,
            "came": audit.setting.came,
        },
        "model": model,
        "public": {"records": len(audit.release.X_public), "source": audit.setting.public_source},
        "target": None if audit.setting.target is None else asdict(audit.setting.target),
        "columns": [_column(audit, column) for column in audit.release.columns],
        "attacks": [_attack(audit, attack) for attack in audit.attacks.values()],
        "verdict": asdict(audit.verdict),
        "exposure": audit.typical_exposure,
        "threat_model": advice.threat_model(
            audit.release, audit.setting.model, joined=audit.setting.joined, people=audit.setting.people
        ),
        "diagnostics": [asdict(check) for check in audit.diagnostics],
        "warnings": list(audit.warnings),
        "summary": [{"attack": name, **row} for name, row in audit.summaries.items()],
        "lift": None if audit.lift is None else dict(audit.lift),
        "per_column": _per_column(audit),
        "words": recovered(audit.documents),
        "scores": _scores(audit),
        "pictures": _pictures(audit),
        "records": [record(audit, int(i)) for i in audit.order(measured=not redact)[:_SHOWN]],
        "advice": advice.advice(audit.verdict.word, audit.setting.protection),
        "protection": advice.slim(audit.setting.protection),
        "defended": (audit.setting.protection or {}).get("drawn"),
        "environment": environment(),
        "paper": PAPER,
    }  # fmt: skip
    return redacted(plain(document)) if redact else dict(plain(document))


def _attack(audit: Audit, attack: Attack) -> dict[str, Any]:
    images = audit.setting.schema.image is not None
    about = (images and attack.about_images) or attack.about
    return {
        "name": attack.name,
        "label": audit.label(attack.name),
        "role": attack.role,
        "about": joining(about) if audit.setting.joined else about,
        "independent": attack.independent,
    }


def _column(audit: Audit, column: Column) -> dict[str, Any]:
    known = audit.setting.schema[column.name]
    return {
        "name": column.name,
        "label": known.label,
        "unit": known.unit,
        "kind": column.kind,
        "values": None if column.kind == "continuous" else len(column.values),
        "codes": dict(known.codes),
    }


def _per_column(audit: Audit) -> list[dict[str, Any]]:
    if audit.truth is None:
        return []
    return [
        {"column": column.name, **{n: float(r[:, j].mean()) for n, r in audit.right.items() if r is not None}}
        for j, column in enumerate(audit.release.columns)
    ]


def _scores(audit: Audit) -> list[dict[str, Any]]:
    nothing = np.full(audit.release.deletions, np.nan)
    rows = []
    for name, found in audit.found.items():
        scores = audit.scored.get(name, dict.fromkeys(SCORES, nothing))
        confidence = found.confidence
        for i in range(audit.release.deletions):
            row = {
                "attack": name,
                "deletion": i,
                "status": found.status[i],
                "confidence": confidence[i],
            }
            rows.append(row | {score: scores[score][i] for score in SCORES})
    return rows


def _pictures(audit: Audit) -> dict[str, Any] | None:
    """Return the pictures of the deletions drawn for it; the main attack's beside the truth and the guesses."""
    image, found = audit.setting.schema.image, audit.found[audit.main]
    if audit.pictured is None or image is None:
        return None
    shown: dict[str, Reconstruction | Truth] = {} if audit.truth is None else {"true": audit.truth}
    shown |= {name: audit.found[name] for name in (audit.main, *BESIDE) if name in audit.found}
    pictures = gallery(audit.release, shown, audit.scored, audit.pictured, image, audit.setting.readout)
    for item in pictures["items"]:
        i = item["deletion"]
        cell = target_cell(audit, i, found) or {}
        row = None if audit.truth is None or audit.truth.rows is None else int(audit.truth.rows[i])
        label = {key: cell.get(key) for key in ("recovered", "true", "right")}
        item |= {"row": row, "status": found.status[i], "label": label}
    return pictures


def plain(value: Any) -> Any:
    """Return the value in JSON's own types; what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
