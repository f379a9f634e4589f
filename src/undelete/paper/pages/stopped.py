"""docs/results/stopped.md from stopped.json, so that no number in it is typed by hand."""

from __future__ import annotations

from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.pages.markdown import heading, share, similarity, table
from undelete.report import formatting

NAMES = {"known": "optimiser undone", "hrec": "HRec", "hrec+": "as if converged", "maxdiff": "MaxDiff", "avg": "Avg"}

_HEAD = """# Models that were stopped, not converged

The paper's Figure 11 has no penalty, so that there is no optimum to converge to, and names no optimiser; most models
that people release were stopped, too. Here each is trained for a number of steps, and every deleted model by the same
steps without the record. *Optimiser undone*: the attacker knows the learning rate, the momentum and the number of steps
(`undelete.undone`, `docs/maths.md` (40)). `python -m undelete.paper.pages results/stopped.json >
docs/results/stopped.md` made this page from what the command below wrote. DIR holds the ACS data; the images are
where `undelete data mnist fashion_mnist cifar10` puts them.
"""

_READING = """## How to read the tables

- Medians over the deletions. *embedding*: cosine of the random features; *image*: of the pixels, in [-1, 1], which
  flatters every guess that has the right brightness; *centred*: less the public mean. A record of which nothing came
  back counts as 0. *label right* has Wilson's 95 % interval.
- *HRec ahead*: its median image cosine is above those of Avg and of MaxDiff's image, as Figure 11 has it.
- Where momentum still swings, after few steps, undoing it makes more of the Hessian's error than it takes away of the
  rest; of columns `unlike` of the release that `undone` returns says so. The features are fewer than the pixels, so
  that a picture is not settled by them: *undone* traces it as `hrec+` does, with the public records' spread, HRec by
  Eq. (6) alone.
- Of people: *columns*: share of the ten columns that are right, and how many were said to be; *whole*: all ten of a
  person, and the probability that was told of it. *As if converged* is `hrec+` without knowing the training.
- Columns are told from error bars that count the sampling of public records, and what is off beside it (what momentum
  makes of errors, the curvature on the way), as deletions of public records that are played show it.

## What the JSON holds

`schema` ({schema}) and what every experiment has; `stopped`, a set of images each, with `rows` of `optimiser`, `label`,
`steps`, `step` (the learning rate), `accuracy` on the test images and `attacks`: `median_`, `q10_` and the ends of the
median's interval of `embedding`, `image` and `centred`, and `label`; `people`, the same of logistic regression with
`columns`, `columns_said`, `whole` and `whole_said`.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is this page's."""
    return "stopped" in result


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    text = [_HEAD, *heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n", *_where(result)]
    for panel in result["stopped"]:
        text.append(f"### {panel['sample']}\n")
        text.append(f"n = m = {panel['n']:,}, d = {panel['d']:,}; {panel['deletions']} deletions. {panel['source']}.\n")
        head = ["panel", "steps", "accuracy", "attack", "embedding", "image", "lowest decile", "centred", "label right"]
        text += table(head, [line for row in panel["rows"] for line in _lines(panel, row)])
    text.append("### People of California, logistic regression\n")
    head = ["panel", "steps", "attack", "centred", "columns", "said", "whole", "whole said"]
    return "\n".join([*text, *table(head, _people(result)), _READING.format(schema=SCHEMA)])


def ahead(row: dict[str, Any], name: str = "hrec") -> bool:
    """Return whether an attack's median image is nearer than those of the guesses."""
    attacks = row["attacks"]
    best = max(attacks[other]["median_image"] for other in ("maxdiff", "avg"))
    return name in attacks and attacks[name]["median_image"] > best


def _where(result: dict[str, Any]) -> list[str]:
    """Return where the paper's ordering holds, an optimiser a row."""
    panels = result["stopped"]
    lines = []
    for key, label in dict.fromkeys((row["optimiser"], row["label"]) for row in panels[0]["rows"]):
        cells = []
        for panel in panels:
            rows = [row for row in panel["rows"] if row["optimiser"] == key]
            undone = [f"{row['steps']:,}" for row in rows if ahead(row, "known")]
            plain = [f"{row['steps']:,}" for row in rows if ahead(row)]
            knows = any("known" in row["attacks"] for row in rows)
            cells.append(f"{', '.join(plain) or 'none'}{'; undone ' + (', '.join(undone) or 'none') if knows else ''}")
        lines.append([label, *cells])
    return ["HRec ahead of the guesses after so many steps:\n",
            *table(["optimiser", *(panel["sample"] for panel in panels)], lines)]  # fmt: skip


def _lines(panel: dict[str, Any], row: dict[str, Any]) -> list[list[str]]:
    return [
        [f"{panel['sample']}, {row['label']}", f"{row['steps']:,}", formatting.percent(row["accuracy"]),
         NAMES[name], *(similarity(one[key]) for key in ("median_embedding", "median_image", "q10_image",
                                                         "median_centred")), share(one, "label")]
        for name, one in row["attacks"].items()
    ]  # fmt: skip


def _people(result: dict[str, Any]) -> list[list[str]]:
    return [
        [row["label"], f"{row['steps']:,}", NAMES[name], similarity(one["median_centred"]), f"{one['columns']:.3f}",
         f"{one['columns_said']:.3f}", share(one, "whole"), f"{one['whole_said']:.3f}"]
        for row in result["people"]
        for name, one in row["attacks"].items()
    ]  # fmt: skip


def in_columns(result: dict[str, Any]) -> list[str]:
    """Return the result for a terminal: the median image cosine by optimiser and steps."""
    text = []
    for panel in result["stopped"]:
        text += ["", f"  {panel['sample']}, n = {panel['n']:,}: {panel['deletions']} deletions, median image cosine"]
        text.append(f"  {'':<34}{'steps':>7}{'undone':>9}{'HRec':>9}{'MaxDiff':>9}{'Avg':>9}")
        for row in panel["rows"]:
            cells = [row["attacks"].get(name) for name in ("known", "hrec", "maxdiff", "avg")]
            shown = [formatting.MISSING if cell is None else f"{cell['median_image']:.3f}" for cell in cells]
            text.append(f"  {row['label']:<34}{row['steps']:>7,}" + "".join(f"{cell:>9}" for cell in shown))
    return [*text, ""]
