"""Models that were stopped, not converged: what comes back of a record by optimiser and number of steps.

Figure 11 of the paper has no penalty, and so no optimum; what it attacks is what an optimiser was stopped at, which it
does not name. Here several are, and every deletion is trained by the same steps without the record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from undelete.attacker.attacks import chosen, run_attack
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.stopped import reconstruct
from undelete.data.sources import acs_income
from undelete.errors import InputError
from undelete.lab import images
from undelete.lab.features import on_features
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Shelf, attacking_code, code_of, digest
from undelete.lab.samples import Sample
from undelete.lab.steps import Folder, Progress, Steps
from undelete.lab.stopped import OPTIMISERS, Optimiser, steepest, trained
from undelete.maths.arrays import Floats, Indices
from undelete.maths.descent import Descent
from undelete.maths.losses import Logistic, Loss, Softmax
from undelete.paper.better_tables import standardised
from undelete.paper.drawings.stopped import draw
from undelete.paper.figure import shelf
from undelete.release.public import Public
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import centred_cosine, cosine
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

N, FEATURES = 1_000, 512
BUDGETS = (10, 100, 1000)
STATE, PEOPLE = "CA", 10_000
KNOWN = "known"
"""Who knows the learning rate, the momentum and the number of steps, and undoes them: maths (37)."""
FEW = 20  # deletions
MORE = 3  # times as many of people
_ADAM = 0.01  # its learning rate
_FORM = 1
_DECIMALS = 6
NOTES = (
    "Softmax on 512 random features of 1,000 private images, from zero, without a penalty; public images as many. "
    "The learning rate is 1 / L, with L the steepest curvature of the mean loss at zero; Adam's is .01.",
    "Each deleted model is trained anew by the same steps. Minibatches are dealt by the same seed, and the record is "
    "missing from its own; `dealt anew`: from the records that remain, so that all fall into other batches.",
    "Knowing the optimiser: gradient descent and its momentum are a filter that can be undone, docs/maths.md (37); of "
    "minibatches the same filter is taken. L-BFGS and Adam have none.",
)


def stopped(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Train, stop, delete and attack, and write ``stopped.json`` with a picture.

    Parameters
    ----------
    data_dir : path or None
        Where the data are.
    out : path
        The folder; made when it is not there. What is trained is kept in its ``cache``.
    deletions : int or None
        Of each model; None for 20.
    seed : int
        Determines everything.
    progress : callable, optional
        Called as progress(done, total, stage), in models.
    """
    folder, b = prepare(out), deletions or FEW
    steps = Steps(len(BUDGETS) * (len(OPTIMISERS) * len(images.PICTURES) + 2), progress)
    panels = [_pictures(name, data_dir, b, seed, folder, steps) for name in images.PICTURES]
    table = _people(data_dir, MORE * b, seed, folder, steps)
    result = header(
        "stopped", "Models that were stopped, not converged", "Figure 11 of the paper by optimiser and steps", seed, b,
        features="random Fourier features of pixels in [-1, 1], or columns standardised; the constant 1",
    ) | {"notes": list(NOTES), "stopped": panels, "people": table}  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _kept_training(
    kept: Shelf, X: Floats, Y: Floats, loss: Loss, rows: Indices, optimiser: Optimiser, seed: int
) -> tuple[dict[int, Floats], float, str]:
    """Return the models by budget, the learning rate, and a digest of what they depend on."""
    step = _ADAM if optimiser.method == "adam" else 1 / steepest(X, loss, Y)
    key = digest(
        _FORM, X.shape, float(X.sum()), rows.tolist(), optimiser, BUDGETS, seed, code_of("undelete.lab.stopped")
    )
    name = f"stopped-{optimiser.key}-{len(rows)}"
    found = kept.load(name, key)
    if found is None:
        models = trained(X, Y, loss, rows, optimiser, step, BUDGETS, seed)
        found = kept.store(name, key, {str(budget): W for budget, W in models.items()}, {})
    return {int(budget): W for budget, W in found.arrays.items()}, step, key


def _pictures(name: str, data_dir: Folder | None, b: int, seed: int, folder: Path, steps: Steps) -> dict[str, Any]:
    """Return one set of images, a row an optimiser and number of steps."""
    population = images.load(data_dir, (name,))[0]
    kept = shelf(folder, population, seed)
    steps.begin(f"{population.name}: features")
    dealt = population.halves("class", seed)
    few = min(N, len(dealt.X))
    dealt = dealt.__class__(X=dealt.X[:few], Y=dealt.Y[:few], X_public=dealt.X_public[:few],
                            Y_public=dealt.Y_public[:few])  # fmt: skip
    dealt = on_features(dealt, FEATURES, population.streams(seed)[4], Shelf())
    rows = np.sort(np.random.default_rng(population.streams(seed)[2]).choice(few, size=min(b, few), replace=False))
    assert dealt.inputs is not None
    truth = Truth(X=dealt.X[rows], Y=dealt.Y[rows], inputs=dealt.inputs[rows])
    public: Public = {
        "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": _last(dealt.X.shape[1]),
        "target_kind": "class", "embedding": dealt.embedding, "inputs_public": dealt.inputs_public,
    }  # fmt: skip
    found = []
    for optimiser in OPTIMISERS:
        steps.begin(f"{population.name}: {optimiser.label}")
        models, step, key = _kept_training(kept, dealt.X, dealt.Y, Softmax(), rows, optimiser, seed)
        for budget, W in models.items():
            entry, mark = f"stopped-{optimiser.key}-{len(rows)}-{budget}", digest(key, _attacking())
            cell = kept.load(entry, mark)
            if cell is None:
                release = Release(loss=Softmax(), W_before=W[-1], W_after=W[:-1], n=few, l2=np.zeros(len(W[0])),
                                  **public)  # fmt: skip
                attacks = _attacked(release, truth, optimiser, step, budget)
                cell = kept.store(entry, mark, {}, {"accuracy": population.quality(dealt, W[-1])["accuracy"],
                                                    "attacks": attacks})  # fmt: skip
            steps.add(1)
            found.append({"optimiser": optimiser.key, "label": optimiser.label, "steps": budget, "step": step}
                         | cell.account)  # fmt: skip
    return {"sample": population.name, "source": population.source, "n": few, "m": few, "d": dealt.X.shape[1],
            "deletions": len(rows), "bandwidth": dealt.account["bandwidth"], "rows": found}  # fmt: skip


def _attacking() -> str:
    return digest(attacking_code(), code_of("undelete.attacker.stopped"))


def _last(d: int) -> Floats:
    """Return the vector that a record's constant is read by."""
    constant = np.zeros(d)
    constant[-1] = 1.0
    return constant


def _attacked(
    release: Release, truth: Truth, optimiser: Optimiser, step: float, budget: int
) -> dict[str, dict[str, float | None]]:
    """Return what each attack makes of one budget's deletions."""
    rng, found = np.random.default_rng(0), {}
    guesses = {attack.name: run_attack(attack, release, rng) for attack in chosen((HREC.name, MAXDIFF.name, AVG.name))}
    known = _known(release, optimiser, step, budget)
    if known is not None:
        guesses[KNOWN] = known
    assert truth.inputs is not None
    for name, guess in guesses.items():
        label = np.nan_to_num(score(release, truth, guess)["label"]) > 0
        low, high = wilson(float(label.sum()), len(label))
        inputs = guess.inputs
        assert inputs is not None
        found[name] = {
            **_spread("embedding", cosine(truth.X[:, :-1], guess.X[:, :-1])),
            **_spread("image", cosine(truth.inputs, inputs)),
            **_spread("centred", centred_cosine(truth.inputs, inputs, release.records_public.mean(axis=0))),
            "label": float(label.mean()), "label_low": low, "label_high": high,
        }  # fmt: skip
    return found


def _known(release: Release, optimiser: Optimiser, step: float, budget: int) -> Reconstruction | None:
    """Return what who knows the optimiser reconstructs; None where there is no filter, or no step that converges."""
    if optimiser.method != "descent":
        return None
    try:
        return reconstruct(release, Descent(step, budget, optimiser.momentum), np.random.default_rng(0))
    except InputError:
        return None


def _spread(name: str, values: Floats) -> dict[str, float | None]:
    known = np.nan_to_num(values)
    low, high = wilson(len(known) / 2, len(known))
    at = np.quantile(known, [0.5, 0.1, low, high]).round(_DECIMALS).tolist()
    return dict(zip((f"median_{name}", f"q10_{name}", f"median_{name}_low", f"median_{name}_high"), at, strict=True))


def _people(data_dir: Folder | None, b: int, seed: int, folder: Path, steps: Steps) -> list[dict[str, Any]]:
    """Return logistic regression of people: what comes back, and how probable it is said to be."""
    sample = Sample(STATE, acs_income(STATE, data_dir))
    dealt = sample.halves("class", seed)
    design = standardised(dealt)
    columns, codes, values = design.columns(dealt.raw_public)
    X, Y = dealt.X[:PEOPLE], dealt.Y[:PEOPLE]
    rows = np.sort(np.random.default_rng(sample.streams(seed)[2]).choice(len(X), size=min(b, len(X)), replace=False))
    true_codes, true_values = design.encode(dealt.raw.iloc[rows], columns)
    truth = Truth(X=X[rows], Y=Y[rows], codes=true_codes, values=true_values)
    public: Public = {
        "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": design.constant(), "columns": columns,
        "public_codes": codes, "public_values": values, "target_kind": "class",
    }  # fmt: skip
    found: list[dict[str, Any]] = []
    for optimiser in OPTIMISERS[:2]:
        steps.begin(f"{STATE}: {optimiser.label}")
        models, step, _ = _kept_training(shelf(folder, sample, seed), X, Y, Logistic(), rows, optimiser, seed)
        for budget, W in models.items():
            release = Release(loss=Logistic(), W_before=W[-1], W_after=W[:-1], n=len(X), l2=np.zeros(len(W[0])),
                              **public)  # fmt: skip
            known = _known(release, optimiser, step, budget)
            guesses = {"hrec+": run_attack(chosen("hrec+")[0], release, np.random.default_rng(0)), KNOWN: known}
            found.append({"optimiser": optimiser.key, "label": optimiser.label, "steps": budget, "n": len(X),
                          "m": len(dealt.X_public), "deletions": len(rows),
                          "attacks": {n: _told(release, truth, g) for n, g in guesses.items() if g}})  # fmt: skip
            steps.add(1)
    return found


def _told(release: Release, truth: Truth, guess: Reconstruction) -> dict[str, float | None]:
    """Return how near the records are, how many columns are right, and how many it says are."""
    scores = score(release, truth, guess)
    assert guess.probability is not None
    whole = np.nan_to_num(scores["exact_record"]) > 0
    low, high = wilson(float(whole.sum()), len(whole))
    numbers = {"columns": np.nan_to_num(scores["exact_columns"]).mean(),
               "columns_said": np.nan_to_num(guess.probability).mean(), "whole": whole.mean(), "whole_low": low,
               "whole_high": high, "whole_said": np.nan_to_num(guess.confidence).mean()}  # fmt: skip
    return _spread("centred", scores["centred_cosine"]) | {
        name: round(float(value), _DECIMALS) for name, value in numbers.items()
    }


EXPERIMENTS = {"stopped": stopped}
"""By name, as `Experiment.run` calls it."""
