"""Is the stated number of people too large? A group's search finds so many people, however many there were."""

from __future__ import annotations

import numpy as np

from undelete.attacker.groups.group import UNLIKELY, Group, group
from undelete.auditing.order import Between
from undelete.auditing.people_told import told_of
from undelete.release.release import Release


def one_instead(between: Between, one: Group, release: Release, rng: np.random.Generator) -> list[str]:
    """Say so where a single person explains the change as well as the several who were said to have left.

    By the evidence: several can always make what one does, but hardly ever happen to. Cost that of a search for one.
    """
    left = between.left
    if not between.asked or one.why or left < 2 or between.joined:
        return []
    told, denied = told_of(between.pair.old, between.pair.new, release, 1, 0)
    if denied:
        return []
    alone = group(release, 1, 0, rng, told=told)
    if alone.why or alone.p_value < UNLIKELY or alone.log_evidence < one.log_evidence:
        return []
    verb = "joined" if between.came else "left"
    return [
        f"It was said that {left:,} people {verb}, and one person alone explains the change of the model at least as "
        f"well: were it one, what is shown of {left:,} would be no one's. Count the records of both fits."
    ]
