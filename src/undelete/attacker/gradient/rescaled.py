"""Losses whose scale is fitted with the parameters: a deletion moves it, and with it everybody's pull. Maths (26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.release.release import Release


def rescaled(release: Release, after: Sequence[Loss], Z_after: Floats | None = None) -> Release:
    """Return a release with the change of the residuals in it, each model's by its own scale.

    Parameters
    ----------
    release : Release
        With public targets.
    after : sequence of Loss, b of them
        The loss after each deletion; `release.loss` is that before.
    Z_after : array (b, m, k), optional
        The new models' predictions for the public records, where W_after does not say them.
    """
    Y = release.Y_public
    assert Y is not None
    later = release.predictions(release.W_after).transpose(1, 0, 2) if Z_after is None else Z_after
    before = release.loss.residual(Y, release.predictions(release.W_before))
    change = [before - loss.residual(Y, Z) for loss, Z in zip(after, later, strict=True)]
    return replace(release, answer_change=np.stack(change), reweighed=True)
