"""What each defence leaves of the attack and costs on images: softmax on pixels, and on random Fourier features."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from sklearn.base import clone
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from undelete.auditing.protect import protect
from undelete.auditing.protection import Protection
from undelete.data.schema import ImageInfo
from undelete.lab import images
from undelete.lab.steps import Folder, Progress
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.paper.defences import MAX_EXPOSURE, MAX_LOSS, Game, Plan, laddered, run

N = 1000  # private images, and as many public ones
_DELETIONS = 12
_SET = "fashion_mnist"
LADDERS: dict[str, tuple[float, ...]] = {
    "output_perturbation": (1,), "objective_perturbation": (1,), "instance_noise": (1000, 100, 10),
    "rounding": (5, 4, 3), "penalty": (0.1,), "batch": (5,), "joined": (10,),
}  # fmt: skip
"""Strengths of each defence."""
_SOFTMAX = LogisticRegression(C=0.01, tol=1e-8, max_iter=10_000)
CASES: Mapping[str, tuple[str, Any]] = {
    "softmax": ("softmax on 14 x 14 pixels, Fashion-MNIST", _SOFTMAX),
    "softmax_rff": (
        "softmax on 200 random Fourier features of 14 x 14 pixels, Fashion-MNIST",
        make_pipeline(RBFSampler(gamma="scale", n_components=200, random_state=0), clone(_SOFTMAX).set_params(C=1.0)),
    ),
}
"""Models by key, with what they are."""


def defences_images(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Play all defences on images; see `undelete.paper.defences.run`."""
    plan = Plan(
        "defences_images", "What each defence leaves, and costs, images", {k: label for k, (label, _) in CASES.items()},
        ("Fashion-MNIST",), _played, _DELETIONS,
        "pixels in blocks of 2 x 2 scaled to [-1, 1], and a constant; exposure is of the picture, also behind features",
    )  # fmt: skip
    return run(plan, data_dir, out, deletions, seed, progress)


def _played(game: Game) -> tuple[Protection, int]:
    """Play all defences on one split."""
    (population,) = images.load(game.data_dir, (_SET,))
    dealt = population.halves("class", 100 * game.seed[0] + game.seed[1])
    shape = population.data.info.shape
    n, m = min(N, len(dealt.X)), min(N, len(dealt.X_public))
    X, X_public = (images.coarse(part[:, :-1], shape) for part in (dealt.X[:n], dealt.X_public[:m]))
    y, y_public = (part.argmax(axis=1) for part in (dealt.Y[:n], dealt.Y_public[:m]))
    side = shape[:2] if X.shape[1] == shape[0] * shape[1] else (shape[0] // 2, shape[1] // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(CASES[game.case][1]).fit(X, y)
        return protect(
            model, X, y, X_public, y_public, deletions=game.deletions, defences=laddered(DEFENCES, LADDERS),
            image=ImageInfo(side, -1.0, 1.0), rng=game.seed[1], max_exposure=MAX_EXPOSURE, max_loss=MAX_LOSS,
            checkpoint=game.checkpoint, progress=game.progress,
        ), n  # fmt: skip


EXPERIMENTS = {"defences_images": defences_images}
"""By name, as `Experiment.run` calls it."""
