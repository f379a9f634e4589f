"""docs/results/defences.md from defences.json, so that no number is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.paper.pages.markdown import heading, table
from undelete.report import formatting

_PAGE = """# What each defence leaves, and costs

`undelete protect` on people of the ACS, on images and on a network; [protect.md](../protect.md) says more of each. Made
by the command above each table; the page itself by `python -m undelete.paper.pages results/{defences,defences_more,
defences_images,defences_mlp,noisy_images}.json`. DIR holds the ACS 2018 data.
"""
_READING = """## How to read the tables

- *strength*: of proved noise the epsilon of one release; of noise scaled to the deletions what its epsilon would be if
  nobody moved the model more than the deletions that were played; of the others digits, decimals, people, releases,
  and penalties beside the records' own curvature.
- *standing*: P proved, m measured, ? looks safe only to an attacker who does not know the defence.
- *exposure*, *loss*: means of the splits with their 95 % intervals, state by state. *whole*: the share of records that
  came back exactly, over all states. *chosen*: on how many of the splits the row was recommended.
- *no defence, scaler refitted too*: what a pipeline gives away that is fitted anew as a whole: the new scaler's means
  are the record. Freezing the preprocessing is the row above it.
- Of the network the penalty's strength is weight decay of the mean loss, and *DP: private training* is DP-SGD, whose
  law the attacker finds out by training on public records.
- Intervals are of 20 deletions a split, of images and of the network 4, so an exposure of .1 beside a proof is luck:
  the proof bounds it for all, and with 400 a split ([protect.md](../protect.md)) there is as little as where nothing of
  anybody is released.
- *Perturbed objective, noise kept* is certified removal's: the same tilt is in both models and cancels in their
  difference, so its certificate is of another question.
- *The same noise, published often*: each of so many releases has fresh noise, and the attack takes their mean.
"""
_MARKS = {"proved": "P", "measured": "m", "unknowing": "?"}


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is this page's."""
    return "defences" in result or "blurred" in result


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown."""
    text = [_PAGE]
    for result in results:
        text += [*heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n"]
        if "blurred" in result:
            text += table(*blurred(result))
            continue
        for case in result["defences"]:
            names = ", ".join(one["state"] for one in case["states"])
            text += [f"### {case['key']}, {names}: {case['label']}\n", _told(case), *table(*rows(case))]
    return "\n".join([*text, _READING])


def _told(case: dict[str, Any]) -> str:
    """Return how large each state is, how well its model predicts, and what does not apply."""
    count = case["states"][0]["deletions"]
    each = "; ".join(
        f"{one['state']}: n = m = {one['n']:,}, {one['measure']} {one['utility']:.4f}" for one in case["states"]
    )
    refused = "; ".join(f"`{name}`: {why}" for name, why in case["states"][0]["refused"].items())
    return f"{each}. {count} deletions a split.{f' Not here: {refused}.' if refused else ''}\n"


def rows(case: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of one model's table."""
    states = case["states"]
    names = [one["state"] for one in states]
    head = ["defence", "strength", "standing", *(f"exposure {name}" for name in names), "whole",
            *(f"loss {name}" for name in names), "chosen"]  # fmt: skip
    found = []
    for row in states[0]["rows"]:
        own = [next((r for r in one["rows"] if r["key"] == row["key"]), None) for one in states]
        there = [r for r in own if r is not None]
        chosen = sum(one["chosen"].count(row["key"]) for one in states)
        found.append(
            [row["label"], "" if row["strength"] is None else f"{row['strength']:g}", _MARKS[row["standing"]],
             *(_ends(r, "exposure", ".2f") for r in own), f"{sum(r['whole_records'] for r in there) / len(there):.2f}",
             *(_ends(r, "utility_loss", ".4f") for r in own), str(chosen or "")]
        )  # fmt: skip
    return head, found


def blurred(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of pictures under noise: centred cosines, label by label."""
    rows = [
        ["none" if row["strength"] is None else f"{row['strength']:,}", *(f"{c:.2f}" for c in row["centred_cosine"])]
        for row in result["blurred"]
    ]
    return ["noise, as if epsilon", *result["labels"]], rows


def best(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a terminal shows of one state: no defence, and what was recommended on its splits."""
    chosen = {key for key in state["chosen"] if key is not None}
    return [row for row in state["rows"] if row["defence"] == "none" or row["key"] in chosen]


def _ends(row: dict[str, Any] | None, name: str, form: str) -> str:
    if row is None:
        return formatting.MISSING
    return f"{row[name]:{form}} ({row[f'{name}_low']:{form}} to {row[f'{name}_high']:{form}})"
