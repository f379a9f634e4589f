"""All defences, in the order of a table."""

from __future__ import annotations

from undelete.maintainer.defences.coarse import Batch, Penalty, Rounding
from undelete.maintainer.defences.defence import Defence
from undelete.maintainer.defences.noisy import InstanceNoise, NoisyMoments, OutputPerturbation

DEFENCES: dict[str, Defence] = {
    one.name: one for one in (NoisyMoments(), OutputPerturbation(), InstanceNoise(), Rounding(), Penalty(), Batch())
}
"""By name."""
