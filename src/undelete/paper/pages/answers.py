"""docs/results/answers.md from answers.json, so that no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.drawings.answers import attack_in_words, digits_in_words
from undelete.paper.drawings.sheet import NAMES
from undelete.paper.pages.markdown import heading, similarity, table
from undelete.report import formatting

_HEAD = """# Answers in place of models

Nobody hands out the parameters, but both models can be asked: `docs/maths.md` (19), (21), (34). `hrec+` is given the
old model's file, the public records, and what both models answer to some of them, in full or rounded.

DIR holds the ACS 2018 data, and for images what `undelete data cifar10` downloads. Updates-Leak needs the extra
`torch`; in a folder where Figure 8 was made with as many deletions, its models and Updates-Leak's are taken from there.
`python -m undelete.paper.pages results/{names}.json > docs/results/answers.md` made this page.
"""

_READING = """## How to read the tables

- *answers*: the public records that both models were asked for, of the m that the attacker has. *decimals* of a
  probability: 2 are per cent.
- *centred*: median centred cosine over the deletions, of tables in the model's space, of images in pixels, with its
  95 % interval (Wilson's of one half) where there is room. *lowest decile* of it. *whole*: share of the records of
  which every raw column is right. *columns*: mean share of raw columns. *said*: the mean probability that was told of
  whole records.
- *the models themselves*: what the parameters give. Avg and MaxDiff are the paper's baselines; Avg knows public records
  only, MaxDiff the answers to all.
{leak}
## What the JSON holds

`schema` ({schema}) and what every experiment has; `asked`, one a table, with `cells` (`queries`, `digits`, null in
full, `centred`, `low`, `high`, `decile`, `whole`, `columns`, `said`) and `beside`, by attack; of images
`asked_images`, with `rows` (`attack`, `sees`, `queries`, `digits`, `cosine`, `centred`, `low`, `high`, `decile`,
`seconds`).
"""


_LEAK = """- Updates-Leak is trained on {shadows:,} shadow updates and asks {probes} records; *seconds* are of all
  deletions together, its training included. It attacks the same retraining as the others.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is one of this page's."""
    return "asked" in result or "asked_images" in result


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown, from what the experiments wrote."""
    names, leak = ",".join(result["name"] for result in results), ""
    text = [_HEAD.format(names=f"{{{names}}}" if len(results) > 1 else names)]
    for result in results:
        text += [*heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n"]
        for one in result.get("asked", ()):
            text += _table(one)
        if "asked_images" in result:
            images = result["asked_images"]
            text += _images(images)
            leak = _LEAK.format(shadows=images["shadows"], probes=images["probes"])
    return "\n".join([*text, _READING.format(schema=SCHEMA, leak=leak)])


def _images(images: dict[str, Any]) -> list[str]:
    described = (
        f"### {images['sample']}, {images['model']}\n\nn = {images['n']:,}, m = {images['m']:,}, d = {images['d']:,}; "
        f"{images['deletions']} deletions. {images['source']}.\n"
    )
    lines = [
        [
            attack_in_words(row), similarity(row["cosine"]), _ranged(row), similarity(row["decile"]),
            f"{row['seconds']:,.0f}",
        ]
        for row in images["rows"]
    ]  # fmt: skip
    return [described, *table(["attack", "cosine", "centred", "lowest decile", "seconds"], lines)]


def _table(one: dict[str, Any]) -> list[str]:
    cells = one["cells"]
    digits = list(dict.fromkeys(cell["digits"] for cell in cells))
    head = ["answers", *(digits_in_words(given) for given in digits)]
    text = [
        f"### {one['sample']}, {one['model']}\n\nn = {one['n']:,}, m = {one['m']:,}, d = {one['d']}; "
        f"{one['deletions']} deletions. {one['source']}. Centred cosine, median / whole records right:\n"
    ]
    lines = []
    for queries in dict.fromkeys(cell["queries"] for cell in cells):
        row = [cell for cell in cells if cell["queries"] == queries]
        told = [f"{similarity(cell['centred'])} / {formatting.percent(cell['whole'])}" for cell in row]
        lines.append([f"{queries:,}", *told])
    text += table(head, lines)
    best = max((cell for cell in cells if cell["digits"] is None), key=lambda cell: int(cell["queries"]))
    others = [
        ["hrec+, all answers in full", best],
        *([_named(name), row] for name, row in one["beside"].items()),
    ]  # fmt: skip
    rows = [
        [
            label, _ranged(row), similarity(row["decile"]), formatting.percent(row["whole"]),
            formatting.percent(row["columns"]), formatting.MISSING if row["said"] is None else f"{row['said']:.3f}",
        ]
        for label, row in others
    ]  # fmt: skip
    return [*text, *table(["seen", "centred", "lowest decile", "whole", "columns", "said"], rows)]


def _named(name: str) -> str:
    models = ", the models themselves" if name.startswith("hrec") else ""
    return f"{name if models else NAMES[name]}{models}"


def _ranged(row: dict[str, Any]) -> str:
    middle, low, high = (similarity(row[key]) for key in ("centred", "low", "high"))
    return f"{middle} ({low} to {high})"
