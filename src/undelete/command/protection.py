"""What played defences look like in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from undelete.command.layout import WIDTH
from undelete.report import formatting

_MARKS = {"proved": "P", "measured": "m", "unknowing": "?"}


def lines(document: Mapping[str, Any], model: str | None) -> list[str]:
    """Return what protection.json says as lines of at most 80 columns.

    Parameters
    ----------
    document : mapping
        `undelete.Protection.document`.
    model : str or None
        Where the protected model was written.
    """
    rows = document["table"]
    measure = rows[0]["measure"]
    text = [
        f"{document['deletions']:,} deletions played under each defence, by an attacker who knows it.",
        "Exposure: similarity of the answer to the deleted record beyond that to others.",
        f"Loss: of {measure}, on public records. Whole: records recovered exactly.",
        "P proved, m measured, ? looks safe only to an attacker who does not know it.",
        "",
        f"{'defence':<34}{'strength':>9}{'epsilon':>8}{'exposure':>10}{'whole':>7}{'loss':>9}",
    ]
    for row in rows:
        strength = "" if row["strength"] is None else f"{row['strength']:g}"
        epsilon = "" if row["epsilon"] is None else f"{row['epsilon']:g}"
        mark = "*" if row == document["recommended"] else " "
        label = "" if strength and row["label"] == _before(rows, row) else row["label"][:32]
        text.append(
            f"{label:<33}{mark}{strength:>9}{epsilon:>8}{row['exposure']:>10.3f}{row['whole_records']:>7.1%}"
            f"{row['utility_loss']:>9.4f} {_MARKS[row['standing']]}"
        )
    text.append("")
    for warning in document["warnings"]:
        text += _wrap("Note", warning)
    for name, why in document["refused"].items():
        text += _wrap("Not here", f"{name}: {why.rstrip('.')}.")
    text += _wrap("Costs", _costs(document["recommended"])) if document["recommended"] else []
    chosen, limits = document["recommended"], document["limits"]
    if chosen is None:
        text += _wrap(
            "Advice",
            f"No defence keeps exposure under {limits['max_exposure']:g} at a loss of {measure} under "
            f"{limits['max_loss']:g}{_at_epsilon(limits)}, both with their intervals: allow more of one, or play more "
            "deletions for narrower intervals.",
        )
        return text
    text += _wrap(
        "Advice",
        f"{chosen['label']}, {formatting.strength(chosen)} (*): exposure {chosen['exposure']:.3f} "
        f"({chosen['exposure_low']:.3f} to {chosen['exposure_high']:.3f}), {measure} {chosen['utility']:.4f} for "
        f"{rows[0]['utility']:.4f}.",
    )
    text += _wrap("Means", f"{document['means']}.")
    if chosen["epsilon"] is not None:
        text += _wrap(
            "Bound",
            f"whoever guesses the whole record rightly with a probability of {chosen['chance_before']:.2g}, as by the "
            f"commonest public one, does so with at most {chosen['chance_after']:.2g} afterwards, whatever the attack.",
        )
        text += _wrap(
            "Budget",
            f"epsilon {chosen['epsilon']:g} at delta {chosen['delta']:g} for one release, "
            f"{chosen['epsilon_two_releases']:.3g} for this one and the next: each further release spends more.",
        )
    return text if model is None else [*text, *_wrap("Model", model)]


def _costs(row: Mapping[str, Any]) -> str:
    """Return what else changes."""
    told = [f"an answer moves by at most {row['largest_change']:.2g}"]
    if row["coefficients_moved"] is not None:
        told.append(f"a coefficient by at most {row['coefficients_moved']:.2g} of its standard errors")
    for name, word in (("loss", "mean loss"), ("auc", "AUC"), ("calibration", "calibration error")):
        if row[name] is not None:
            told.append(f"{word} {row[name]:.4f}")
    return "; ".join(told) + "."


def _at_epsilon(limits: Mapping[str, Any]) -> str:
    return "" if limits["epsilon"] is None else f" and epsilon at most {limits['epsilon']:g}"


def _before(rows: Any, row: Mapping[str, Any]) -> str | None:
    """Return the label of the row above."""
    place = rows.index(row)
    return str(rows[place - 1]["label"]) if place else None


def _wrap(name: str, text: str) -> list[str]:
    return textwrap.wrap(f"{name:<9}{text}", WIDTH, subsequent_indent=" " * 9)
