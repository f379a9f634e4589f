"""What noise leaves of a deleted picture: softmax on Fashion-MNIST, five strengths of noise.

Beyond the paper. One deletion of each label, drawn by the seed before any attack ran.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attacks import run_attack
from undelete.attacker.gradient.protected import knowing
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.lab import images
from undelete.lab.files import PIXELS, header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maintainer.defences.defence import Private, Protected
from undelete.maintainer.defences.noisy import InstanceNoise
from undelete.maintainer.fit import fit
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats, Indices
from undelete.maths.objective import Objective
from undelete.maths.softmax import Softmax
from undelete.release.release import Release
from undelete.report.picture_rows import PictureRow, draw
from undelete.scoring.scores import centred_cosine

N = 4000  # private images, and as many public ones
PENALTY = 100.0
STRENGTHS = (3000, 1000, 300, 100, 30)
_TOL = 1e-9
_TITLE = "What noise leaves of a deleted picture"
NOTES = (
    "Noise scaled to the deletions, by what epsilon would be if no other image moved the model more: no proof. The "
    "attack knows its law. Under each picture its centred cosine with the deleted one; the better of HRec and HRec+.",
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Play one deletion of each label under each strength, and write ``noisy_images.json`` and its picture.

    Parameters
    ----------
    data_dir : path or None
        Where the images are; None for ~/.cache/undelete.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Labels that are shown, ten at most.
    seed : int
        Draws the halves, the deletions and the noise.
    progress : callable, optional
        Called as progress(done, total, stage).
    """
    folder, steps = prepare(out), Steps(2 + len(STRENGTHS), progress)
    steps.begin("fitting and deleting")
    population = images.load(data_dir, ("fashion_mnist",))[0]
    private, labels = _played(population, min(10, deletions or 10), seed)
    steps.add(1)
    shown, rows = [], []
    for strength in (None, *STRENGTHS):
        steps.begin("no noise" if strength is None else f"noise as if epsilon {strength:,}")
        X, cosines = _recovered(private, strength, seed)
        shown.append((strength, X, cosines))
        rows.append({"strength": strength, "centred_cosine": [round(float(c), 4) for c in cosines]})
        steps.add(1)
    result = header(
        "noisy_images", _TITLE, "beyond the paper: five strengths of noise", seed, len(labels), features=PIXELS
    ) | {
        "split": f"{len(private.objective.X):,} private and {len(private.X_public):,} public images, by the seed",
        "notes": list(NOTES), "sample": population.name, "penalty": PENALTY,
        "model": "softmax on blocks of 2 x 2 pixels",
        "labels": [population.data.classes[label] for label in labels], "blurred": rows,
    }  # fmt: skip
    save(result, folder, lambda stem: _draw(result, population, private, shown, stem))
    return result


def _played(population: images.Images, count: int, seed: int) -> tuple[Private, list[int]]:
    """Fit, and delete the first image of each label in the order of a draw."""
    dealt, shape = population.halves("class", seed), population.data.info.shape
    n, m = min(N, len(dealt.X)), min(N, len(dealt.X_public))
    X, X_public = (np.c_[images.coarse(part[:, :-1], shape), part[:, -1]] for part in (dealt.X[:n], dealt.X_public[:m]))
    l2 = np.full(X.shape[1], PENALTY)
    l2[-1] = 0.0
    objective = Objective(X, dealt.Y[:n], Softmax(), l2)
    W = np.asarray(fit(objective).W)
    own = objective.Y.argmax(axis=1)
    order = np.random.default_rng([seed, 1]).permutation(n)
    first = [next((int(i) for i in order if own[i] == label), -1) for label in range(objective.Y.shape[1])]
    rows: Indices = np.array([row for row in first if row >= 0][:count])
    gone = retrain_without(objective, W, rows, tol=_TOL)
    refuse_unconverged(gone, _TOL)
    return Private(objective, W, gone, X_public, dealt.Y_public[:m], has_constant=True), own[rows].tolist()


def _pictures(population: images.Images, X: Floats) -> list[NDArray[np.uint8]]:
    """Return images (b, d) as pictures of their first size."""
    info = population.data.info
    high, wide = info.shape[0], info.shape[1]
    if X.shape[1] != high * wide:
        X = X.reshape(len(X), high // 2, wide // 2).repeat(2, axis=1).repeat(2, axis=2).reshape(len(X), -1)
    return list(info.pixels(np.clip(np.nan_to_num(X), -1, 1)))


def _recovered(private: Private, strength: float | None, seed: int) -> tuple[Floats, Floats]:
    """Return the pictures (b, d0) that the better attack makes of one release, and their centred cosines (b,)."""
    found = Protected(private.W, private.W_after, private.W, np.asarray(private.objective.l2))
    if strength is not None:
        found = InstanceNoise().protect(private, strength, np.random.default_rng([seed, int(strength)]))
    plain = Release(
        private.objective.loss, found.W_before, found.W_after, private.X_public, private.Y_public,
        n=private.objective.n, l2=found.l2, constant=np.eye(len(found.l2))[-1], target_kind="class",
    )  # fmt: skip
    told = knowing(plain, (found.noise, found.noise))
    truth, centre = private.objective.X[private.rows, :-1], private.X_public[:, :-1].mean(axis=0)
    best: tuple[Floats, Floats] | None = None
    for attack, release in ((HREC_PLUS, told), (HREC, told), (HREC, plain)):
        X = np.asarray(run_attack(attack, release, np.random.default_rng(seed)).X)[:, :-1]
        near = np.nan_to_num(centred_cosine(truth, X, centre))
        if best is None or near.mean() > best[1].mean():
            best = X, near
    assert best is not None
    return best


def _draw(
    result: dict[str, Any],
    population: images.Images,
    private: Private,
    shown: Sequence[tuple[float | None, Floats, Floats]],
    stem: Path,
) -> tuple[Path, Path]:
    rows = [PictureRow("deleted", _pictures(population, private.objective.X[private.rows, :-1]))]
    for strength, X, cosines in shown:
        name = "no noise" if strength is None else f"as if {strength:,}"
        rows.append(PictureRow(name, _pictures(population, X), cosines))
    above = f"{result['sample']}, {result['model']}, n = {len(private.objective.X):,}, penalty {PENALTY:g}"
    rows[0] = dataclasses.replace(rows[0], above=above)
    return draw(result["title"], result["labels"], rows, stem, [*result["notes"], result["command"]])


EXPERIMENTS = {"noisy_images": run}
"""By name, as `Experiment.run` calls it."""
