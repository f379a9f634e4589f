"""Public records as training records of an audited model, by all that it reads of them: maths (56)."""

from __future__ import annotations

from undelete.adapters.model import LinearModel
from undelete.adapters.weights import BALANCED
from undelete.attacker.gradient.as_trained import trained_on
from undelete.attacker.gradient.trained import Trained
from undelete.auditing.in_words import Texts
from undelete.release.release import Release


def trained_by(model: LinearModel, release: Release, texts: Texts | None) -> Trained | None:
    """Return what public records would be among its training records; None where that hardly counts, or is not told.

    Parameters
    ----------
    model : LinearModel
        Before the deletion.
    release : Release
        Of the table's features. Where the change of its answers is the parameters' alone the attack itself finds it,
        and None is returned.
    texts : Texts or None
        The public texts, where the model reads some.
    """
    if texts is not None:
        return texts.trained(model, release)
    if release.answer_change is None and model.class_weights != BALANCED:
        return None
    return trained_on(release)
