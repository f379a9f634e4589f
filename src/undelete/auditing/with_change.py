"""By how much the answers of the remaining records change, with all that changes them when one is deleted."""

from __future__ import annotations

import pandas as pd

from undelete.adapters.model import LinearModel
from undelete.adapters.weights import BALANCED
from undelete.attacker.fits import log_fits
from undelete.attacker.gradient.as_trained import changed
from undelete.attacker.gradient.rescaled import rescaled
from undelete.attacker.gradient.reweighed import balanced
from undelete.auditing.as_training import trained_by
from undelete.auditing.in_words import InWords, Texts, in_words
from undelete.maths.losses import loss_of
from undelete.release.release import Release


def with_change(
    old: LinearModel, new: LinearModel, table: pd.DataFrame, release: Release, *, weighed: bool
) -> tuple[Release, InWords | None]:
    """Return a release with that change, where the parameters alone do not say it, and what words are told.

    By class weights that balance, (25), a scale fitted with the rest, (26), steps fitted anew, (19), and words, (55);
    of public records as if they had been trained on, (56), but where records are `weighed`.

    Parameters
    ----------
    old, new : LinearModel
        Before and after.
    table : DataFrame (m, columns)
        The public records.
    release : Release
        One deletion of theirs.
    weighed : bool
        Whether records have weights of their own.

    Raises
    ------
    InputError
        As of `balanced` and `in_words`.
    """
    later = None if release.answer_change is None else new.decision(table, standing=True)[None]
    texts = Texts.of(old, table) if old.texts else None
    trained = None if weighed else trained_by(old, release, texts)
    told = None
    if texts is not None:
        told = in_words(old, new, texts, new.decision(table, standing=True), release, trained)
    if old.class_weights == BALANCED:
        gone = () if told is None else (told.gone,)
        return balanced(release, later, fits=log_fits, trained=trained, gone=gone), told
    if old.loss != new.loss:
        return rescaled(release, [loss_of(new.loss)], later), told
    return release if later is None or trained is None else changed(release, later, trained), told
