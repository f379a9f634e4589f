"""docs/results/networks.md from mlp.json and conditions.json, so that no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.pages.markdown import heading, table
from undelete.report import formatting

_LABELS = {
    "hrec+": "undelete (`hrec+`)", "hrec": "the paper's (12), first layer (`hrec`)",
    "matching": "plain gradient matching", "nearest": "nearest public record, by the attack", "maxdiff": "MaxDiff",
    "avg": "Avg", "informed": "the gradient known (bound)",
}  # fmt: skip

_HEAD = """# Networks

Any architecture, `docs/maths.md` (22), (23): the estimate of the deleted gradient with public records weighed to have
the private optimum, the most probable record behind it, and its columns. Each section was made by the command above its
table; `python -m undelete.paper.pages results/{names}.json > docs/results/networks.md` made this page. DIR holds the
ACS 2018 data.
"""

_READING = """## How to read the tables

- *centred*: median cosine between the recovered and the true record as the network takes it, the public mean
  subtracted first. *columns*: mean share of raw columns that are exactly right. *label*: share right; of income the
  median error of the logarithm. Avg has no direction about itself: its centred cosine counts as 0.
- *said*: the mean probability that was told of the columns, beside the share that was right; *whole* likewise of whole
  records. *χ²/p*: squared distance of the estimated from the true gradient in the metric of its error bars, a parameter
  (median); 1 is what the bars say. *misfit*: what the attack sees of that without the truth. *error*: expected error of
  the gradient, beside itself.
- Plain gradient matching minimises one less the cosine between gradients by Adam, from the paper's estimate; it and the
  bound were run on the first deletions of each split only.
- *EXPOSED*: verdicts without the true record. *false*: of these, with less than half of the columns right. *change*:
  how far the parameters moved beside their length; *null*: how far with the same training when nobody is deleted.

## What the JSON holds

`schema` ({schema}) and what every experiment has. `mlp.json`: `networks`, a case each, with `attacks` (a row of medians
each), `curves` (centred cosines in rising order), `said`, `whole`, `whole_said`, `calibration_error`, `chi2`, `misfit`,
`relative`, `by_split`. `conditions.json`: `conditions`, each with `words` (verdicts by word), `reasons` (the first
check that failed), `exposed`, `false_exposed`, `change`, `null_change`; `pairs` and `exposed` count those in which
the attack is not meant to work.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is one of this page's."""
    return "networks" in result or "conditions" in result


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown, from what the experiments wrote."""
    names = ",".join(result["name"] for result in results)
    text = [_HEAD.format(names=f"{{{names}}}" if len(results) > 1 else names)]
    for result in results:
        text += heading(result, result["notes"])
        text += _networks(result) if "networks" in result else _conditions(result)
    return "\n".join([*text, _READING.format(schema=SCHEMA)])


def _networks(result: dict[str, Any]) -> list[str]:
    text = [f"![{result['title']}]({result['name']}.svg)\n"]
    for row in result["networks"]:
        text.append(
            f"### {row['title']}\n\nn = {row['n']:,}, m = {row['m']:,}, {row['parameters']} parameters, weight decay "
            f"{row['decay']:g}; {row['deletions']} deletions over {len(row['seeds'])} splits. {row['source']}.\n"
        )
        lines = []
        for name, label in _LABELS.items():
            if name in row["attacks"]:
                one = row["attacks"][name]
                last = one["label"] if one["label"] is not None else one["median_target_error"]
                cells = (one["median_centred_cosine"], one["q10_centred_cosine"], one["exact_columns"], last)
                lines.append([label, *(_number(cell) for cell in cells), str(one["deletions"])])
        target = "label" if row["attacks"]["hrec+"]["label"] is not None else "error of the target"
        text += table(["attack", "centred", "lowest decile", "columns", target, "deletions"], lines)
        right, ends = row["attacks"]["hrec+"]["exact_columns"], (row["exact_columns_low"], row["exact_columns_high"])
        low, high = (_number(end) for end in ends)
        text.append(
            f"Columns right {_number(right)} (95 % {low} to {high}; by split "
            f"{', '.join(map(_number, row['by_split']))}), said {_number(row['said'])}; "
            f"whole records right {_number(row['whole'])}, said "
            f"{_number(row['whole_said'])}; χ²/p {_number(row['chi2'])}, misfit {_number(row['misfit'])}, error "
            f"{_number(row['relative'])}.\n"
        )
    return text


def _conditions(result: dict[str, Any]) -> list[str]:
    lines = []
    for row in result["conditions"]:
        reasons = ", ".join(f"{name} ({count})" for name, count in row["reasons"].items())
        lines.append([
            row["title"], _number(row["median_centred_cosine"]), _number(row["exact_columns"]),
            f"{row['exposed']} of {row['deletions']}", str(row["false_exposed"]), reasons or formatting.MISSING,
            f"{row['change']:.1e}", f"{row['null_change']:.1e}",
        ])  # fmt: skip
    head = ["trained", "centred", "columns", "EXPOSED", "false", "stopped by", "change", "null"]
    return [
        f"ACS Income CA, ten numbers, 8 units, n = {result['n']:,}, m = {result['m']:,}.\n",
        *table(head, lines),
        f"Of the {result['pairs']} pairs trained in ways in which the attack is not meant to work {result['exposed']} "
        f"were called EXPOSED; called so with less than half of the columns right, in all rows: "
        f"{result['false_exposed']}.\n",
    ]


def _number(value: float | None) -> str:
    return formatting.MISSING if value is None else f"{value:.3f}"
