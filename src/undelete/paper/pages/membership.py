"""docs/results/membership.md: what LiRA finds out of the tabular models, and what two models say of who was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.lab.files import SCHEMA
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.markdown import chosen, heading, panel_name, predicts, sentence, share, similarity, table
from undelete.report import formatting

_ATTACKS = {
    "lira": "LiRA on the old model",
    "confidence": "drop in confidence, old to new",
    "two_models": "likelihood from two models",
}
_RATES = (".001", ".01", ".1")

_HEAD = """# Membership: who was in the training data, and who was deleted from it

Each section was made by the command above its tables; `python -m undelete.paper.pages` made this page from the JSON
files the commands wrote. The same command gives the same numbers but for the seconds. DIR holds the ACS 2018 data as
folktables downloads them, or a sample of them; each table says which.

{finding}
"""

_FINDING = """**{verdict}** Its area under the ROC curve is {plain}
with the columns as features, where one half, guessing, lies within the 95 % interval of {plain_guesses}; and {random}
with {features} random Fourier features, {random_guesses}. At a false-positive rate of .001 it finds {start} of the
members. The more features for a record, the more a model remembers of it, as `docs/maths.md` (15) says it must.

**From two models, though, it is plain who was deleted.** The likelihood that a candidate explains the difference,
`docs/maths.md` (16), names the right person first, among {candidates} private and held-out people, in {first} of the
deletions that changed the model (area {area}). It trains no model and asks for no prediction. LiRA, asked the same of
the same people, has an area of {blind}.
"""

_NEAR = 0.6  # area up to which an attack is called close to guessing

_READING = """## How to read the tables

- *private*, *public*, *held out*: records that the target model was fitted on, that the shadow models are bootstraps
  of, and neither. All private and held-out records are scored. *d* features with the constant. *penalty* is that of the
  summed objective (`docs/maths.md` (1)), chosen on the private part: {chosen}.
- *gradient*: the largest gradient per record that the shadow models had, in units of the target.
- *AUC*: area under the ROC curve, with Newcombe's 95 % interval. *One variance* and *a variance each*: the spread of
  the shadows taken for all records together, or for each record by itself (`docs/maths.md` (15)).
- *found at*: true-positive rate at a false-positive rate, LiRA with one variance. The interval is the percentile
  bootstrap over members and non-members, so that it counts the threshold's own error, widened to Wilson's.
- Intervals are over records, given the models. Another target model moves an area by more: see the other splits.
- *who was deleted*: records deleted one at a time with exact retraining, each looked for among all private and held-out
  records. *AUC*: the chance that the deleted one is ranked above another, mean over the deletions that changed the
  model, with a bootstrap interval. *median rank* 1 is the right person first. *named first*: no other candidate
  explains the deletion as well, with Wilson's interval; *no better one*: equals, persons with the same answers in
  every column, are allowed.
- *seconds*: of LiRA for all candidates of a panel, training included; of the others for one deletion, all candidates.
  *models*: trained by the attacker. *queries*: predictions asked of the released models. On {platform}.
- {features}.

## What the JSON holds

`schema` ({schema}), `name`, `title`, `shows`, `paper`, `undelete` (its version), `command`, `seed`, `deletions`,
`split`, `features`, `environment`, `notes`, `levels` (false-positive rates at which curves are kept) and `rows` of
`panels`: `sample`, `source`, `target`, `unit`, `model`, `key`, `embedding`, `n`, `m`, `held_out`, `d`, `seed`,
`penalty`, `penalty_chosen`, `gradient_norm_fit`, `gradient_norm_shadows`, `gradient_tolerance`, `shadows`; `lira`, by
variance `auc`, `tpr_at_.001`, `.01`, `.1` (each with `_low` and `_high`) and `curve`; `who`, with `deletions`,
`changed`, `candidates` and by attack `auc`, `auc_members`, `auc_non_members` (the deleted against other members, and
against non-members), `median_rank`, `first`, `unbeaten` and `curve` (share of the deletions found when that share of
the others is accused); `cost` by attack.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result's panels are of membership attacks."""
    return any("lira" in panel for panel in _panels(result))


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown; of several results of one experiment the smallest seed's is shown in full."""
    shown, text = [], []
    names = {result["name"] for result in results}
    for name in (name for name in EXPERIMENTS if name in names):
        first, *others = sorted((r for r in results if r["name"] == name), key=lambda r: int(r["seed"]))
        shown.append(first)
        text += [*_section(first), *_splits(others)]
    panels = [panel for result in shown for panel in _panels(result)]
    reading = _READING.format(
        chosen=chosen(panels), schema=SCHEMA, features=sentence(shown[0]["features"]),
        platform=shown[0]["environment"]["platform"],
    )  # fmt: skip
    return "\n".join([_HEAD.format(finding=_finding(panels)), *text, reading])


def _panels(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for row in result.get("rows", []) for panel in row["panels"]]


def _finding(panels: Sequence[dict[str, Any]]) -> str:
    """Return the finding in words, with its numbers, where both sets of features are there."""
    plain = [p for p in panels if p["embedding"]["name"] == "columns"]
    random = [p for p in panels if p["embedding"]["name"] == "fourier"]
    if not plain or not random:
        return ""
    found = [p["who"]["attacks"]["two_models"] for p in panels if p["who"]["attacks"]["two_models"]["auc"] is not None]
    blind = [p["who"]["attacks"]["lira"]["auc"] for p in panels if p["who"]["attacks"]["lira"]["auc"] is not None]
    areas = [p["lira"]["global"]["auc"] for p in panels]
    holds = max(areas) <= _NEAR
    return _FINDING.format(
        verdict=f"The paper's finding {'holds' if holds else 'does not hold throughout'}: LiRA is "
        f"{'close to guessing on all of these models' if holds else 'not close to guessing on all of these models'}.",
        plain=_between([p["lira"]["global"]["auc"] for p in plain]), plain_guesses=_guesses(plain),
        random=_between([p["lira"]["global"]["auc"] for p in random]), random_guesses=_guesses(random),
        features=random[0]["embedding"]["features"],
        start=_between([100 * p["lira"]["global"]["tpr_at_.001"] for p in panels], 2) + " %",
        candidates=_between([p["who"]["candidates"] for p in panels], None),
        first=_between([100 * one["first"] for one in found], 0) + " %",
        area=_between([one["auc"] for one in found], 4), blind=_between(blind, 2),
    )  # fmt: skip


def _guesses(panels: Sequence[dict[str, Any]]) -> str:
    """Return for how many panels one half lies within LiRA's interval."""
    lira = [p["lira"]["global"] for p in panels]
    return f"{sum(one['auc_low'] <= 0.5 <= one['auc_high'] for one in lira)} of {len(lira)} models"


def _between(values: Sequence[float], decimals: int | None = 3) -> str:
    """Return the range of some numbers."""
    ends = [f"{value:,.0f}" if decimals is None else f"{value:.{decimals}f}" for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _section(result: dict[str, Any]) -> list[str]:
    panels = _panels(result)
    text = [*heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n"]
    return [*text, *_settings(panels), *_rates(panels), *_who(panels), *_costs(panels)]


def _name(panel: dict[str, Any]) -> str:
    """Return a panel's sample, model and features."""
    random = panel["embedding"]["name"] == "fourier"
    return panel_name(panel) + (f", {panel['embedding']['features']} RFF" if random else "")


def _settings(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "records", "predicts", "private", "public", "held out", "d", "penalty", "shadows", "gradient"]
    rows = [
        [
            _name(p), p["source"], predicts(p), f"{p['n']:,}", f"{p['m']:,}", f"{p['held_out']:,}", str(p["d"]),
            f"{p['penalty']:.4g}", str(p["shadows"]), f"{p['gradient_norm_shadows']:.1e}",
        ]
        for p in panels
    ]  # fmt: skip
    return table(head, rows)


def _rates(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "LiRA, one variance: AUC", "a variance each: AUC", *(f"found at {rate}" for rate in _RATES)]
    rows = [
        [
            _name(p), *(_area(p["lira"][variance]) for variance in ("global", "record")),
            *(_found(p["lira"]["global"], f"tpr_at_{rate}") for rate in _RATES),
        ]
        for p in panels
    ]  # fmt: skip
    return ["Who was in the training data?\n", *table(head, rows)]


def _who(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "changed", "candidates", "who was deleted, by", "AUC", "95 %", "median rank", "named first"]
    rows = [
        [
            _name(p), f"{p['who']['changed']:,} of {p['who']['deletions']:,}", f"{p['who']['candidates']:,}",
            label, similarity(one["auc"]), _ends(one), _rank(one["median_rank"]), share(one, "first"),
            formatting.percent(one["unbeaten"]).replace("\u00a0", " "),
        ]
        for p in panels
        for name, label in _ATTACKS.items()
        for one in [p["who"]["attacks"][name]]
    ]  # fmt: skip
    return ["Who was deleted?\n", *table([*head, "no better one"], rows)]


def _costs(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["panel", "attack", "seconds", "of which training", "models trained", "queries", "needs parameters", "AUC"]
    rows = [
        [
            what, label, f"{cost['seconds']:.3g}", f"{cost['seconds_training']:.3g}", str(cost["models"]),
            f"{cost['queries']:,}", "yes" if cost["parameters"] else "no", area,
        ]
        for panel in panels
        for what, label, cost, area in _costs_of(panel)
    ]  # fmt: skip
    return ["What it costs:\n", *table(head, rows)]


def costs(result: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], str]]:
    """Return what each attack of a result is on, its name, what it cost, and its area under the ROC curve."""
    return [row for panel in _panels(result) for row in _costs_of(panel)]


def _costs_of(p: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], str]]:
    lira = (_name(p), "LiRA: was each in the data?", p["cost"]["lira"], similarity(p["lira"]["global"]["auc"]))
    return [lira] + [
        (
            _name(p), f"{_ATTACKS[name]}: who was deleted?", p["cost"][name],
            similarity(p["who"]["attacks"][name]["auc"]),
        )
        for name in ("confidence", "two_models")
    ]  # fmt: skip


def _splits(others: Sequence[dict[str, Any]]) -> list[str]:
    """Return areas on other splits."""
    if not others:
        return []
    names = [_name(panel) for panel in _panels(others[0])]
    rows = [[f"`{result['command']}`", *(_split(panel) for panel in _panels(result))] for result in others]
    return ["Other splits: AUC of LiRA; of who was deleted, from two models:\n", *table(["command", *names], rows)]


def _split(panel: dict[str, Any]) -> str:
    return f"{_area(panel['lira']['global'])}; {similarity(panel['who']['attacks']['two_models']['auc'])}"


def _area(rates: dict[str, Any]) -> str:
    return f"{rates['auc']:.4f} ({rates['auc_low']:.4f} to {rates['auc_high']:.4f})"


def _found(rates: dict[str, Any], name: str) -> str:
    """Return a true-positive rate in percent, with its interval: two decimals, since some are thousandths."""
    low, high = (100 * rates[f"{name}_{end}"] for end in ("low", "high"))
    return f"{100 * rates[name]:.2f} % ({low:.2f} to {high:.2f})"


def _ends(one: dict[str, Any]) -> str:
    if one.get("auc_low") is None:
        return formatting.MISSING
    return f"{similarity(one['auc_low'])} to {similarity(one['auc_high'])}"


def _rank(rank: float | None) -> str:
    return formatting.MISSING if rank is None else f"{rank:,.1f}".removesuffix(".0")
