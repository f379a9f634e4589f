"""Models that were stopped, not converged: what comes back of a record by optimiser and number of steps.

Figure 11 of the paper has no penalty, and so no optimum; what it attacks is what an optimiser was stopped at, which it
does not name. Here several are, and every deletion is trained by the same steps without the record.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attacks import chosen, run_attack
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.lab import images
from undelete.lab.features import on_features
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Shelf, digest
from undelete.lab.steps import Folder, Progress, Steps
from undelete.lab.stopped import OPTIMISERS, Optimiser
from undelete.maths.arrays import Floats
from undelete.maths.softmax import Softmax
from undelete.paper.drawings.stopped import draw
from undelete.paper.figure import shelf
from undelete.paper.stopped_models import BUDGETS, KNOWN, attacking, kept_training, known, spread
from undelete.paper.stopped_people import people
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import centred_cosine, cosine
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

N, FEATURES = 1_000, 512
FEW = 20  # deletions
MORE = 2  # times as many of people
_PIXELS = 1000  # numbers of an image up to which it is taken as it is
NOTES = (
    "Softmax on 512 random features of 1,000 private images, from zero, without a penalty; public images as many; "
    "those of CIFAR-10 halved to 16 x 16. "
    "The learning rate is 1 / L, with L the steepest curvature of the mean loss at zero; Adam's is .01.",
    "Each deleted model is trained anew by the same steps. Minibatches are dealt by the same seed, and the record is "
    "missing from its own; `dealt anew`: from the records that remain, so that all fall into other batches.",
    "Knowing the optimiser: gradient descent and its momentum are a filter that can be undone, docs/maths.md (40); of "
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
    table = people(data_dir, MORE * b, seed, folder, steps)
    result = header(
        "stopped", "Models that were stopped, not converged", "Figure 11 of the paper by optimiser and steps", seed, b,
        features="random Fourier features of pixels in [-1, 1], or columns standardised; the constant 1",
    ) | {"notes": list(NOTES), "stopped": panels, "people": table}  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _pictures(name: str, data_dir: Folder | None, b: int, seed: int, folder: Path, steps: Steps) -> dict[str, Any]:
    """Return one set of images, a row an optimiser and number of steps."""
    population = _small(images.load(data_dir, (name,))[0])
    kept = shelf(folder, population, seed)
    steps.begin(f"{population.name}: features")
    dealt = population.halves("class", seed)
    few = min(N, len(dealt.X))
    dealt = dealt.__class__(X=dealt.X[:few], Y=dealt.Y[:few], X_public=dealt.X_public[:few],
                            Y_public=dealt.Y_public[:few])  # fmt: skip
    dealt = on_features(dealt, FEATURES, population.streams(seed)[4], Shelf())
    rows = np.sort(np.random.default_rng(population.streams(seed)[2]).choice(few, size=min(b, few), replace=False))
    assert dealt.inputs is not None
    for array in (dealt.X_public, dealt.Y_public, dealt.inputs_public):
        assert array is not None
        array.setflags(write=False)  # the same for all releases, which then make what hangs on it once
    truth = Truth(X=dealt.X[rows], Y=dealt.Y[rows], inputs=dealt.inputs[rows])
    public: Public = {
        "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": _last(dealt.X.shape[1]),
        "target_kind": "class", "embedding": dealt.embedding, "inputs_public": dealt.inputs_public,
    }  # fmt: skip
    found = []
    for optimiser in OPTIMISERS:
        steps.begin(f"{population.name}: {optimiser.label}")
        models, step, key = kept_training(kept, dealt.X, dealt.Y, Softmax(), rows, optimiser, seed)
        for budget, W in models.items():
            entry, mark = f"stopped-{optimiser.key}-{len(rows)}-{budget}", digest(key, attacking())
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


def _small(population: images.Images) -> images.Images:
    """Return images of few pixels: of many, four are averaged, since each is traced back from its features."""
    data, side = population.data, population.data.x_train.shape[1:3]
    if np.prod(data.x_train.shape[1:]) <= _PIXELS:
        return population

    def halved(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
        quarters = x.reshape(len(x), side[0] // 2, 2, side[1] // 2, 2, -1)
        return np.asarray(quarters.mean(axis=(2, 4)).round().astype(np.uint8))

    few = dataclasses.replace(
        data, x_train=halved(data.x_train), x_test=halved(data.x_test),
        source=f"{data.source}; halved to {side[0] // 2} x {side[1] // 2} pixels",
    )  # fmt: skip
    return images.Images(few)


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
    own = known(release, optimiser, step, budget)
    if own is not None:
        guesses[KNOWN] = own
    assert truth.inputs is not None
    for name, guess in guesses.items():
        label = np.nan_to_num(score(release, truth, guess)["label"]) > 0
        low, high = wilson(float(label.sum()), len(label))
        inputs = guess.inputs
        assert inputs is not None
        found[name] = {
            **spread("embedding", cosine(truth.X[:, :-1], guess.X[:, :-1])),
            **spread("image", cosine(truth.inputs, inputs)),
            **spread("centred", centred_cosine(truth.inputs, inputs, release.records_public.mean(axis=0))),
            "label": float(label.mean()), "label_low": low, "label_high": high,
        }  # fmt: skip
    return found


EXPERIMENTS = {"stopped": stopped}
"""By name, as `Experiment.run` calls it."""
