"""docs/results/groups.md and population.md from groups.json and population.json, so that no number is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.errors import InputError
from undelete.paper.pages.markdown import heading, table
from undelete.report import formatting

_GROUPS = """# Several people at once

`undelete simulate --group G --joined J` and `undelete audit --deleted G --joined J`, `docs/maths.md` (32), (33), on
people of California. Made by the commands below; `python -m undelete.paper.pages results/{groups,refitted_groups,
lists}.json > docs/results/groups.md` made this page. DIR holds the ACS 2018 data.
"""
_GROUPS_READING = """## How to read the tables

- *left*, *joined*: people together in a group. *most exposed*, *a person*: median over groups of the largest
  exposure in it, and median over all people, matched as is best for the attack; exposure is the centred cosine
  between a true record and what came back of it.
- *columns*: mean share of raw columns that are exactly right, beside what was *said* on average, and what the
  average public record gets (Avg). *whole*: people whose every column is right, and said. *all*: groups in which
  everybody's record is, with Wilson's 95 % interval.
- Of more than five people, or ten where scalers were refitted, one is looked for, who stands out; the others count with
  what an average person would get right.
- Lists: *all named* is how often the likeliest set is the group itself (or people quite like them); *said* is the
  probability it was given, with what the search may have missed counted by `docs/maths.md` (49).
"""
_POPULATION = """# Public records of another population

Trained on people of California, attacked with public records of other states. Made by the command below; `python -m
undelete.paper.pages results/population.json > docs/results/population.md` made this page. DIR holds the ACS 2018
data.
"""
_POPULATION_READING = """## How to read the table

- *columns*, *whole*: shares right beside what was said on average, over the deletions; *centred*: median centred
  cosine.
- *noticed*: whether the check of the public records' gradient at the old model fails, which without the true record
  makes a verdict NOT DECIDABLE. *verdicts*: of some deletions audited without the true record.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is one of these pages'."""
    return _together(result) or "populations" in result


def _together(result: dict[str, Any]) -> bool:
    return "together" in result or "lists" in result


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page of groups and lists, or of one population's result, as Markdown.

    Raises
    ------
    InputError
        When they belong on different pages.
    """
    if not all(map(_together, results)):
        if len(results) > 1:
            raise InputError("population has a page of its own: give population.json alone")
        (one,) = results
        return "\n".join([_POPULATION, *heading(one, one["notes"]), *table(*populations(one)), _POPULATION_READING])
    text = [_GROUPS]
    for one in sorted(results, key=lambda result: "lists" in result):
        text += [*heading(one, one["notes"]), *table(*(lists(one) if "lists" in one else groups(one)))]
    return "\n".join([*text, _GROUPS_READING])


def groups(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the groups."""
    head = ["model", "left", "joined", "scalers refitted", "groups", "most exposed", "a person", "columns", "said",
            "Avg", "whole", "said", "all"]  # fmt: skip
    rows = [
        [r["model"], str(r["left"]), str(r["joined"]), "yes" if r["refitted"] else "no", str(r["groups"]),
         f"{r['most']:.3f}", f"{r['person']:.3f}", f"{r['columns']:.2f}", f"{r['said']:.2f}",
         formatting.MISSING if r["avg"] is None else f"{r['avg']:.2f}", f"{r['whole']:.2f}", f"{r['whole_said']:.2f}",
         _interval(r)]
        for r in result["together"]
    ]  # fmt: skip
    return head, rows


def lists(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the lists of candidates."""
    head = ["model", "scaler refitted", "left", "candidates", "cases", "all named", "said"]
    rows = [[r["model"], "yes" if r["refitted"] else "no", str(r["left"]), f"{r['candidates']:,}", str(r["cases"]),
             _interval(r), f"{r['said']:.2f}"] for r in result["lists"]]  # fmt: skip
    return head, rows


def populations(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the populations."""
    head = ["public records", "m", "used", "columns", "said", "whole", "said", "centred", "widened", "noticed",
            "verdicts"]  # fmt: skip
    rows = [
        [r["public"], f"{r['m']:,}", f"{r['used']:,}", f"{r['columns']:.3f}", f"{r['said']:.3f}",
         f"{r['whole']:.3f} ({r['whole_low']:.3f} to {r['whole_high']:.3f})", f"{r['whole_said']:.3f}",
         f"{r['centred']:.4f}", f"{r['widened']:.1f}", "yes" if r["noticed"] else "no",
         ", ".join(f"{count} {word}" for word, count in r["words"].items())]
        for r in result["populations"]
    ]  # fmt: skip
    return head, rows


def in_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines of a terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    return ["  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
            for line in (head, *rows)]  # fmt: skip


def _interval(row: dict[str, Any]) -> str:
    name = "all" if "all" in row else "all_whole"
    return f"{row[name]:.2f} ({row['all_low']:.2f} to {row['all_high']:.2f})"
