"""docs/results/sensitivity.md from sensitivity.json, so that no number in it is typed by hand."""

from __future__ import annotations

from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.pages.markdown import heading, similarity, table

_HEAD = """# Where it stops working

What an attack depends on, one thing changed at a time, on people of the census. `python -m undelete.paper.pages
results/sensitivity.json > docs/results/sensitivity.md` made this page from what the command below wrote. DIR holds the
ACS data.
"""

_READING = """## How to read the tables

- Medians of the cosine over the deletions of a point, with the 95 % interval of the median, and the lowest decile.
  *known*: who knows n and the penalty; *hrec*: the paper's attack; *theory*: what (10) says beforehand.
- *under .9*: the median of *known* is; that is taken for having stopped to work. The deletions of a point share one
  draw of the private and the public people, and with it one error of the Hessian.
- Fits that stop early are L-BFGS, the old model from zero and the new one from the old; where theory and measure
  part, something that is no sampling counts: the digits, what a solver left over, or other people.

## What the JSON holds

`schema` ({schema}) and what every experiment has; `sensitivity`, a panel each, with `key`, `title`, `axis`, `points`
(`x`, `loss`, `n`, `m`, `theory`, and of `hrec` and `known` the median, its interval and the lowest decile) and `stops`,
the points under .9.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is this page's."""
    return "sensitivity" in result


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    text = [_HEAD, *heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n", *_where(result)]
    for panel in result["sensitivity"]:
        text.append(f"### {panel['title']}\n")
        text += table([panel["axis"], "model", "known", "95 %", "lowest decile", "hrec", "theory"], _lines(panel))
    return "\n".join([*text, _READING.format(schema=SCHEMA)])


def _where(result: dict[str, Any]) -> list[str]:
    """Return where it stops working, a panel a row."""
    rows = [
        [panel["title"], panel["axis"], *(", ".join(map(_x, xs)) or "nowhere here" for xs in panel["stops"].values())]
        for panel in result["sensitivity"]
    ]
    return [
        "Under .9, who knows n and the penalty:\n",
        *table(["what is changed", "points", "ridge", "logistic"], rows),
    ]


def _lines(panel: dict[str, Any]) -> list[list[str]]:
    return [
        [_x(point["x"]), point["loss"], similarity(point["known"]),
         f"{similarity(point['known_low'])} to {similarity(point['known_high'])}", similarity(point["known_q10"]),
         similarity(point["hrec"]), similarity(point["theory"])]
        for point in panel["points"]
    ]  # fmt: skip


def _x(x: Any) -> str:
    return x if isinstance(x, str) else f"{x:,}" if isinstance(x, int) else f"{x:g}"


def in_columns(result: dict[str, Any]) -> list[str]:
    """Return the result for a terminal: medians by what was changed."""
    text = []
    for panel in result["sensitivity"]:
        text += [
            "",
            f"  {panel['title']}",
            f"  {panel['axis'][:40]:<42}{'model':>9}{'known':>9}{'hrec':>9}{'theory':>9}",
        ]
        for point in panel["points"]:
            cells = "".join(f"{point[name]:>9.4f}" for name in ("known", "hrec", "theory"))
            text.append(f"  {_x(point['x']):<42}{point['loss']:>9}{cells}")
    return [*text, ""]
