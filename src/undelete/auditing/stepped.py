"""Models that were stopped after steps that somebody knows: what an audit makes of that, or why it cannot."""

from __future__ import annotations

from undelete.attacker.stopped import undone
from undelete.errors import InputError
from undelete.maths.descent import Descent
from undelete.release.release import Release


def stepped(release: Release, optimiser: Descent) -> Release:
    """Return a release whose attacker knows the steps that made its models.

    Raises
    ------
    InputError
        Where they cannot be undone.
    """
    if release.offset_public is not None:
        raise InputError(
            "the steps of an optimiser are undone for models without an offset (or exposure): leave optimiser out "
            "(--optimiser)"
        )
    if not release.columns:
        raise InputError(
            "the steps of an optimiser are undone for records of raw columns, and these are images, or behind an "
            "embedding: undelete.attacker.stopped.reconstruct does it in Python, without error bars"
        )
    if release.Y_public is None:
        raise InputError(
            "whether the models were trained by these steps is tested by taking them on the public records, which "
            "takes their target: give target (--target)"
        )
    return undone(release, optimiser)


def refuse_steps(optimiser: Descent | None, why: str) -> None:
    """Raise InputError where steps are said and cannot be undone."""
    if optimiser is not None:
        raise InputError(
            f"the steps of an optimiser are undone for one record between two linear models, and {why}: leave "
            "optimiser out (--optimiser)"
        )
