"""Heads on frozen nets: images in three parts, a net that the third trained, a softmax head on the first, deletions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.data.images import ImageData, load_images
from undelete.data.pixels import scaled
from undelete.errors import InputError
from undelete.lab.penalty import hold_out_penalty
from undelete.lab.steps import Folder
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import embed
from undelete.maths.frozen import FrozenNet
from undelete.maths.network import torch
from undelete.maths.objective import Objective
from undelete.maths.softmax import Softmax
from undelete.release.release import Release

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
PRETRAINED = 40_000  # images that a trunk is trained on at most, neither private nor public
_TEST = 2_000  # private images held out to choose the penalty
_TOLERANCE = 1e-10  # largest gradient per record
_BATCH, _RATE = 256, 1e-3
_STREAM = 1600  # apart from the other experiments'


@dataclass(frozen=True)
class HeadCase:
    """A set of images and a frozen net.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    images : str
        Which, by name.
    n : int
        Private images, and as many public ones.
    width : int
        Features that the head reads.
    epochs : int
        Passes over other images that trained the net; 0 for convolutions as they were drawn.
    targets : tuple of (str, float)
        Medians that the attack was meant to reach.
    decay : float or None
        The penalty of the mean objective, n times which is that of the sum; None: the best of `PENALTIES` on private
        images held out.
    """

    key: str
    title: str
    images: str
    n: int
    width: int
    epochs: int
    targets: tuple[tuple[str, float], ...] = ()
    decay: float | None = None


@dataclass(frozen=True, eq=False)
class HeadGame:
    """One split of a case.

    Parameters
    ----------
    release : Release
        The heads before and after each deletion, and the public images.
    images, features : arrays (b, d0), (b, D)
        The deleted images and what the net makes of them.
    labels : array (b,)
        Their classes.
    data : ImageData
        Where they are from.
    account : dict
        Penalty, the largest gradient left, share of the private images that the old head names.
    """

    release: Release
    images: Floats
    features: Floats
    labels: NDArray[np.int64]
    data: ImageData
    account: dict[str, Any]


def played(
    case: HeadCase, data_dir: Folder | None, deletions: int, seed: int, begin: Callable[[str], None]
) -> HeadGame:
    """Train the net and the head, delete, and return both sides; `begin` is told each stage.

    Raises
    ------
    InputError
        When there are too few images, or a head does not converge.
    """
    data = load_images(case.images, data_dir)
    if len(data.x_train) <= 2 * case.n:
        raise InputError(f"{data.source}: {2 * case.n:,} private and public images and some more are needed")
    order = np.random.default_rng([seed, _STREAM]).permutation(len(data.x_train))
    own, public, others = np.split(order, [case.n, 2 * case.n])
    begin(f"{case.title}: net")
    phi = FrozenNet(_trunk(case, data, others[:PRETRAINED], seed), (int(np.prod(data.x_train.shape[1:])),))
    X, P = (scaled(data.x_train[rows]) for rows in (own, public))
    Y, Y_public = (np.eye(len(data.classes))[data.y_train[rows]] for rows in (own, public))
    F, F_public = embed(phi, X), embed(phi, P)
    l2 = np.append(np.ones(phi.features), 0.0)
    if case.decay is None:
        begin(f"{case.title}: penalty")
        rng = np.random.default_rng([seed, _STREAM, 1])
        penalty = hold_out_penalty(Objective(F, Y, Softmax(), l2), PENALTIES, rng, test=_TEST).penalty
    else:
        penalty = case.n * case.decay
    begin(f"{case.title}: head")
    objective = Objective(F, Y, Softmax(), penalty * l2)
    old = fit(objective, tol=_TOLERANCE)
    rows = np.sort(np.random.default_rng([seed, _STREAM, 2]).choice(case.n, deletions, replace=False))
    new = retrain_without(objective, old.W, rows, tol=_TOLERANCE)
    if not (old.converged and new.converged.all()):
        raise InputError(f"{case.title}: a head does not converge; its penalty is {penalty:g}")
    constant = np.eye(phi.features + 1)[-1]
    release = Release(
        Softmax(), old.W, new.W, F_public, Y_public, case.n, penalty * l2, constant, target_kind="class", embedding=phi,
        inputs_public=P,
    )  # fmt: skip
    account = {
        "penalty": penalty, "gradient_norm_largest": float(new.gradient_norm.max()),
        "accuracy": float(((F_public @ old.W).argmax(axis=1) == Y_public.argmax(axis=1)).mean()),
    }  # fmt: skip
    return HeadGame(release, X[rows], F[rows, :-1], data.y_train[own[rows]].astype(np.int64), data, account)


def _trunk(case: HeadCase, data: ImageData, rows: NDArray[np.int64], seed: int) -> Any:
    """Return the net without its head: one hidden layer, or convolutions that nothing trained."""
    nn = torch().nn
    with torch().random.fork_rng():
        torch().manual_seed(seed)
        if not case.epochs:
            h, w = data.x_train.shape[1:3]
            return nn.Sequential(
                nn.Unflatten(1, (1, h, w)), nn.Conv2d(1, case.width // 16, 10, stride=6), nn.Tanh(), nn.Flatten()
            )
        d0 = int(np.prod(data.x_train.shape[1:]))
        trunk = nn.Sequential(nn.Linear(d0, case.width), nn.ReLU())
        net = nn.Sequential(*trunk, nn.Linear(case.width, len(data.classes)))
        X = torch().as_tensor(scaled(data.x_train[rows]), dtype=torch().float32)
        y = torch().as_tensor(data.y_train[rows].astype(np.int64))
        adam = torch().optim.Adam(net.parameters(), _RATE)
        for _ in range(case.epochs):
            for part in torch().randperm(len(X)).split(_BATCH):
                adam.zero_grad()
                nn.functional.cross_entropy(net(X[part]), y[part]).backward()
                adam.step()
        return trunk
