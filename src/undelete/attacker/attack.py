"""What an attack is: a function of a release, with words for a reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release


@dataclass(frozen=True)
class Attack:
    """An attack, what it is called in a report, and what part it plays there.

    Parameters
    ----------
    name : str
        What a user calls it.
    label : str
        What a report calls it.
    role : {"attack", "baseline", "bound"}
        Whether it reads the models' difference, is a guess to compare with, or holds more than an attacker can.
    run : callable
        From a release and a random generator to a reconstruction of each deletion. It sees nothing else.
    about : str
        What it answers, in a sentence without a full stop.
    about_images : str
        The same where records are images; empty: as `about`.
    short : str
        Its name in a figure; empty: `name`.
    independent : bool
        Of a baseline, whether it knows nothing of the attack's own answer, and so is a control for it.
    """

    name: str
    label: str
    role: Literal["attack", "baseline", "bound"]
    run: Callable[[Release, np.random.Generator], Reconstruction]
    about: str = ""
    about_images: str = ""
    short: str = ""
    independent: bool = True
