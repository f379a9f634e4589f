"""docs/results/updates_leak.md: Figures 8 and 9, and what each attack costs, those on membership among them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from undelete.attacker.baselines import AVG
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.lab.files import SCHEMA
from undelete.paper.drawings.sheet import NAMES
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages import membership as membership_page
from undelete.paper.pages import tables
from undelete.paper.pages.markdown import heading, panel_name, sentence, share, similarity, table

_HEAD = """# Updates-Leak, and what each attack costs for what it finds

Each section was made by the command above its tables; `python -m undelete.paper.pages` made this page from the JSON
files the commands wrote. The same command gives the same numbers but for the seconds, on the same machine: networks
add up in an order of their own elsewhere. DIR holds what `undelete data cifar10` downloads; without --data it is
~/.cache/undelete. Updates-Leak needs the extra `torch`.

{finding}
"""

_FINDING = """**{verdict}** From the probabilities of {probes} public records, before and after one gradient step on the
image, it reaches a median cosine of {step} ({step_centred} centred); from the two retrained models {again}
({again_centred} centred). The average public image has {avg}, and 0 centred; HRec on the parameters {hrec}
({hrec_centred}), HRec+ {plus} ({plus_centred}).

That is with differences of log probabilities. With those of probabilities, as published, it reaches {step_published}
({step_published_centred}) on one step and {again_published} ({again_published_centred}) on retraining. Its errors on
held-out shadow updates are in the table below: {carries}.

For all deletions it needs {models} trained models, {shadows} shadow updates and {minutes} minutes, one step and
retraining; HRec needs the two models' parameters, and no training.
"""

_READING = """## How to read the tables

- *one step*: the paper's scenario. The model trained without the record takes one gradient step on it, and the attack
  sees the probabilities before and after. *retraining*: the record is deleted by exact retraining; all other attacks
  see these models, too. `docs/maths.md` (17), (18).
- *cosine*: {similarity}.
- *mean square error* on held-out shadow updates, in units of the public images' variance about their mean: 1 for the
  average image. Training stopped where it was least; *epochs* there, and in all.
- *first order against exact*: of a few shadow deletions that were retrained exactly, too, the cosine between both
  changes of the scores, and the quotient of their lengths, which the network does not see.
- *seconds* are of all deletions of a panel together, training included, on {platform}, beside other work; of the
  drop in confidence and the likelihood from two models, of one deletion. *models*: trained by the attacker; shadow
  updates are not models that anybody formed. *queries*: predictions asked of the released models.
- Shares have Wilson 95 % intervals over deletions; those of medians are the similarities at the ends of Wilson's
  interval of one half. All deletions share one split, one shadow model and one training.
- {features}.

## What the JSON holds

As that of the other figures of images, see `images.md`; and `schema` ({schema}), `plan` (what was given to the attack),
and in the panel `cost` by attack, `updates_leak` by scenario with `probes`, `shadows`, `training` and `autoencoder`
(`held_out`, `best`, `epochs`), `n_shadow_model`, `gradient_norm_shadow_model` and `rate`, the length of the step.
"""


def belongs(result: dict[str, Any]) -> bool:
    """Return whether a result is of Updates-Leak."""
    return EXPERIMENTS[result["name"]].trained


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown; results of membership attacks among them add their costs to the last table."""
    own = sorted((r for r in results if belongs(r)), key=lambda r: (r["name"], r["seed"]))
    text = []
    for result in own:
        panels = _panels(result)
        text += [*heading(result, result["notes"]), f"![{result['title']}]({result['name']}.svg)\n"]
        if "rows" in result:
            text += [*tables.settings(panels), *_scores(panels), *_training(panels)]
        else:
            text += tables.shown(panels)
    first = own[0]
    reading = _READING.format(
        similarity=first["similarity"], platform=first["environment"]["platform"], schema=SCHEMA,
        features=sentence(first["features"]),
    )  # fmt: skip
    costs = ["## What each attack costs\n", *_costs(own, [r for r in results if not belongs(r)])]
    return "\n".join([_HEAD.format(finding=_finding(_panels(first)[0])), *text, *costs, reading])


def _panels(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [*result.get("grids", []), *(panel for row in result.get("rows", []) for panel in row["panels"])]


def _finding(panel: dict[str, Any]) -> str:
    """Return what came out, in words."""
    attacks, cost = panel["attacks"], panel["cost"]
    step, again, hrec = (attacks[name] for name in ("updates_leak_step", "updates_leak_retraining", HREC.name))
    better = hrec["median_cosine"] > max(step["median_cosine"], again["median_cosine"])
    verdict = f"The paper's finding {'holds' if better else 'does not hold'}: Updates-Leak finds " + (
        "less of a deleted image than HRec does." if better else "no less of a deleted image than HRec does."
    )
    minutes = [cost[name]["seconds"] / 60 for name in ("updates_leak_step", "updates_leak_retraining")]
    given = panel["updates_leak"]["updates_leak_step"]
    names = {"step": step, "again": again, "hrec": hrec, "plus": attacks[HREC_PLUS.name], "avg": attacks[AVG.name]} | {
        f"{key}_published": attacks[f"updates_leak_{name}_published"]
        for key, name in (("step", "step"), ("again", "retraining"))
    }
    lost = step["median_centred"] > names["step_published"]["median_centred"]
    carries = f"what it learns on the shadow model carries over to the target {'in part only' if lost else 'likewise'}"
    numbers = {key: similarity(attack["median_cosine"]) for key, attack in names.items()}
    numbers |= {f"{key}_centred": similarity(attack["median_centred"]) for key, attack in names.items()}
    text = _FINDING.format(
        verdict=verdict, carries=carries, probes=given["probes"], models=cost["updates_leak_step"]["models"],
        shadows=f"{given['shadows']:,}", minutes=f"{minutes[0]:.0f} and {minutes[1]:.0f}", **numbers,
    )  # fmt: skip
    return "\n\n".join(textwrap.fill(paragraph, 120) for paragraph in text.split("\n\n"))


def _scores(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = ["attack", "sees", "on", "median cosine", "10 % to 90 %", "above .9", "above .99", "median centred"]
    rows = [
        [
            NAMES.get(name, name), "parameters" if panel["cost"][name]["parameters"] else _sees(name),
            "one step" if name.startswith("updates_leak_step") else "retraining", _median(one, "cosine"),
            f"{similarity(one['q10_cosine'])} to {similarity(one['q90_cosine'])}",
            share(one, "share_above_.9"), share(one, "share_above_.99"), _median(one, "centred"),
        ]
        for panel in panels
        for name, one in panel["attacks"].items()
    ]  # fmt: skip
    return table(head, rows)


def _median(attack: dict[str, Any], of: str) -> str:
    middle, low, high = (similarity(attack[f"median_{of}{end}"]) for end in ("", "_low", "_high"))
    return f"{middle} ({low} to {high})"


def _sees(name: str) -> str:
    return "public records only" if name == AVG.name else "answers"


def _training(panels: Sequence[dict[str, Any]]) -> list[str]:
    head = [
        "Updates-Leak", "probes", "shadow updates", "shadow model's records", "its gradient", "mean square error",
        "epochs", "autoencoder's error", "epochs", "seconds: shadow model", "shadow updates", "autoencoder", "networks",
        "attack", "first order against exact",
    ]  # fmt: skip
    rows = [
        [
            NAMES[name], str(one["probes"]), f"{one['shadows']:,}", f"{one['n_shadow_model']:,}",
            f"{one['gradient_norm_shadow_model']:.1e}", *_stopped(one["training"]), *_stopped(one["autoencoder"]),
            *(
                f"{panel['cost'][name][f'seconds_{stage}']:,.1f}"
                for stage in ("shadow_model", "shadows", "autoencoder", "networks", "attack")
            ),
            _agreement(one),
        ]
        for panel in panels
        for name, one in panel["updates_leak"].items()
    ]  # fmt: skip
    return table(head, rows)


def _agreement(one: dict[str, Any]) -> str:
    if "checked" not in one:
        return "exact"
    least, middle = (similarity(one[f"first_order_cosine{end}"]) for end in ("_least", ""))
    return f"cosine {middle}, {least} at least, length {one['first_order_length']:.2f}, of {one['checked']}"


def _stopped(training: dict[str, Any]) -> tuple[str, str]:
    return f"{training['held_out']:.3f}", f"{training['best']} of {training['epochs']}"


def _costs(own: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[str]:
    """Return one table of all attacks: those on images, and those on membership as far as their results are given."""
    head = [
        "attack", "on", "seconds", "of which training", "models", "shadow updates", "queries", "needs parameters",
        "finds",
    ]  # fmt: skip
    rows = []
    for panel in _panels(own[0]):
        for name, cost in panel["cost"].items():
            shadows = panel["updates_leak"].get(name, {"shadows": 0})["shadows"]
            found = f"cosine {similarity(panel['attacks'][name]['median_cosine'])}, median of {panel['changed']}"
            rows.append([NAMES.get(name, name), panel_name(panel), *_cost(cost, f"{shadows:,}"), found])
    for result in others:
        for what, label, cost, area in membership_page.costs(result):
            rows.append([label, what, *_cost(cost, "0"), f"AUC {area}"])
    made = ", ".join(f"`{result['command']}`" for result in others)
    return [*([f"The rows on membership are of {made}; see `membership.md`.\n"] if others else []), *table(head, rows)]


def _cost(cost: dict[str, Any], shadows: str) -> list[str]:
    return [
        f"{cost['seconds']:,.3g}", f"{cost['seconds_training']:,.3g}", str(cost["models"]), shadows,
        f"{cost['queries']:,}", "yes" if cost["parameters"] else "no",
    ]  # fmt: skip
