"""The key numbers of docs/results in one small JSON, as the pages show them: what docs/results/index.md is made of.

A result makes its page, and the page's tables make the entry; so an entry can be made of a page of docs/results, too,
where the full result is no longer at hand. `from` says which of the two it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from undelete.errors import InputError
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page, read

Entry: TypeAlias = dict[str, Any]
SCHEMA = "undelete.numbers/1"
ABOUT = (
    "Key numbers of the experiments, as the tables of docs/results show them. Each entry was read from what `from` "
    "names: a page of docs/results, or the JSON that the command wrote. Written by python -m "
    "undelete.paper.pages.index."
)
_COLUMNS = (
    "panel", "attack", "median cosine", "median cosine (centred)", "10 % to 90 %", "above .99", "label right",
    "deletions", "centred", "columns", "model", "score", "here", "95 %", "paper", "difference",
    "LiRA, one variance: AUC", "found at .001", "case", "measure", "hrec", "hrec+ (95 %)", "named first",
    "who was deleted, by", "changed", "of",
)  # fmt: skip
_SECTION = re.compile(r"^## (\w+): (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"^undelete reproduce .+$", re.MULTILINE)


def of_page(text: str, source: str) -> dict[str, Entry]:
    """Return the entries of the experiments that a page has a section of.

    Parameters
    ----------
    text : str
        Markdown that `undelete.paper.pages` made.
    source : str
        What it was made of, for `from`.
    """
    starts = [*_SECTION.finditer(text)]
    ends = [*(found.start() for found in starts[1:]), len(text)]
    found: dict[str, Entry] = {}
    for start, end in zip(starts, ends, strict=False):  # a page may have none
        name, section = start[1], text[start.start() : end].split("\n## ")[0]
        command = _COMMAND.search(section)
        if name in EXPERIMENTS and command is not None:
            found[name] = {
                "from": source, "section": anchor(start[0].removeprefix("## ")), "command": command[0],
                "tables": [kept for table in _tables(section) if (kept := _key(table))],
            }  # fmt: skip
    return found


def anchor(heading: str) -> str:
    """Return the link of a heading, as GitHub and MkDocs make it.

    Examples
    --------
    >>> anchor("fig6: Classification of income over 50,000 dollars")
    'fig6-classification-of-income-over-50000-dollars'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _tables(section: str) -> list[list[dict[str, str]]]:
    """Return a section's tables, a dictionary a row; of columns with the same name the first."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in block.splitlines()]
        tables.append([dict(reversed([*zip(head, row, strict=True)])) for row in rows])
    return tables


def _key(table: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return what is kept of a table: rows of pictures whole, of others the columns that an index may want."""
    if any(", n = " in column for column in table[0]):
        return [dict(reversed(row.items())) for row in table]
    kept = [{name: row[name] for name in _COLUMNS if name in row} for row in table]
    return kept if any(len(row) > 2 for row in kept) else []


def entries(place: Path) -> dict[str, Entry]:
    """Return the entries of a page, or of a result; InputError when it is neither."""
    if place.suffix == ".md":
        try:
            return of_page(place.read_text(encoding="utf-8"), place.name)
        except OSError as error:
            raise InputError(f"{place} cannot be read ({error.strerror}): name a page of docs/results") from error
    return of_page(page([read(place)]), place.name)


def load(place: Path) -> dict[str, Entry]:
    """Return what was written; nothing when there is no such file. InputError when it is another file."""
    if not place.exists():
        return {}
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
        found: dict[str, Entry] = document["experiments"]
        schema = document["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place} does not hold the numbers of docs/results ({error}): delete it") from error
    if schema != SCHEMA:
        raise InputError(f"{place} has schema {schema!r}, this version reads {SCHEMA!r}: make it anew from the pages")
    return found


def text(found: dict[str, Entry]) -> str:
    """Return the JSON, in the experiments' order, a row of a table on one line."""
    ordered = {name: found[name] for name in EXPERIMENTS if name in found}
    document = {"schema": SCHEMA, "about": ABOUT, "experiments": ordered}
    lines = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return re.sub(r"\{\n\s+(\"[^{}\[\]]*\")\n\s+\}", lambda row: "{" + re.sub(r"\n\s+", " ", row[1]) + "}", lines)
