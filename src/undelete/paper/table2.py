"""Table 2: the accuracy of the attacked models on the test images.

The models are those of Figure 3 (same halves, features, bandwidth and penalty for the same seed), trained on the
private half of the training images and scored on the authors' test images. The paper's own figures stand beside; it
does not say what it trained on.
"""

from __future__ import annotations

from typing import Any

from undelete.lab.files import PIXELS, header, prepare, save
from undelete.lab.fitting import deal, fit_private, in_space, kept_fit
from undelete.lab.images import load
from undelete.lab.kept import Shelf
from undelete.lab.models import IMAGE_RIDGE, IMAGE_SOFTMAX, Model, tried
from undelete.lab.models import PIXELS as ON_PIXELS
from undelete.lab.population import Population
from undelete.lab.steps import Folder, Progress, Steps
from undelete.paper.figure import shelf

MODELS = (ON_PIXELS, IMAGE_RIDGE, IMAGE_SOFTMAX)
PAPERS = {
    "softmax": {"MNIST": 0.916, "Fashion-MNIST": 0.845, "CIFAR-10": 0.395},
    "image_ridge": {"MNIST": 0.962, "Fashion-MNIST": 0.873, "CIFAR-10": 0.487},
    "image_softmax": {"MNIST": 0.964, "Fashion-MNIST": 0.884, "CIFAR-10": 0.504},
}
"""The paper's Table 2."""

NOTES = (
    "Trained on the private half of the training images, scored on the authors' 10,000 test images; Wilson's 95 % "
    "intervals are over the test images and leave out how much the training half varies.",
    "The paper does not say how many images it trained on, nor the bandwidth of its features.",
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit the nine models, score them, and write ``table2.json``; nothing is deleted.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder, populations = prepare(out), load(data_dir, deletions=deletions)
    steps = Steps(len(MODELS) * len(populations), progress)
    cells = []
    for model in (tried(one, deletions) for one in MODELS):
        for population in populations:
            cells.append(cell(population, model, seed, steps, shelf(folder, population, seed)))
            steps.add(1)
    result = header("table2", "Accuracy of the attacked models", "Table 2 of the paper", seed, features=PIXELS)
    result |= {"notes": list(NOTES), "cells": cells}
    save(result, folder)
    return result


def cell(population: Population, model: Model, seed: int, steps: Steps, kept: Shelf) -> dict[str, Any]:
    """Return one cell of the table: a model of one data set, its accuracy and the paper's."""
    dealt, mark = deal(model, population, seed, steps)
    known = kept_fit(model, mark, kept)
    if known is None:
        dealt = in_space(model, population, dealt, seed, kept, steps)
        fitted = fit_private(model, population, dealt, seed, mark=mark, shelf=kept, steps=steps)
        account = dict(fitted.account)
    else:
        account = dict(known.account)
    value, low, high = (account.pop(name) for name in ("accuracy", "accuracy_low", "accuracy_high"))
    papers = PAPERS[model.key][population.name]
    return {
        "sample": population.name, "source": population.source, "model": model.label, "key": model.key,
        "target": population.target(model.kind), "unit": population.unit(model.kind),
        "n": len(dealt.X), "m": len(dealt.X_public), "seed": seed, **account,
        "score": "accuracy", "value": value, "low": low, "high": high, "paper": papers, "difference": value - papers,
    }  # fmt: skip


EXPERIMENTS = {"table2": run}
"""By name, as `Experiment.run` calls it."""
