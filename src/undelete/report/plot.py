"""A result as one figure, drawn by what draws the page: how much came back, or how sure the attack is of what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from undelete.errors import InputError
from undelete.report import figures, svg
from undelete.report.columns import bars_of
from undelete.report.distribution import colour_of
from undelete.report.embedding import clean
from undelete.report.facts import Audit, has_truth, headline, label_of
from undelete.report.strength import CURVES_FROM, scores_of

_DPI = 110


def plot(audit: Mapping[str, Any]) -> Figure:
    """Return a figure: of several deletions the distribution of what came back, of one how sure each column is.

    Parameters
    ----------
    audit : mapping
        The content of audit.json.

    Raises
    ------
    InputError
        When nothing came back that could be drawn.
    """
    known: Audit = clean(audit)
    with svg.drawing():
        figure = _curves(known) or _columns(known) or _sure(known)
    if figure is None:
        raise InputError("nothing came back that could be drawn: to_html says why")
    figure.set_dpi(_DPI)
    return figure


def _curves(audit: Audit) -> Figure | None:
    """Return the distribution of the centred cosine over many deletions."""
    if not has_truth(audit) or int(audit["question"]["deletions"]) < CURVES_FROM:
        return None
    scores = {str(one["name"]): scores_of(audit, str(one["name"]), "centred_cosine") for one in audit["attacks"]}
    drawn = {name: values for name, values in scores.items() if not all(map(math.isnan, values))}
    if not drawn:
        return None
    roles = {str(one["name"]): str(one["role"]) for one in audit["attacks"]}
    return figures.curve_figure(drawn, x_label="centred cosine with the true record", roles=roles)


def _columns(audit: Audit) -> Figure | None:
    """Return the share of a few deletions whose columns came back."""
    bars, name = bars_of(audit), str(headline(audit))
    if not bars:
        return None
    guess = "best guess without the attack"
    return figures.bar_figure(bars, attack=label_of(audit, name), baseline=guess, colour=colour_of(name))


def _sure(audit: Audit) -> Figure | None:
    """Return how sure the attack is of each column of the record that gave away most; else its exposure."""
    name = str(headline(audit))
    words = {column["name"]: str(column.get("label") or column["name"]) for column in audit["columns"]}
    record: Mapping[str, Any] = next((one for one in audit["records"] if one["status"] == "ok"), {"columns": []})
    bars: list[tuple[str, float, float | None]] = [
        (words.get(cell["name"], str(cell["name"])), float(cell["probability"]), None)
        for cell in record["columns"][: figures.BARS]
        if cell.get("probability") is not None
    ]
    if not bars and audit.get("exposure"):
        bars = [("exposure", float(audit["exposure"]), None)]
    if not bars:
        return None
    return figures.bar_figure(bars, attack="how sure the attack is", baseline="", colour=colour_of(name))
