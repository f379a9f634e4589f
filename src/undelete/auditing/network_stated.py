"""Networks of which a protection.json says how they were protected: what the attacker knows by it, what it hides.

Of noise that was added the law is stated, as of linear models (`stated`). How sure anybody can be which of two people
it was that left is stated too: of noise the maintainer says it, who knows the curvature where it was added, and of
private training it is proved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from undelete.attacker.networks.protected import curvature, knowing, smaller
from undelete.auditing.diagnostics import CHANGE, ERROR, FITS_ONE, NEAR, Diagnostic
from undelete.auditing.protection import FILE, digest, own_parameters
from undelete.auditing.stated import HIDDEN, NEVER, NOISE, laws_of, not_added
from undelete.auditing.statements import Stated, measured
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.release.protection import Law

_LOST = (NEAR, ERROR, FITS_ONE)  # checks that fail where what was done moves a network further than a person does
_HIDING = float(norm.cdf(HIDDEN / 2))  # chance to tell two people apart up to which they are hidden


@dataclass(frozen=True, eq=False)
class StatedNetworks:
    """What is stated of two networks.

    Parameters
    ----------
    laws : two of Law or None
        By which each was protected.
    notes : sequence of str
        What to say of it.
    played : mapping or None
        What defences left and cost, where they were played of one of the two.
    """

    laws: Sequence[Law | None] = (None, None)
    notes: Sequence[str] = ()
    played: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, before: Any, after: Any, stated: Sequence[Stated]) -> StatedNetworks:
        """Read what is stated of two modules or perceptrons; InputError where what was named is of others."""
        digests = [digest(*own_parameters(model)) for model in (before, after)]
        laws, notes = laws_of(digests, stated)
        return cls(laws, notes, measured(stated, digests))

    def seen(self, release: NetworkRelease) -> tuple[NetworkRelease, Floats | None]:
        """Return the release as somebody sees it who knows how the networks were protected.

        And the covariance (p, p) of what was added to both together, by public records; None for nothing.

        Raises
        ------
        InputError
            Where a statement has another number of parameters than changed.
        """
        if self.laws[0] is None and self.laws[1] is None:
            return release, None
        p = release.network.parameters
        for law in self.laws:
            if law is not None and len(law.l2) != p:
                raise InputError(
                    f"the {FILE} speaks of {len(law.l2):,} trained parameters, and {p:,} differ between these "
                    "networks: it is of another release"
                )
        before, after = (None if law is None else np.array(law.l2) for law in self.laws)
        known = dataclasses.replace(
            release,
            penalty_before=release.penalty_before if before is None else before,
            penalty_after=release.penalty_after if after is None else after,
            optimal=release.optimal and (self.laws[0] is None or self.laws[0].chance is None),
        )
        noises = [None if law is None else law.noise for law in self.laws]
        if noises == [None, None]:
            return known, None
        H, theta = curvature(known), known.theta_before[:, None]
        before, after = (None if one is None else one.covariance(H[None], theta)[0] for one in noises)
        added = np.sum([one for one in (before, after) if one is not None], axis=0)
        return knowing(known, (before, after), hessian=H), added

    def judged(
        self, release: NetworkRelease, checks: Sequence[Diagnostic], added: Floats | None
    ) -> tuple[list[Diagnostic], str]:
        """Return all checks, that of what is stated among them, and why nobody can be exposed; "" where some can.

        Parameters
        ----------
        release : NetworkRelease
            As `seen` made it, and `added`.
        checks : sequence of Diagnostic
            The others.
        added : array (p, p) or None
            Covariance of what was added to both networks.
        """
        if added is not None and smaller(release, added) < NEVER:
            return [not_added("two networks"), *checks], ""
        law = self.laws[1]  # the old network is the same, whoever of two people left
        own = [] if law is None or law.chance is None else [_check(law)]
        if own and any(check.ok is False for check in checks if check.name == CHANGE):
            return [*checks, *own], ""
        if law is not None and law.chance is not None and law.chance <= _HIDING:
            return [*checks, *own], _why(law)
        if added is not None or own:
            checks = [_lost(one) if one.ok is False and one.name in _LOST else one for one in checks]
        return [*checks, *own], ""


def _check(law: Law) -> Diagnostic:
    value = f"which of two people left is told rightly with a probability of at most {law.chance:.2f}"
    text = f"Over {_HIDING:.2f}: it blurs a person, and does not hide everybody."
    if law.chance is not None and law.chance <= _HIDING:
        text = f"Up to {_HIDING:.2f} everybody is hidden, whatever the attack. It rests on what {FILE} states."
    return Diagnostic(NOISE, value, True, text)


def _why(law: Law) -> str:
    """Return why nobody can be exposed by a new network with this law."""
    how, who = "Fresh noise was added to the new network", "99 of 100 public people"
    extreme = "; an extreme person is hidden less"
    if law.epsilon is not None:
        how, who, extreme = "The new network was trained with differential privacy", "anybody", ""
    return (
        f"{how}: somebody who has to say which of two people it was that left is right with a probability of at most "
        f"{law.chance:.2f} by its parameters, where guessing is right with .50. It is so for {who}, whatever the "
        f"attack{extreme}."
    )


def _lost(check: Diagnostic) -> Diagnostic:
    """Return a check that failed with what is stated as its reason."""
    text = (
        f"What {FILE} states was done to these networks moves them further than one person does, and the attack does "
        "not get through it. That is no proof that nobody could."
    )
    return dataclasses.replace(check, text=text)
