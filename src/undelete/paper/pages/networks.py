"""docs/results/networks.md from what their experiments wrote, so that no number in it is typed by hand."""

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
ACS 2018 data; MNIST is what `undelete data mnist` downloads.
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
- *EXPOSED + PARTLY*: verdicts without the true record. *false*: of these, with fewer columns right than half of those
  that were promised. *stopped by*: the first check that failed. *change*: how far the parameters moved beside their
  length; *null*: how far with the same training when nobody is deleted. Above the dotted line of the picture, and
  first in the table, are the ways in which the attack is meant to work.

## What the JSON holds

`schema` ({schema}) and what every experiment has. `mlp.json`, `cnn.json`: `networks`, a case each, with `attacks` (a
row of medians each), `curves` (centred cosines in rising order), `chi2`, `misfit`, `relative`,
`gradient_norm_largest`; of tables `said`, `whole`, `whole_said`, `calibration_error`, `by_split`; of images `side` and
`shown` (the first split's, true, recovered and nearest public). `conditions.json`: `conditions`, each with `words`
(verdicts by word), `reasons` (the first check that failed), `exposed`, `partly`, `false_exposed`, `said`, `change`,
`null_change`; `lora.json`: `parts`, each with `moved`, `rank`, `parameters`, `label` and the like;
`network_speed.json`: `speed`, each with `value`, `unit` and `at_most`. `pairs`, `exposed`,
`partly` and `false_exposed` of the whole count those in which the attack is not meant to work.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is one of this page's."""
    return any(name in result for name in _SECTIONS)


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown, from what the experiments wrote."""
    names = ",".join(result["name"] for result in results)
    text = [_HEAD.format(names=f"{{{names}}}" if len(results) > 1 else names)]
    for result in results:
        text += heading(result, result["notes"])
        text += next(show for name, show in _SECTIONS.items() if name in result)(result)
    return "\n".join([*text, _READING.format(schema=SCHEMA)])


def _networks(result: dict[str, Any]) -> list[str]:
    text = [f"![{result['title']}]({result['name']}.svg)\n"]
    for row in result["networks"]:
        text.append(
            f"### {row['title']}\n\nn = {row['n']:,}, m = {row['m']:,}, {row['parameters']:,} parameters, weight decay "
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
        text.append(_told(row))
    return text


def _told(row: dict[str, Any]) -> str:
    """Return what is said of the gradients, and of columns where there are any."""
    gradients = (
        f"χ²/p {_number(row['chi2'])}, misfit {_number(row['misfit'])}, error {_number(row['relative'])}; largest "
        f"gradient left after retraining {row['gradient_norm_largest']:.0e} a record.\n"
    )
    if "said" not in row:
        return gradients
    right, low, high = (_number(value) for value in (
        row["attacks"]["hrec+"]["exact_columns"], row["exact_columns_low"], row["exact_columns_high"]))  # fmt: skip
    return (
        f"Columns right {right} (95 % {low} to {high}; by split {', '.join(map(_number, row['by_split']))}), said "
        f"{_number(row['said'])}; whole records right {_number(row['whole'])}, said {_number(row['whole_said'])}; "
        + gradients
    )


def _conditions(result: dict[str, Any]) -> list[str]:
    lines = []
    for row in result["conditions"]:
        reasons = ", ".join(f"{name} ({count})" for name, count in row["reasons"].items())
        lines.append([
            row["title"], _number(row["median_centred_cosine"]), _number(row["exact_columns"]), _number(row["said"]),
            f"{row['exposed']} + {row['partly']} of {row['deletions']}", str(row["false_exposed"]),
            reasons or formatting.MISSING, f"{row['change']:.1e}", f"{row['null_change']:.1e}",
        ])  # fmt: skip
    head = ["trained", "centred", "columns", "said", "EXPOSED + PARTLY", "false", "stopped by", "change", "null"]
    works = [row for row in result["conditions"] if row["works"]]
    return [
        f"![{result['title']}]({result['name']}.svg)\n",
        f"ACS Income CA, ten numbers, {result['units']} units, n = {result['n']:,}, m = {result['m']:,}, "
        f"{result['splits']} splits.\n",
        *table(head, lines),
        f"Of the {result['pairs']} pairs trained in ways in which the attack is not meant to work {result['exposed']} "
        f"were called EXPOSED and {result['partly']} PARTLY EXPOSED; with fewer columns right than half of what was "
        f"promised: {result['false_exposed']}. Of the {sum(row['deletions'] for row in works)} others "
        f"{sum(row['exposed'] for row in works)} and {sum(row['partly'] for row in works)}; falsely "
        f"{sum(row['false_exposed'] for row in works)}.\n",
    ]


def _parts(result: dict[str, Any]) -> list[str]:
    lines = []
    for row in result["parts"]:
        words, reasons = (", ".join(f"{name} ({count})" for name, count in row[key].items()) or formatting.MISSING
                          for key in ("words", "reasons"))  # fmt: skip
        shares = [_number(row[key]) for key in ("median_centred_cosine", "exact_columns", "said", "label")]
        lines.append([row["title"], str(row["parameters"]), *shares, words, reasons])
    return [
        f"![{result['title']}]({result['name']}.svg)\n",
        f"ACS Income CA, ten numbers, {result['units']} softplus units, n = {result['n']:,}, m = {result['m']:,}; "
        f"{result['parts'][0]['deletions']} deletions over {result['splits']} splits. The network was fitted by people "
        f"of {result['elsewhere']} before.\n",
        *table(["trained", "parameters", "centred", "columns", "said", "label", "verdicts", "stopped by"], lines),
    ]


def _speed(result: dict[str, Any]) -> list[str]:
    lines = [[row["text"], f"{row['value']:.3g} {row['unit']}", f"at most {row['at_most']:g} {row['unit']}",
              "met" if row["reached"] else "missed"] for row in result["speed"]]  # fmt: skip
    return table(["what", "measured", "wanted", ""], lines)


_SECTIONS = {"networks": _networks, "conditions": _conditions, "parts": _parts, "speed": _speed}


def _number(value: float | None) -> str:
    return formatting.MISSING if value is None else f"{value:.3f}"
