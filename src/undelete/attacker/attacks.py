"""The attacks by name: each takes a release and a random generator, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from undelete.attacker.attack import Attack
from undelete.attacker.baselines import AVG, INFORMED, MAXDIFF, NEAREST
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.errors import InputError
from undelete.maths.arrays import blocks
from undelete.maths.threads import for_products
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_BLOCK = 256  # deletions attacked at a time, between two moves of the progress bar


ATTACKS: dict[str, Attack] = {one.name: one for one in (HREC_PLUS, HREC, AVG, MAXDIFF, NEAREST, INFORMED)}
"""Ours, by name, the best first."""


def leading(attacks: Iterable[Attack]) -> Attack:
    """Return the attack whose answer counts among those that ran: hrec+, else the first that is no guess, else any."""
    ran = list(attacks)
    return HREC_PLUS if HREC_PLUS in ran else next((one for one in ran if one.role == "attack"), ran[0])


def chosen(attacks: str | Attack | Sequence[str | Attack]) -> list[Attack]:
    """Return the attacks that were asked for, by name or as they are, in this order.

    Raises
    ------
    InputError
        For a name that is none, for two attacks of one name, and for no attack at all.
    """
    asked = [attacks] if isinstance(attacks, str | Attack) else list(attacks)
    if not asked:
        raise InputError(f"attacks is empty: name at least one, for example {HREC.name}")
    found: dict[str, Attack] = {}
    for one in asked:
        if not isinstance(one, Attack) and one not in ATTACKS:
            raise InputError(f"there is no attack {one!r}; choose among {', '.join(ATTACKS)}")
        attack = one if isinstance(one, Attack) else ATTACKS[one]
        if found.setdefault(attack.name, attack) != attack:
            raise InputError(f"two attacks are called {attack.name!r}: their results could not be told apart")
    return list(found.values())


def run_attack(
    attack: Attack, release: Release, rng: np.random.Generator, progress: Callable[[int], None] | None = None
) -> Reconstruction:
    """Run one attack on all deletions, block by block: its memory stays bounded and progress shows."""
    parts = []
    with for_products(release.X_public.shape[1]):
        for part in blocks(release.deletions, _BLOCK):
            parts.append(attack.run(release.take(part), rng))
            if progress is not None:
                progress(part.stop - part.start)
    return parts[0] if len(parts) == 1 else one_after_another(parts)


def one_after_another(parts: Sequence[Reconstruction]) -> Reconstruction:
    """Return one reconstruction of all parts; what is not in all of them is in none."""
    joined: dict[str, Any] = {
        "attack": parts[0].attack,
        "bits_of": parts[0].bits_of,
        "misfit_terms": parts[0].misfit_terms,
    }
    for field in dataclasses.fields(Reconstruction):
        if field.name == "status":
            joined["status"] = [one for part in parts for one in part.status]
        elif all(isinstance(getattr(part, field.name), np.ndarray) for part in parts):
            joined[field.name] = np.concatenate([getattr(part, field.name) for part in parts])
    return Reconstruction(**joined)
