"""All defences of networks, in the order of a table, and why the others of linear models are none."""

from __future__ import annotations

from undelete.maintainer.defences.networks_noisy import NetworkNoise, NetworkPenalty, NetworkRepeated, NetworkRounding
from undelete.maintainer.defences.networks_waiting import NetworkBatch, NetworkJoined
from undelete.maintainer.defences.of_networks import NetworkDefence
from undelete.maintainer.defences.private_training import PrivateTraining

NETWORK_DEFENCES: dict[str, NetworkDefence] = {
    one.name: one
    for one in (
        PrivateTraining(), NetworkNoise(), NetworkRepeated(), NetworkRounding(), NetworkPenalty(), NetworkBatch(),
        NetworkJoined(),
    )
}  # fmt: skip
"""By name."""
NOT_HERE = {
    "noisy_moments": "only least squares is a function of second moments",
    "output_perturbation": "a network's objective is not convex, so that nothing bounds what one record moves",
    "objective_perturbation": "a network's objective is not convex, which its proof needs",
    "certified_removal": "a network's objective is not convex, which its certificate needs",
    "rounded_answers": "answers of networks are not attacked",
}
"""Defences of linear models alone, and why."""
