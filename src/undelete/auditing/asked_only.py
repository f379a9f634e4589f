"""What somebody sees of a deletion who may only ask: a release with the models' answers in place of the new models."""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.gradient.asked import Asked
from undelete.auditing.answered import said
from undelete.maths.arrays import Floats, Indices
from undelete.release.release import Release


def asked_only(release: Release, rows: Indices, digits: int | None) -> Release:
    """Return what both models' answers to some public records say of each deletion.

    Parameters
    ----------
    release : Release
        With the models after the deletions; nothing of these is in what is returned but their answers.
    rows : array (p,) of int
        The public records that are asked for, ascending.
    digits : int or None
        Decimals to which answers are rounded; None: in full.

    Returns
    -------
    Release
        The attacker has the old model, all public records and these answers.
    """
    loss, X, W, Y = release.loss, release.X_public, release.W_before, release.Y_public
    asked = Asked(loss, W, X, rows, n=release.n, l2=release.l2, Y=Y, offset=release.offset_public)

    def answers(model: Floats) -> Floats:
        own = np.asarray(loss.mean(release.predictions(model)[rows]))
        return own if digits is None else np.round(own, digits)

    before = answers(W)
    step = np.full_like(before, 0.0 if digits is None else 10.0**-digits)
    each = [said(asked, before, answers(after), step, decision=False, Y=Y) for after in release.W_after]
    error = next((one["share_error"] for one in each if "share_error" in one), None)
    if error is not None:  # a change that no answer shows has no error either
        errors = [one.get("share_error", np.zeros_like(error)) for one in each]
        release = dataclasses.replace(release, share_error=np.concatenate(errors))
    if all("answer_change" in one for one in each):  # of some the rounding is coarse: then all are told by parameters
        release = dataclasses.replace(release, answer_change=np.concatenate([one["answer_change"] for one in each]))
    return dataclasses.replace(release, W_after=np.concatenate([one["W_after"] for one in each]))
