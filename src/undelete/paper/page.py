"""The pages of docs/results from the JSON that the experiments wrote, so that no number in them is typed by hand.

    undelete reproduce fig5 fig6 fig10 table1 --data DIR --out results
    python -m undelete.paper.page results/*.json > docs/results/tabular.md
    undelete reproduce fig1 fig7 --data DIR --out members
    python -m undelete.paper.page members/*.json > docs/results/membership.md
    undelete reproduce better --data DIR --out decoders
    python -m undelete.paper.page decoders/better.json > docs/results/better.md

Of several results of one experiment, the one with the smallest seed is shown in full and the others, as a check on
the luck of one split, with their medians.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undelete.errors import InputError
from undelete.paper import EXPERIMENTS, better_page, membership_page
from undelete.paper.files import HONEST, SCHEMA
from undelete.paper.markdown import chosen, heading, panel_name, predicts, sentence, share, similarity, table

_NAMES = {"hrec": "HRec", "avg": "Avg", "maxdiff": "MaxDiff"}

_HEAD = """# The paper's tabular results

Each section was made by the command above its table; `python -m undelete.paper.page` made this page from the JSON
files the commands wrote. The same command gives the same numbers to seven decimals, but for gradients that are no
larger than rounding. DIR holds the ACS 2018 data as folktables downloads them, or a sample of them; each table
says which, since the numbers depend on it. {honest}
"""

_READING = """## How to read the tables

- *n* private and *m* public records, *d* features with the constant. *penalty* is that of the summed objective
  (`docs/maths.md` (1)), chosen on the private half before any deletion: {chosen}.
- *changed*: deletions that changed the model, of those played. A record outside the margin of a support vector
  machine changes nothing when it leaves, and nothing can be recovered of it: medians and shares are over the others.
- *cosine*: {similarity}.
- *gradient*: the largest gradient per record that the retrained models had on the records that remained, in units of
  the target: measured, or bounded from above for the deletions that the JSON counts as `certified` (`docs/maths.md`).
- Shares have Wilson 95 % intervals over deletions. All deletions of a panel share one split, and with it one error of
  the public Hessian, so another seed may move a median by more than that.
- {features}.

## What the JSON holds

`schema` ({schema}), `name`, `title`, `shows`, `paper`, `undelete` (its version), `command`, `seed`, `deletions`,
`split`, `features`, `environment`, `notes`.

A figure has `similarity`, `levels` (of the quantiles that make a curve) and `rows`, one a model, of `panels`:
`sample`, `source`, `target`, `unit`, `model`, `key`, `n`, `m`, `d`, `seed`, `penalty`, `penalty_chosen`,
`gradient_norm_fit`, `gradient_norm_largest`, `gradient_tolerance`, `certified`, `deletions`, `changed`,
`share_changed` (with `_low` and `_high`) and `attacks`. Each attack has `deletions` (those that changed the model),
`median_cosine`, `median_centred`, `median_uncentred`, `q10_cosine`, `q90_cosine`, `share_above_.9` and
`share_above_.99` (with `_low` and `_high`), `direction_only` (deletions whose scale was not identified),
`curve_cosine` and `curve_uncentred`. What has no value, because no deletion changed the model, is null.

The table has `cells`: `score`, `value`, `low`, `high`, `paper`, `difference`, and the model described as above.
"""


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    results : sequence of dict
        What experiments returned or wrote.

    Raises
    ------
    InputError
        When they belong on different pages.
    """
    if any("cases" in result for result in results):
        if len(results) > 1:
            raise InputError("the decoders' comparison makes a page of its own: give better.json alone")
        return better_page.page(results[0])
    members = {membership_page.belongs(result) for result in results}
    if len(members) > 1:
        raise InputError("fig1 and fig7 have a page of their own, membership.md: give their results apart from others")
    if True in members:
        return membership_page.page(results)
    text = [_HEAD.format(honest=HONEST)]
    figure = None
    names = {result["name"] for result in results}
    for name in (name for name in EXPERIMENTS if name in names):
        first, *others = sorted((r for r in results if r["name"] == name), key=lambda r: int(r["seed"]))
        text += _section(first)
        if "rows" in first:
            figure = first
            text += _splits(others)
    if figure is not None:
        text.append(
            _READING.format(
                chosen=chosen(_models(results)), similarity=figure["similarity"], features=sentence(figure["features"]),
                schema=SCHEMA,
            )
        )  # fmt: skip
    return "\n".join(text)


def read(path: Path) -> dict[str, Any]:
    """Read one result.

    Raises
    ------
    InputError
        When the file is not one.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema = result["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a result of `undelete reproduce` ({error})") from error
    if schema != SCHEMA:
        raise InputError(f"{path} has schema {schema!r}, this version reads {SCHEMA!r}")
    return result


def _section(result: dict[str, Any]) -> list[str]:
    text = heading(result, [note for note in result["notes"] if note != HONEST])
    if "cells" in result:
        return [*text, *_cells(result["cells"])]
    text.append(f"![{result['title']}]({result['name']}.svg)\n")
    panels = [panel for row in result["rows"] for panel in row["panels"]]
    return [*text, *_settings(panels), *_scores(panels)]


def _settings(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "records", "predicts", "n", "m", "d", "penalty", "changed", "share changed", "gradient"]
    return table(
        head,
        [
            [
                panel_name(p), p["source"], predicts(p),
                f"{p['n']:,}", f"{p['m']:,}", str(p["d"]), f"{p['penalty']:.4g}",
                f"{p['changed']:,} of {p['deletions']:,}", share(p, "share_changed"),
                f"{p['gradient_norm_largest']:.1e}",
            ]
            for p in panels
        ],
    )  # fmt: skip


def _scores(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "attack", "median cosine (centred)", "10 % to 90 %", "above .9", "above .99", "median uncentred"]
    return table(
        head,
        [
            [
                panel_name(p), _NAMES.get(name, name), similarity(attack["median_cosine"]),
                f"{similarity(attack['q10_cosine'])} to {similarity(attack['q90_cosine'])}",
                share(attack, "share_above_.9"), share(attack, "share_above_.99"),
                similarity(attack["median_uncentred"]),
            ]
            for p in panels
            for name, attack in p["attacks"].items()
        ],
    )  # fmt: skip


def _splits(others: Sequence[dict[str, Any]]) -> list[str]:
    """Return HRec's medians on other splits."""
    if not others:
        return []
    names = [panel_name(p) for row in others[0]["rows"] for p in row["panels"]]
    rows = [
        [f"`{result['command']}`", *(similarity(p["attacks"]["hrec"]["median_cosine"]) for p in panels)]
        for result in others
        for panels in [[p for row in result["rows"] for p in row["panels"]]]
    ]
    return ["HRec's median cosine on other splits:\n", *table(["command", *names], rows)]


def _cells(cells: Sequence[dict[str, Any]]) -> list[str]:
    head = [
        "model",
        "records",
        "predicts",
        "n",
        "m",
        "penalty",
        "score",
        "here",
        "95 %",
        "paper",
        "difference",
    ]
    return table(
        head,
        [
            [
                panel_name(c), c["source"],
                predicts(c), f"{c['n']:,}",
                f"{c['m']:,}", f"{c['penalty']:.4g}", c["score"], f"{c['value']:.4f}",
                f"{c['low']:.4f} to {c['high']:.4f}", f"{c['paper']:.4f}", f"{c['difference']:+.4f}",
            ]
            for c in cells
        ],
    )  # fmt: skip


def _models(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the models of tables and figures."""
    models = [cell for result in results for cell in result.get("cells", [])]
    return models + [panel for result in results for row in result.get("rows", []) for panel in row["panels"]]


def main(paths: Sequence[str]) -> int:
    """Print the page of some JSON files; status 2 and one line when a file is not a result."""
    if not paths:
        print("usage: python -m undelete.paper.page RESULT.json ... > docs/results/PAGE.md", file=sys.stderr)
        return 2
    try:
        print(page([read(Path(path)) for path in paths]), end="")
    except InputError as error:
        print(f"undelete: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
