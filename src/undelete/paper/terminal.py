"""An experiment's result in a terminal: plain text, at most 80 columns."""

from __future__ import annotations

import textwrap
from typing import Any

from undelete.report import formatting

WIDTH = 80


def lines(result: dict[str, Any]) -> list[str]:
    """Return a result as text: what was done, one line a panel or model, and what to keep in mind.

    Parameters
    ----------
    result : dict
        Of an experiment in `undelete.paper.EXPERIMENTS`.
    """
    text = textwrap.wrap(f"{result['name']}  {result['title']} ({result['shows']})", WIDTH, subsequent_indent="  ")
    text += _table(result) if "cells" in result else _pictures(result) if "grids" in result else _medians(result)
    for note in result["notes"]:
        text += textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*text, *textwrap.wrap(result["command"], WIDTH, initial_indent="  ", subsequent_indent="    "), ""]


def _medians(result: dict[str, Any]) -> list[str]:
    """Return the median cosine of each panel's attacks, and how far HRec's go."""
    text = ["", "  Median cosine over the deletions that changed the model:"]
    for row in result["rows"]:
        text.append(f"  {row['model']:<31}{'HRec':>8}{'> .99':>9}{'MaxDiff':>8}{'Avg':>6}{'changed':>16}")
        for panel in row["panels"]:
            attacks = panel["attacks"]
            what = f"{panel['sample']}, n = {panel['n']:,}, target {panel['unit']}"[:31]
            changed = f"{panel['changed']:,}/{panel['deletions']:,}"
            text.append(
                f"  {what:<31}{_similarity(attacks['hrec']):>8}{_share(attacks['hrec']):>9}"
                f"{_similarity(attacks['maxdiff']):>8}{_similarity(attacks['avg']):>6}{changed:>16}"
            )
    return [*text, ""]


def _pictures(result: dict[str, Any]) -> list[str]:
    """Return the similarities under the pictures."""
    text = [""]
    for grid in result["grids"]:
        text.append(f"  {grid['sample']}, {grid['model']}, n = {grid['n']:,}")
        for label, *cosines in zip(grid["labels"], *grid["cosines"].values(), strict=True):
            each = ", ".join(
                f"{name} {formatting.similarity(cosine)}" for name, cosine in zip(grid["cosines"], cosines, strict=True)
            )
            text.append(f"    {label:<14}{each}".replace("\u00a0", ""))
    return [*text, ""]


def _table(result: dict[str, Any]) -> list[str]:
    """Return the scores beside the paper's."""
    text = ["", f"  {'held-out score':<38}{'here':>7}{'95 % interval':>17}{'paper':>7}{'diff.':>9}"]
    for cell in result["cells"]:
        what = f"{cell['sample']}, {cell['model']}, {cell['score']}"[:38]
        interval = f"{cell['low']:.4f} to {cell['high']:.4f}"
        text.append(f"  {what:<38}{cell['value']:>7.4f}{interval:>17}{cell['paper']:>7.4f}{cell['difference']:>+9.4f}")
    return [*text, ""]


def _similarity(attack: dict[str, Any]) -> str:
    return formatting.similarity(attack["median_cosine"]).replace("\u00a0", "")


def _share(attack: dict[str, Any]) -> str:
    return formatting.percent(attack["share_above_.99"]).replace("\u00a0", " ")
