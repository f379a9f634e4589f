"""All defences, in the order of a table."""

from __future__ import annotations

from undelete.maintainer.defences.coarse import Penalty, RoundedAnswers, Rounding
from undelete.maintainer.defences.defence import Defence
from undelete.maintainer.defences.noisy import InstanceNoise, NoisyMoments, OutputPerturbation, Repeated
from undelete.maintainer.defences.objective import CertifiedRemoval, ObjectivePerturbation
from undelete.maintainer.defences.waiting import Batch, Joined

DEFENCES: dict[str, Defence] = {
    one.name: one
    for one in (
        NoisyMoments(), OutputPerturbation(), ObjectivePerturbation(), InstanceNoise(), Repeated(), Rounding(),
        Penalty(), CertifiedRemoval(), Batch(), Joined(), RoundedAnswers(),
    )
}  # fmt: skip
"""By name."""
