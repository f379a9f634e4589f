"""What each defence leaves of the attack and costs of a network: a multilayer perceptron on people of the ACS."""

from __future__ import annotations

from typing import Any

from sklearn.preprocessing import StandardScaler

from undelete.auditing.network_played import People
from undelete.auditing.network_protect import protect_network
from undelete.auditing.network_reading import Training
from undelete.auditing.protection import Protection
from undelete.lab.networks import Case, dealt, perceptron
from undelete.lab.steps import Folder, Progress
from undelete.maintainer.defences.networks_ladder import NETWORK_DEFENCES
from undelete.paper.defences import MAX_EXPOSURE, MAX_LOSS, Game, Plan, laddered, run

_DELETIONS = 12
LADDERS: dict[str, tuple[float, ...]] = {
    "private_training": (1,), "instance_noise": (300, 30, 3), "rounding": (5, 4, 3), "penalty": (0.003,),
    "batch": (10,), "joined": (10,),
}  # fmt: skip
"""Strengths of each defence."""
CASES = (Case("mlp6", "six softplus units behind ten numbers, income over 50,000 dollars", 4000, 4000, (6,), 3e-4),)


def defences_mlp(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Play all defences of networks; see `undelete.paper.defences.run`."""
    plan = Plan(
        "defences_mlp", "What each defence leaves, and costs, a network", {one.key: one.title for one in CASES},
        ("CA",), _played, _DELETIONS, "the ten columns standardised by public records",
        source="undelete.auditing.network_protect",
    )  # fmt: skip
    return run(plan, data_dir, out, deletions, seed, progress)


def _played(game: Game) -> tuple[Protection, int]:
    """Play all defences on one split."""
    case = next(one for one in CASES if one.key == game.case)
    seed = 100 * game.seed[0] + game.seed[1]
    private, public, target, _ = dealt(case, game.data_dir, seed)
    features = StandardScaler().fit(public.drop(columns=[target]))
    network = perceptron(case, private.shape[1] - 1, seed).requires_grad_(True)
    return protect_network(
        network, People(private, public, target, []), Training("bce", None, None, case.decay), features=features,
        deletions=game.deletions, defences=laddered(NETWORK_DEFENCES, LADDERS),
        limits={"max_exposure": MAX_EXPOSURE, "max_loss": MAX_LOSS, "epsilon": None}, rng=game.seed[1],
        checkpoint=game.checkpoint, progress=game.progress,
    ), case.n  # fmt: skip


EXPERIMENTS = {"defences_mlp": defences_mlp}
"""By name, as `Experiment.run` calls it."""
