"""Figures 8 and 9 of the paper: Updates-Leak on CIFAR-10, beside the attacks that see the parameters.

The paper compares two different things, and says so: HRec, MaxDiff and Avg on a model that was retrained without
the record, Updates-Leak on a model that took one gradient step on it. Here Updates-Leak attacks the retraining, too,
so that all of them are asked the same.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from undelete.attacker.baselines import MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.attacker.updates_leak.networks import torch
from undelete.lab.files import PIXELS, header, prepare, save
from undelete.lab.images import Images, load
from undelete.lab.kept import Kept
from undelete.lab.models import IMAGE_SOFTMAX, tried
from undelete.lab.panel import ON_IMAGES, play_panel
from undelete.lab.steps import Folder, Progress, Steps
from undelete.lab.summary import LEVELS
from undelete.maths.arrays import Floats
from undelete.paper.drawings.leak import draw_curves, draw_pictures
from undelete.paper.figure import PIXEL_SIMILARITY, shelf
from undelete.paper.updates_leak import LEAKS, Plan, planned, play_leaks
from undelete.scoring.intervals import wilson

MODEL, DATA = IMAGE_SOFTMAX, "cifar10"
TITLES = {
    "fig8": ("Updates-Leak beside attacks on the parameters", "after Figure 8 of the paper"),
    "fig9": ("Images as Updates-Leak gives them back", "after Figure 9 of the paper"),
}


def run(
    name: str,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
    *,
    shadows: int | None = None,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Attack, and write ``NAME.json``, ``NAME.svg`` and ``NAME.png`` into a folder.

    Parameters
    ----------
    name : {"fig8", "fig9"}
        Curves, or pictures; what one attacked is kept for the other.
    data_dir : path or None
        Where the images are; None for $UNDELETE_DATA and ~/.cache/undelete.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        How many, of all private images at most; None for all.
    seed : int
        Determines everything; the split and the deletions are those of the other figures of images.
    progress : callable, optional
        Called as progress(done, total, stage), in deletions times attacks.
    shadows, epochs : int, optional
        Shadow updates, and epochs of training on them at most; the paper's are 10,000 each.

    Returns
    -------
    dict
        What the JSON holds. But for the seconds the same arguments give the same numbers.

    Raises
    ------
    InputError
        When torch or the data are not there, a model does not converge, or the folder cannot be written to.
    """
    torch()  # it would be missed only when all deletions are retrained
    folder, plan = prepare(out), planned(shadows, epochs, deletions)
    population = load(data_dir, (DATA,), deletions)[0]
    count, model = population.n if deletions is None else min(deletions, population.n), tried(MODEL, deletions)
    kept = shelf(folder, population, seed)
    steps = Steps((len(ON_IMAGES) + 1 + len(LEAKS)) * count, progress)
    panel = play_panel(population, model, count, seed, steps, attacks=ON_IMAGES, shelf=kept)
    leaks = play_leaks(population, model, count, seed, plan, steps, kept)
    account = _account(panel, leaks)
    title, shows = TITLES[name]
    result = header(name, title, shows, seed, "all" if deletions is None else deletions, features=PIXELS) | {
        "similarity": PIXEL_SIMILARITY, "notes": _notes(plan, leaks), "plan": _plan(plan),
    }  # fmt: skip
    result["command"] += "".join(
        f" --{option} {value}" for option, value in (("shadows", shadows), ("epochs", epochs)) if value is not None
    )
    if name == "fig8":
        result |= {
            "levels": LEVELS.round(6).tolist(),
            "rows": [{"model": model.label, "panels": [account]}],
        }
        save(result, folder, lambda stem: draw_curves(result, stem))
        return result
    shown = _shown(population, panel, leaks)
    result["grids"] = [_described(population, panel, shown, account)]
    save(result, folder, lambda stem: draw_pictures(result, population.data.info, shown, stem))
    return result


def _account(panel: Kept, leaks: dict[str, Kept]) -> dict[str, Any]:
    """Return the panel as the JSON holds it, with what each attack cost."""
    account = panel.account
    attacks = account["attacks"] | {name: leak.account["summary"] for name, leak in leaks.items()}
    attacks = {name: attack | _median_ends(attack) for name, attack in attacks.items()}
    count, m = account["deletions"], account["m"]
    costs: dict[str, dict[str, Any]] = {
        name: {
            "seconds": round(count * attack["seconds_each"], 2), "seconds_training": 0.0, "models": 0, "queries": 0,
            "parameters": name in (HREC.name, HREC_PLUS.name),
        }
        for name, attack in account["attacks"].items()
    }  # fmt: skip
    costs[MAXDIFF.name]["queries"] = (count + 1) * m  # all public records, before and after
    for name, leak in leaks.items():
        seconds = {key: value for key, value in leak.account["cost"].items() if key.startswith("seconds_")}
        costs[name] = {
            "seconds": round(sum(seconds.values()), 2),
            "seconds_training": round(sum(seconds.values()) - seconds["seconds_attack"], 2),
            "models": 3,  # the shadow model, the autoencoder, the encoder with its decoder
            "queries": leak.account["queries"], "parameters": False,
            **{key: round(value, 2) for key, value in seconds.items()},
        }  # fmt: skip
    leaked = {
        name: {key: value for key, value in leak.account.items() if key not in ("summary", "cost", "queries")}
        | {key: value for key, value in leak.account["cost"].items() if not key.startswith("seconds_")}
        for name, leak in leaks.items()
    }
    return account | {"attacks": attacks, "cost": costs, "updates_leak": leaked}


def _median_ends(attack: dict[str, Any]) -> dict[str, float]:
    """Return 95 % intervals of an attack's medians: the similarities at the ends of Wilson's interval of one half."""
    low, high = wilson(attack["deletions"] / 2, attack["deletions"])
    at, found = len(LEVELS) - 1, {}
    for name in ("cosine", "centred"):
        curve = attack[f"curve_{name}"]
        found[f"median_{name}_low"] = curve[int(np.floor(low * at))]
        found[f"median_{name}_high"] = curve[int(np.ceil(high * at))]
    return found


def _plan(plan: Plan) -> dict[str, Any]:
    settings = asdict(plan.settings) | {"widths": list(plan.settings.widths)}
    settings.pop("view")  # each attack has its own
    return {"probes": plan.probes, "shadows": plan.shadows, **settings}


def _notes(plan: Plan, leaks: dict[str, Kept]) -> list[str]:
    minutes = {name: sum(v for k, v in leak.account["cost"].items() if k.startswith("seconds_")) / 60
               for name, leak in leaks.items()}  # fmt: skip
    step, again = (leaks[name].account for name in ("updates_leak_step", "updates_leak_retraining"))
    return [
        "One step: the model trained without the record takes one gradient step on it, the paper's scenario for "
        f"Updates-Leak; the paper does not give its length, here {step['cost']['rate']:.3g}, the longest that is sure "
        "to lower the record's loss. Retraining: the models that all other attacks see, too. The two are different "
        "pairs of models.",
        f"Updates-Leak: the probabilities of {step['probes']:,} public records; {step['shadows']:,} shadow updates "
        f"(paper: 10,000); training stopped by held-out shadow updates after {step['training']['epochs']} and "
        f"{again['training']['epochs']} epochs, {plan.settings.epochs:,} at most (paper: 10,000), the autoencoder "
        f"after {step['autoencoder']['epochs']}; {minutes['updates_leak_step']:.0f} and "
        f"{minutes['updates_leak_retraining']:.0f} minutes on a CPU, the autoencoder counted in both.",
        "As published: differences of probabilities. Otherwise of log probabilities, from the same answers: what a "
        "network learns on the shadow model then holds for the target, too (docs/maths.md).",
        "The cosine of the pixels flatters every guess that has the right brightness; the centred one does not.",
    ]


def _shown(population: Images, panel: Kept, leaks: dict[str, Kept]) -> dict[str, dict[str, Floats]]:
    """Return what is drawn in each row: "pictures" (columns, d0) and "cosines" (columns,), a deletion each label."""
    rows = panel.arrays["rows"]
    shown: dict[str, dict[str, Floats]] = {}
    for name in ("updates_leak_step", "updates_leak_retraining"):
        leak = leaks[name]
        at = np.searchsorted(leak.arrays["rows"], rows)
        shown[name] = {"pictures": leak.arrays["guesses"][at], "cosines": leak.arrays["cosine"][at]}
    for name in (HREC.name, HREC_PLUS.name):
        shown[name] = {"pictures": panel.arrays[name], "cosines": panel.arrays[f"cosine_{name}"]}
    return {"deleted": {"pictures": panel.arrays["deleted"]}, **shown}


def _described(
    population: Images, panel: Kept, shown: dict[str, dict[str, Floats]], account: dict[str, Any]
) -> dict[str, Any]:
    attacks = {
        name: {key: value for key, value in attack.items() if not key.startswith("curve_")}
        for name, attack in account["attacks"].items()
    }
    cosines = {
        name: [None if np.isnan(value) else round(float(value), 6) for value in one["cosines"]]
        for name, one in shown.items()
        if "cosines" in one
    }
    return account | {
        "attacks": attacks,
        "rows": panel.arrays["rows"].tolist(),
        "labels": [population.data.classes[int(label)] for label in panel.arrays["labels"]],
        "cosines": cosines,
    }


EXPERIMENTS = {name: partial(run, name) for name in ("fig8", "fig9")}
"""By name, each as `Experiment.run` calls it."""
