"""The attacks by name: each takes a release and a random generator, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from undelete.attacker.baselines import avg, informed, maxdiff, nearest
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.errors import InputError
from undelete.maths.arrays import blocks
from undelete.maths.threads import for_products
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_BLOCK = 256  # deletions attacked at a time, between two moves of the progress bar


@dataclass(frozen=True)
class Attack:
    """An attack, what it is called in a report, and what part it plays there."""

    name: str
    label: str
    role: Literal["attack", "baseline", "bound"]
    run: Callable[[Release, np.random.Generator], Reconstruction]


ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        Attack("hrec+", "undelete (hrec+)", "attack", hrec_plus),
        Attack("hrec", "the paper's attack (hrec)", "attack", hrec),
        Attack("avg", "an average person (Avg)", "baseline", avg),
        Attack("maxdiff", "the public person who moved most (MaxDiff)", "baseline", maxdiff),
        Attack("nearest", "the nearest public person", "baseline", nearest),
        Attack("informed", "an auditor holding all other records", "bound", informed),
    )
}


def leading(names: Iterable[str]) -> str:
    """Return the attack whose answer counts among those that ran: hrec+, else the first that is no guess, else any."""
    ran = list(names)
    attacks = [name for name in ran if ATTACKS[name].role == "attack"]
    return "hrec+" if "hrec+" in ran else (attacks or ran)[0]


def find(names: tuple[str, ...]) -> list[Attack]:
    """Return the attacks with these names, in this order.

    Raises
    ------
    InputError
        For a name that is none.
    """
    for name in names:
        if name not in ATTACKS:
            raise InputError(f"there is no attack {name!r}; choose among {', '.join(ATTACKS)}")
    return [ATTACKS[name] for name in names]


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
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Reconstruction]) -> Reconstruction:
    """Return one reconstruction of all blocks."""
    joined: dict[str, Any] = {
        "attack": parts[0].attack,
        "bits_of": parts[0].bits_of,
        "misfit_terms": parts[0].misfit_terms,
    }
    for field in dataclasses.fields(Reconstruction):
        first = getattr(parts[0], field.name)
        if field.name == "status":
            joined["status"] = [one for part in parts for one in part.status]
        elif isinstance(first, np.ndarray):
            joined[field.name] = np.concatenate([getattr(part, field.name) for part in parts])
    return Reconstruction(**joined)
