"""Two released models and public records, as files or objects, in one space: what an audit starts from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import pandas as pd
from sklearn.base import BaseEstimator

from undelete.adapters.align import align
from undelete.adapters.comparable import NotFoldable, changed_fills, fitted_anew
from undelete.adapters.design.conform import folded, unknown
from undelete.adapters.design.probed import Probed
from undelete.adapters.design.readout import Readout
from undelete.adapters.files.files import load_model
from undelete.adapters.leaks import lost_categories
from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset, agreed
from undelete.adapters.record_weights import Counted, counted_alike
from undelete.adapters.refitted import affine_share, penalty_change, refitted
from undelete.adapters.sparse import NO_PICTURE, active, left_out
from undelete.adapters.weights import BALANCED, weighted_loss
from undelete.attacker.gradient.difference import answering
from undelete.auditing import inputs
from undelete.auditing.answered import answered
from undelete.auditing.answers import Answers, precision
from undelete.auditing.answers_taken import taken
from undelete.auditing.beside import Beside, told_beside
from undelete.auditing.deletion_checks import of_everyone
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.inputs import Table, as_model
from undelete.auditing.leftover import larger_left_over, refuse_far
from undelete.auditing.old_features import Features, assumed, features_of
from undelete.auditing.pointed import pointed
from undelete.auditing.population import alike
from undelete.auditing.reference_left import refuse_reference_left
from undelete.auditing.surveyed import stood_for, surveyed, told_by
from undelete.auditing.tables import accepted, columns_read
from undelete.auditing.with_change import with_change
from undelete.data.schema import ImageInfo
from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Flags
from undelete.release.public import After, Public
from undelete.release.release import Release
from undelete.release.restricted import restricted

Model: TypeAlias = BaseEstimator | LinearModel | str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two released models and the public records, read and put in the old model's space.

    Parameters
    ----------
    old, new : LinearModel
        Before and after.
    public : DataFrame
        The public records, raw.
    release : Release
        What an attack sees of them, one deletion.
    readout : Readout or None
        How pixels are read off a record, where records are images.
    gapless, warnings : lists of str
        Columns whose imputers changed without meaning, since no public record has a missing cell there, and what a
        reader should know of the input.
    counted : Counted
        The two as of records that count alike.
    kept : array (d,) of bool or None
        The features whose gradient is known, in which the release is; None: all.
    checks : tuple of Diagnostic
        Of the public records, before some of them were chosen.
    texts : Beside or None
        What is told of columns of text; None without one.
    """

    old: LinearModel
    new: LinearModel
    public: pd.DataFrame
    release: Release
    readout: Readout | None
    gapless: list[str]
    warnings: list[str]
    counted: Counted
    kept: Flags | None = None
    checks: tuple[Diagnostic, ...] = ()
    texts: Beside | None = None


def read_pair(
    before: Model | Answers,
    after: Model | Answers,
    public: Table,
    *,
    target: str | Sequence[str] | None = None,
    n: int | None = None,
    l2: float | None = None,
    trust: bool = False,
    image: ImageInfo | None = None,
    features: Features | None = None,
    offset: Offset | None = None,
    sample_weight: str | None = None,
) -> Pair:
    """Read two released models and public records; parameters and errors as of `undelete.audit`.

    With `image` the columns are its pixels; `offset` is what the user says of the models'. A refitted preprocessing
    is folded into the coefficients where that can be, so that both models are in the old one's space; of others the
    answers are compared, maths (19).
    """
    table = inputs.as_records(public)
    if isinstance(before, Answers) and isinstance(after, Answers) and sample_weight is None:
        return _read_answers(before, after, features, table, target=target, n=n, l2=l2, trust=trust, offset=offset)
    if isinstance(before, Answers) or isinstance(after, Answers) or features is not None:
        raise InputError(
            "answers take the place of both models, features belong to them, and weights of records do not: give two "
            "models, or two Answers and features"
        )
    paths = [load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m for m in (before, after)]
    beside = () if sample_weight is None else (sample_weight,)
    named = {*(columns_read(paths) or ()), *inputs.asked_names(target), *beside}
    table = inputs.as_records(table, named)
    names = inputs.target_columns(table, target)
    aside = (*names, *beside, *(() if offset is None else offset.columns))
    try:
        old, new = (m.of_columns(table) if isinstance(m, LinearModel) else as_model(m, table, aside) for m in paths)
    except NotAttacked as error:
        raise pointed(error, *paths) from error
    common = agreed([old.offset, new.offset], offset)
    if common is not None:
        old, new = (replace(m, offset=common) for m in (old, new))
        if old.class_weights == BALANCED:
            raise InputError("an offset beside class weights that balance classes is not read: leave one of them out")
    table, refused = _taken(old, new, table, names)
    table = old.design.conformed(table)
    gapless = [name for name in changed_fills(old.design, new.design) if not table[name].isna().any()]
    n = inputs.count(n, old, kept=new.n is not None and not fitted_anew(old, new))
    like = alike(old, table, n, draw=sample_weight is None)
    everyone, table = table, table if like.kept is None else table.iloc[like.kept].reset_index(drop=True)
    table, weights = stood_for([old, new], table, sample_weight)
    warnings = [*refused, *unknown(table, old.design.uses), *like.notes]
    readout = inputs.pixels(old, table, image)
    view = inputs.public_view(old, table, inputs.public_target(old, table, names), raw=readout is None)
    if inputs.no_intercept(old, new):
        view["constant"] = None
    view["unlike"] = like.unlike
    old, new = (m if l2 is None else inputs.penalised(m, l2) for m in (old, new))
    counted = counted_alike(old, new, n, weights)
    old, new, n = counted.old, counted.new, counted.n
    release = Release(
        loss=weighted_loss(old, view["Y_public"]),
        W_before=old.W,
        n=n,
        l2=old.summed(n).l2,
        l1=old.summed(n).l1,
        tolerance=larger_left_over(old, new, view, n),
        **view,
        **_later(old, new, table, view, n, gapless),
    )
    release = surveyed(release, counted)
    release, told = with_change(old, new, table, release, weighed=sample_weight is not None)
    inputs.refuse_other_map(old, new, view["Y_public"])
    refuse_far(old, release)
    refuse_reference_left(old, new, release, n)
    words = None if told is None else told_beside(old, new, told, release)
    release, warnings = (release, warnings) if words is None else (words.release, [*warnings, *words.notes])
    kept = active(old, release, new)
    if kept is not None:
        if readout is not None:
            raise InputError(NO_PICTURE)
        warnings = [*warnings, *left_out(old, kept)]
        release = restricted(answering(release), kept)
    checks = of_everyone(old, everyone, names, n) if like.notes else ()
    return Pair(old, new, table, release, readout, gapless, [*told_by(counted), *warnings], counted, kept,
                checks, words)  # fmt: skip


def _taken(
    old: LinearModel, new: LinearModel, table: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the public records that the models take; of the new one where its steps are asked or know less."""
    told: list[str] = []
    asked = isinstance(new.design, Probed) or lost_categories(old.design, new.design)
    for model in (old, new) if asked else (old,):
        table, _, _, said = accepted(model, table, table[list(names)] if names else None)
        told += said
    return table, [*told, *folded(table, old.design.uses)]


def _read_answers(
    before: Answers,
    after: Answers,
    features: Features | None,
    table: pd.DataFrame,
    *,
    target: str | Sequence[str] | None,
    n: int | None,
    l2: float | None,
    trust: bool,
    offset: Offset | None,
) -> Pair:
    """Return the pair that two models' answers make; the new model is known by these alone."""
    names = inputs.target_columns(table, target)
    old = features_of(features, before, table, names, trust=trust, offset=offset)
    if old.texts:
        raise InputError(
            "of models that read text beside other columns answers do not say the words: give the two models"
        )
    n = inputs.count(n, old)
    view = inputs.public_view(old, table, inputs.public_target(old, table, names))
    if old.class_weights == BALANCED:
        raise InputError(
            "the model's class weights balance its classes, so a deletion changes what other records weigh, and "
            "answers do not say whose class it was: give the two models"
        )
    old = old if l2 is None else inputs.penalised(old, l2)
    before, after = taken(old, before, after, view)
    told = answered(old, before, after, view, n)
    told = {**told, **penalty_change(old, old, n, told["W_after"][0])}
    like = alike(old, old.design.conformed(table), n, draw=False)
    view["unlike"] = like.unlike
    release = Release(
        loss=weighted_loss(old, view["Y_public"]), W_before=old.W, n=n, l2=old.summed(n).l2,
        **view, **told,
    )  # fmt: skip
    said = [*assumed(features, old), *like.notes, *precision(release, before, after)]
    return Pair(old, old, table, release, None, [], said, Counted(old, old, n, records=n))


def _later(
    old: LinearModel, new: LinearModel, table: pd.DataFrame, view: Public, n: int | None, gapless: list[str]
) -> After:
    """Return the fields of `Release` that say what the new model is: folded, or by its answers."""
    try:
        W_after = align(old, new, gapless)
        return {
            "W_after": W_after[None],
            **penalty_change(old, new, n, W_after),
            **affine_share(old, new, table, view["X_public"], n),
        }
    except NotFoldable:
        return refitted(old, new, table, view["X_public"], view["Y_public"], n)
