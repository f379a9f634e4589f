"""Models of which a protection.json says how they were protected: which of two it speaks of, and what that hides.

It is no secret: what the noise hides it hides from somebody who knows its law, and an audit that does not know it
would take the noise for a person.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from undelete.adapters.model import LinearModel
from undelete.attacker.gradient.protected import Hiding, hiding, knowing
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.protection import FILE, digest
from undelete.auditing.statements import Stated
from undelete.errors import InputError
from undelete.release.protection import Law
from undelete.release.release import Release

NOISE = "Stated noise"
HIDDEN = 0.5  # standard deviations of the noise between two people up to which it hides them
NEVER = 1e-4  # probability of so small a change under which the noise was not added


def protected(
    old: LinearModel, new: LinearModel, release: Release, stated: Sequence[Stated]
) -> tuple[Release, list[str]]:
    """Return the release as somebody sees it who knows how its models were protected, and what to say of it.

    Parameters
    ----------
    old, new : LinearModel
        The two models.
    release : Release
        Of one deletion.
    stated : sequence of Stated
        As `read_stated` found them.

    Raises
    ------
    InputError
        Where one that was named speaks of neither model, or n is not known.
    """
    laws, notes = laws_of([digest(model.coef, model.intercept) for model in (old, new)], stated)
    if laws == [None, None]:
        return release, notes
    if release.n is None:
        raise InputError(
            f"a {FILE} says how these models were protected, and how much noise hides depends on the number of "
            "training records: give n (n=, --n)"
        )
    return _known(release, laws), notes


def laws_of(digests: Sequence[str], stated: Sequence[Stated]) -> tuple[list[Law | None], list[str]]:
    """Return by what laws two models were protected that have these digests, and what to say of it.

    Raises
    ------
    InputError
        Where a statement that was named speaks of neither model.
    """
    laws: list[Law | None] = [next((one.law for one in stated if one.parameters == own), None) for own in digests]
    notes = []
    for one in stated:
        if (one.law is not None and one.parameters in digests) or one.of in digests:
            continue
        if one.asked and one.law is None:
            raise InputError(
                f"{one.place} recommends no defence, so it speaks of no protected model, and it is of another model "
                "than these two: leave it out"
            )
        if one.asked:
            raise InputError(
                f"{one.place} speaks of other parameters than these two models have: give the {FILE} that was written "
                "beside one of them"
            )
        notes.append(f"{one.place} speaks of other parameters than these two models have: it is not used.")
    if laws == [None, None]:
        return laws, notes
    for word, law in zip(("first", "second"), laws, strict=True):
        if law is not None:
            notes.append(f"The {word} model was protected: {_said(law)}. The attacker is taken to know this.")
    if laws[0] is None or laws[1] is None:
        notes.append("The other of the two models was not protected, so far as is known.")
    return laws, notes


def _said(law: Law) -> str:
    return law.label + ("" if law.epsilon is None else f", epsilon {law.epsilon:g} and delta {law.delta:g} proved")


def _known(release: Release, laws: Sequence[Law | None]) -> Release:
    d = release.W_before.shape[0]
    own = [None if law is None else np.array(law.l2) for law in laws]
    said = release.l2 if release.l2 is not None else next(l2 for l2 in own if l2 is not None)
    first, second = (said if l2 is None else l2 for l2 in own)
    if len(first) != d or len(second) != d:
        raise InputError(f"the {FILE} speaks of {len(first)} features and the model has {d}: it is of another model")
    share = None
    if release.penalty_share is None and not np.array_equal(first, second):
        share = first[:, None] * release.W_before - second[:, None] * release.W_after
        change = (first - second)[:, None] * release.W_after
        release = dataclasses.replace(release, penalty_share=share, penalty_change=change)
    noise = tuple(None if law is None else law.noise for law in laws)
    return knowing(dataclasses.replace(release, l2=first), (noise[0], noise[1]))


def noise_check(release: Release) -> tuple[Diagnostic, Hiding] | None:
    """Return whether the stated noise can have been added, and what it hides; None where none is stated."""
    found = hiding(release)
    if found is None:
        return None
    value = f"two people are at most {found.apart:.2g} of its standard deviations apart, 99 of 100 of them"
    if found.smaller < NEVER:
        return not_added("two models", value), found
    text = (
        f"Up to {HIDDEN} the noise hides any one of them from everybody, whatever the attack."
        if found.apart <= HIDDEN
        else f"Over {HIDDEN}: the noise blurs a person, and does not hide everybody."
    )
    return Diagnostic(NOISE, value, True, text), found


def not_added(models: str, value: str = "less than it would change them") -> Diagnostic:
    """Return the check of noise that is stated and was not added."""
    text = (
        f"The {models} differ by far less than the noise alone that {FILE} states would make them: it was not added, "
        "or not freshly to each. What is stated cannot be relied on."
    )
    return Diagnostic(NOISE, value, False, text, blocking=True)


def hidden(found: Hiding, checks: Sequence[Diagnostic]) -> str:
    """Return the reason for which nothing can have been exposed; "" where that cannot be said."""
    wrong = {check.name for check in checks if check.ok is False}
    if found.apart > HIDDEN or wrong & {NOISE, "Gradient on public data", "Public data", "Records and features"}:
        return ""
    chance = float(norm.cdf(found.apart / 2))
    return (
        f"Fresh noise was added to the models: somebody who knows its law, and who has to say which of two people it "
        f"was that left, is right with a probability of at most {chance:.2f} by the parameters, where guessing is "
        "right with .50. It is so for 99 of 100 public people, whatever the attack; an extreme person is hidden less."
    )
