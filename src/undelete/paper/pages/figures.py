"""The pages of figures and tables, tabular.md and images.md: a section each, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.lab.files import HONEST, SCHEMA
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages import tables

_VERSIONS = ("python", "numpy", "scipy", "scikit-learn", "pandas")
_MADE = """Each section was made by the command above its table; `python -m undelete.paper.pages` made this page from
the JSON files the commands wrote. The same command gives the same numbers to seven decimals, but for gradients that are
no larger than rounding, seconds and memory. {data} {honest}
"""
_PERSONS = (
    "DIR holds the ACS 2018 data as folktables downloads them, or a sample of them; each table says which, since the "
    "numbers depend on it."
)
_IMAGES = (
    "DIR holds what `undelete data mnist fashion_mnist cifar10` downloads; without --data it is ~/.cache/undelete."
)
_READING = """## How to read the tables

- *n* private and *m* public records, *d* features with the constant. *penalty* is that of the summed objective
  (`docs/maths.md` (1)), chosen on the private half before any deletion and kept. {chosen}.
- *changed*: deletions that changed the model, of those played. A record outside the margin of a support vector
  machine changes nothing when it leaves, and nothing can be recovered of it: medians and shares are over the others.
- *cosine*: {similarity}.
{also}- *gradient*: the largest gradient per record that the retrained models had on the records that remained, in units
  of the target: measured, or bounded from above for the deletions that the JSON counts as `certified`
  (`docs/maths.md`).
- Shares have Wilson 95 % intervals over deletions. All deletions of a panel share one split, and with it one error of
  the public Hessian, so another seed may move a median by more than that.
- {features}.

## What the JSON holds

`schema` ({schema}), `name`, `title`, `shows`, `paper`, `undelete` (its version), `command`, `seed`, `deletions`,
`split`, `features`, `environment`, `notes`.

A figure has `similarity`, `levels` (of the quantiles that make a curve) and `rows`, one a model, of `panels`:
`sample`, `source`, `target`, `unit`, `model`, `key`, `n`, `m`, `d`, `seed`, `penalty`, `penalty_chosen`,
`gradient_norm_fit`, `gradient_norm_largest`, `gradient_tolerance`, `certified`, `deletions`, `changed`,
`share_changed` (with `_low` and `_high`), `seconds_penalty`, `seconds_fit`, `seconds_retraining_each`,
`peak_memory_gb` (of the process so far) and `attacks`; on random features also `features`, `bandwidth` and
`bandwidth_chosen`; of images `accuracy` (with `_low` and `_high`) on `tested` test images. Each attack has `deletions`
(those that changed the model), `median_cosine`, `median_centred`, `median_uncentred`, `median_embedding`, `q10_cosine`,
`q90_cosine`, `share_above_.9`, `share_above_.99` and of classes `label` (with `_low` and `_high`), `direction_only`
(deletions whose scale was not identified), `seconds_each`, and `curve_` with the name of each similarity. What has no
value, because no deletion changed the model, is null.

A figure of pictures has `grids`, a model each: described as above but for the curves, with the `rows`, `labels` and
`cosines` of what is shown. A table has `cells`: `score`, `value`, `low`, `high`, `paper`, `difference`, and the model
described as above.
"""


def figures(results: Sequence[dict[str, Any]]) -> str:
    """Return the page of some figures and tables, each with a section of its own, and how they are read."""
    names = {result["name"] for result in results}
    images = any(EXPERIMENTS[name].data == "images" for name in names)
    text = [
        f"# The paper's {'image' if images else 'tabular'} results\n",
        _MADE.format(data=_IMAGES if images else _PERSONS, honest=HONEST),
    ]
    figure = None
    for name in (name for name in EXPERIMENTS if name in names):
        first, *others = sorted((r for r in results if r["name"] == name), key=lambda r: int(r["seed"]))
        text += _section(first, alone=all("rows" not in result for result in results))
        if "rows" in first or (figure is None and "grids" in first):
            figure = first
        if "rows" in first:
            text += tables.splits(others)
    if figure is not None:
        text.append(
            _READING.format(
                chosen=_chosen(results), similarity=figure["similarity"], features=_sentence(figure["features"]),
                schema=SCHEMA, also=_also(results),
            )
        )  # fmt: skip
    return "\n".join(text)


def _section(result: dict[str, Any], *, alone: bool) -> list[str]:
    """Return a result's section; pictures without their curves' figure on the page come with their scores."""
    versions = ", ".join(f"{name} {result['environment'][name]}" for name in _VERSIONS)
    text = [
        f"## {result['name']}: {result['title']}\n",
        f"{_sentence(result['shows'])}. Seed {result['seed']}; {result['split']}; undelete {result['undelete']}, "
        f"{versions}.\n",
        f"```\n{result['command']}\n```\n",
        *(f"{note}\n" for note in result["notes"] if note != HONEST),
    ]
    if "cells" in result:
        return [*text, *tables.cells(result["cells"])]
    text.append(f"![{result['title']}]({result['name']}.svg)\n")
    if "grids" in result:
        scores = [*tables.settings(result["grids"]), *tables.scores(result["grids"])] if alone else []
        return [*text, *scores, *tables.shown(result["grids"])]
    panels = [panel for row in result["rows"] for panel in row["panels"]]
    return [*text, *tables.settings(panels), *tables.scores(panels)]


def _also(results: Sequence[dict[str, Any]]) -> str:
    """Return what more the tables of images and of random features need to be read."""
    described = _described(results)
    lines = []
    if any("accuracy" in p for p in described):
        lines.append(
            "- *accuracy*: of the model before the deletions, on the authors' test images. *label right*: the deleted "
            "image's label, by the attack (Avg names the commonest, MaxDiff its image's own). *retraining* and *a "
            "reconstruction*: seconds a deletion, all of a panel together, on the machine that ran it, beside other "
            "work. *scale unsure*: deletions whose scale the constant does not tell, its entry being within two "
            "standard errors of zero; they count like the others."
        )
    chosen = dict.fromkeys(p["bandwidth_chosen"].split(": ", 1)[1] for p in described if "bandwidth_chosen" in p)
    lines += [
        f"- *bandwidth* of the random Fourier features (RFF): the median distance of public records "
        f"times a factor, {how}."
        for how in chosen
    ]
    return "".join(f"{line}\n" for line in lines)


def _described(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    models = [p for result in results for p in (*result.get("cells", []), *result.get("grids", []))]
    return models + [p for result in results for row in result.get("rows", []) for p in row["panels"]]


def _chosen(results: Sequence[dict[str, Any]]) -> str:
    """Return how the penalties were chosen, as the results say it."""
    ways: dict[str, list[str]] = {}
    for p in _described(results):
        models = ways.setdefault(p["penalty_chosen"], [])
        models += [p["model"]] * (p["model"] not in models)
    return "; ".join(f"{_sentence(', '.join(models))}: {how}" for how, models in ways.items())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
