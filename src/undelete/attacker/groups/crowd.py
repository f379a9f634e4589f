"""The one of several people who stands out most, and the attack by which groups are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from undelete.attacker.attack import Attack
from undelete.attacker.gradient.protected import knowing
from undelete.attacker.groups.read import GROUP
from undelete.attacker.hrec_plus import hrec_plus
from undelete.errors import InputError
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release


def in_a_crowd(release: Release, size: int, rng: np.random.Generator) -> Reconstruction:
    """Return the one of several people who stands out most, the others' gradients as noise; of the rest nothing.

    The rest are shown as an average person: no column of theirs is sure.
    """
    if release.l2 is None:
        release = dataclasses.replace(release, l2=np.zeros(len(release.W_before)))
    if release.n is None:
        release = dataclasses.replace(release, n=len(release.X_public), n_error=1.0)
    one = hrec_plus(knowing(release, (None, None), size), rng)
    t = size
    fields: dict[str, Any] = {}
    for name in ("X", "target", "codes", "values", "error", "probability", "record_probability", "record_error"):
        array = getattr(one, name)
        if array is None:
            continue
        nothing = np.nan if array.dtype.kind == "f" else -1
        fields[name] = np.concatenate([array, np.full((t - 1, *array.shape[1:]), nothing, dtype=array.dtype)])
    fields["X"][1:] = release.X_public.mean(axis=0)
    for j, column in enumerate(release.columns):
        if column.kind == "continuous" or not column.frequency.size or "codes" not in fields:
            continue
        best = int(column.alike[column.share.argmax()])
        fields["codes"][1:, j], fields["probability"][1:, j] = best, column.share[best]
        if column.kind == "discrete":
            fields["values"][1:, j] = float(column.values[best])
    fields["record_probability"] = np.nan_to_num(np.concatenate([one.confidence, np.zeros(t - 1)]))
    if "record_error" not in fields:
        fields["record_error"] = np.zeros(fields["X"].shape)
    return Reconstruction(attack=GROUP, status=(one.status[0],) + ("ok",) * (t - 1), **fields)


def _alone(release: Release, rng: np.random.Generator) -> Reconstruction:
    raise InputError("how many people left and joined is said to audit and simulate, which run this attack")


GROUP_ATTACK = Attack(
    GROUP, "undelete (several people)", "attack", _alone,
    about="people whose gradients together make the change, as likely as public records and the files make them",
)  # fmt: skip
