"""docs/results/better.md from better.json, so that no number in it is typed by hand: see `undelete.paper.pages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.lab.files import SCHEMA
from undelete.paper.pages.decoders import SHOWN, measure, wanted
from undelete.report import formatting

_VERSIONS = ("python", "numpy", "scipy", "scikit-learn", "pandas")

_HEAD = """# A better decoder: hrec+ beside the paper's

`hrec` is the paper's attack: it reads the record, or its embedding, off one column of the estimated gradient, each
entry by itself. `hrec+` sees the same `Release` and weighs that gradient by its own error. Of tables it looks for
the most probable whole record, target included (`docs/maths.md` (13)); of images it takes the columns of all
classes, and looks for the most probable record behind an embedding, or one inside the public range
(`docs/maths.md` (11), (12)). Both attack the same deletions here.

```
{command}
python -m undelete.paper.pages results/better.json > docs/results/better.md
```

DIR holds the ACS 2018 data as folktables downloads them, or a sample of them; the images are those of
`undelete data mnist fashion_mnist cifar10`. undelete {undelete}, {versions}. {features}.
{split}: the first seed is {seed}, further splits have the seeds after it.
Settings: {settings}.

![{title}](better.svg)
"""
_READING = """## How to read this page

- *whole record exact*: every raw column is right, to its code, category or whole number. *of the surest tenth*: the
  same share among the tenth of the deletions of which the decoder was surest. *columns exact*: mean share of a
  record's columns.
- *deciles ahead of hrec*: of the nine deciles of the cosine, the share at which hrec+ has the larger one.
- *calibration error*: over ten bins of confidence in the whole record, the mean distance between confidence and share
  right, weighed by deletions. Luck alone gives about 0.8 √(10 p(1 - p)/deletions), up to .014 for 8,000.
- *bits*: of the public prior's entropy of a record with its target's class or tenth, what is gone from the posterior's.
- Intervals are 95 %, by a bootstrap of splits and of the deletions within each: all deletions of a split share its
  error of the public Hessian. A calibration error's own may lie above it, since resampling adds luck of its own.
- *milliseconds*: for decoding one deletion, its share of learning the prior included.
- In the pictures: left, the share of deletions of which at most that much came back, lower is better for the attacker;
  of tables also, in the middle, the share right beside the confidence, with Wilson intervals, and right, the share
  right among the surest.

## What the JSON holds

`schema` ({schema}), `name`, `title`, `command`, `seed`, `settings`, `levels`, `environment`, and `cases`, each with
`case`, `title`, `source`, `target`, `n`, `m`, `d`, `seeds`, `deletions`, `penalties` (one a split),
`gradient_norm_largest`, `columns`, `curve_of`, `targets` (`measure`, `at_least` or `at_most`, `value`, `met`), and
`decoders`. A decoder has `measures` (each `value`, `low`, `high`, `by_split`), `per_column`, `curve` (quantiles of the
score `curve_of` at `levels`), `by_confidence` (share right among the surest, at `levels` from the second) and
`reliability` (`n`, `confidence`, `right`, `low`, `high` a bin). What has no meaning in a case is null.
"""


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    result : dict
        What `undelete.paper.better.run` returned or wrote.
    """
    split = result["split"]
    head = _HEAD.format(
        command=result["command"], undelete=result["undelete"], features=result["features"], seed=result["seed"],
        versions=", ".join(f"{name} {result['environment'][name]}" for name in _VERSIONS),
        split=split[:1].upper() + split[1:], settings=result["settings"], title=result["title"],
    )  # fmt: skip
    text = [head, *_wanted(result["cases"])]
    for case in result["cases"]:
        text += [f"## {case['title']}\n", _played(case), *_measures(case), *_columns(case)]
    return "\n".join([*text, _READING.format(schema=SCHEMA)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)] + [""]


def _wanted(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Return what was wanted of hrec+ in each case, and what it reached."""
    rows = []
    for case in cases:
        for target in case["targets"]:
            name = target["measure"]
            paper = case["decoders"][HREC.name]["measures"][name]["value"]
            rows.append(
                [case["title"], SHOWN[name], measure(name, paper), wanted(target),
                 _interval(case, HREC_PLUS.name, name), "yes" if target["met"] else "**no**"]
            )  # fmt: skip
    return _table(["case", "measure", "hrec", "wanted", "hrec+ (95 %)", "reached"], rows)


def _played(case: dict[str, Any]) -> str:
    penalties = sorted(set(case["penalties"]))
    shown = ", ".join(formatting.number(penalty).replace("\u00a0", " ") for penalty in penalties)
    first, last = case["seeds"][0], case["seeds"][-1]
    seeds = f"{len(case['seeds'])} splits (seeds {first} to {last})" if last > first else f"one split (seed {first})"
    return (
        f"{case['source']}; predicts {case['target']}. n = {case['n']:,} private and m = {case['m']:,} public records, "
        f"d = {case['d']}; {case['deletions']:,} deletions on {seeds}; penalty {shown}; largest gradient per record "
        f"after retraining {case['gradient_norm_largest']:.1e}.\n"
    )


def _measures(case: dict[str, Any]) -> list[str]:
    """Return both decoders' measures, with the smallest and largest of a split."""
    rows = []
    for name, label in SHOWN.items():
        ours = case["decoders"][HREC_PLUS.name]["measures"][name]
        if ours["value"] is None:
            continue
        by_split = [value for value in ours["by_split"] if value is not None]
        ends = f"{measure(name, min(by_split))} to {measure(name, max(by_split))}" if by_split else formatting.MISSING
        rows.append([label, _interval(case, HREC.name, name), _interval(case, HREC_PLUS.name, name), ends])
    return _table(["measure", "hrec (95 %)", "hrec+ (95 %)", "hrec+, from split to split"], rows)


def _interval(case: dict[str, Any], decoder: str, name: str) -> str:
    found = case["decoders"][decoder]["measures"][name]
    if found["value"] is None or found["low"] is None:
        return measure(name, found["value"])
    return f"{measure(name, found['value'])} ({measure(name, found['low'])} to {measure(name, found['high'])})"


def _columns(case: dict[str, Any]) -> list[str]:
    """Return how often each column came back exactly."""
    if not case["columns"]:
        return []
    rows = [
        [name, *(f"{100 * share:.1f} %" for share in decoder["per_column"])]
        for name, decoder in case["decoders"].items()
    ]
    return ["Columns exactly right:\n", *_table(["decoder", *case["columns"]], rows)]
