"""The attacks by name: each takes a release and a random generator, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from undelete.attacker.baselines import avg, informed, maxdiff, nearest
from undelete.attacker.hrec import hrec
from undelete.attacker.lattice import hrec_plus
from undelete.errors import InputError
from undelete.release import Reconstruction, Release


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
