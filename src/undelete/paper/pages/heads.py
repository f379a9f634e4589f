"""docs/results/heads.md from heads.json, so that no number in it is typed by hand."""

from __future__ import annotations

from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.pages.markdown import heading, share, table
from undelete.report import formatting

_LABELS = {
    "hrec+": "undelete (`hrec+`)", "hrec": "the paper's (12) (`hrec`), features", "normal": "(11), a normal prior",
    "nearest": "nearest public image, by the features", "maxdiff": "MaxDiff", "avg": "Avg",
    "informed": "the features known (bound)", "oracle": "nearest public image to the true one",
}  # fmt: skip
_MEASURES = {"features": "features, centred", "image": "image, centred", "label": "label"}

_HEAD = """# Heads on frozen nets

The paper's Section 3.1: only the last layer of a net is fitted to private images, to the optimum, with and without each
of some of them. Both heads say the label and the features of the deleted image, `docs/maths.md` (12); a map trained on
public images and their features, and then the net itself, say the image, (36). The page was made by the command below;
`python -m undelete.paper.pages results/heads.json > docs/results/heads.md` made it. DIR holds what `undelete data
fashion_mnist cifar10` downloads; without --data it is ~/.cache/undelete.
"""

_READING = """## How to read the tables

- *features*, *image*: median cosine between what was recovered and the truth, the public mean subtracted first, and the
  lowest decile. Avg has no direction about itself: its image counts as 0.
- The penalty of each split is the best on held-out private images of 1, 10, 100 and 1,000, before any deletion; where a
  weight decay is named, n times that, as in a training with it, whether or not another would predict better.
- `hrec`'s features are what one column of the gradient says, `hrec+`'s all of it, read again off the image found, (36).
- *said*: the median similarity that the error bars promise without the truth, as public images that the map was not
  trained on have it. *χ²*: squared error of the features beside what their error bars say (median); 1 is right.
- *seconds*: the attack on the first deletion of a split, the map's training with it.
- The bound inverts the true features by the same map and search: what it lacks the net has lost.

## What the JSON holds

`schema` ({schema}) and what every experiment has; `heads`, a case each, with `attacks` (medians and lowest deciles),
`label` with its interval, `promised`, `chi2`, `by_split` (the image's median), `penalties` and `accuracy` (of the old
head on public images) of each split, `gradient_norm_largest`, `seconds_first`, and `targets`.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is this page's."""
    return "heads" in result


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    text = [_HEAD, *heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n"]
    for row in result["heads"]:
        text += _case(row)
    return "\n".join([*text, _READING.format(schema=SCHEMA)])


def _case(row: dict[str, Any]) -> list[str]:
    penalties = ", ".join(f"{penalty:g}" for penalty in row["penalties"])
    penalties += "" if row["decay"] is None else ", which nothing chose"
    text = [
        f"### {row['title']}\n",
        f"n = {row['n']:,}, m = {row['m']:,}; {row['deletions']} deletions over {len(row['seeds'])} splits; penalty "
        f"{penalties}; accuracy {', '.join(_number(one) for one in row['accuracy'])}. {row['source']}.\n",
    ]
    keys = ("median_features", "q10_features", "median_image", "q10_image")
    lines = [
        [label, *(_number(row["attacks"][name].get(key)) for key in keys)]
        for name, label in _LABELS.items()
        if name in row["attacks"]
    ]
    text += table(["attack", "features", "lowest decile", "image", "lowest decile"], lines)
    text.append(
        f"Labels right {share(row, 'label')}. Image by split {', '.join(map(_number, row['by_split']))}; said "
        f"{_number(row['promised'])}; χ² {_number(row['chi2'])}; seconds {row['seconds_first']:g}.\n"
    )
    if row["targets"]:
        met = [
            f"{_MEASURES[one['measure']]} at least {one['at_least']:g}: {'met' if one['met'] else 'missed'}"
            for one in row["targets"]
        ]
        text.append(f"Meant to reach: {'; '.join(met)}.\n")
    return text


def _number(value: float | None) -> str:
    return formatting.MISSING if value is None else f"{value:.3f}"
