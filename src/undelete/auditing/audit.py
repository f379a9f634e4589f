"""The main job: `audit` two models that were released, or `simulate` deletions before any is.

From `Release` on they are the same: the attacks see only the release, the scores see both sides.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.design.conform import unknown
from undelete.adapters.files.files import load_model
from undelete.adapters.leaks import exact_values
from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target, target_names
from undelete.attacker.attacks import Attack, find
from undelete.attacker.implied import estimated
from undelete.auditing import inputs
from undelete.auditing.answers import Answers, Features
from undelete.auditing.deletion_checks import told
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.examine import examine
from undelete.auditing.inputs import Table
from undelete.auditing.problem import Problem
from undelete.auditing.released import Model, read_pair
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting, Target
from undelete.auditing.tables import all_columns, public_records, thinned_with
from undelete.data.schema import Schema, schema_of
from undelete.errors import InputError
from undelete.maintainer.game import play, remaining_gradient
from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.release.release import Release
from undelete.scoring.truth import Truth

DEFAULT = ("hrec+", "hrec", "avg", "maxdiff")


@dataclass(frozen=True)
class Words:
    """What the report calls things; nothing is computed from it.

    Parameters
    ----------
    schema : Schema, optional
        Columns in a reader's words; by default the known one that the column names point to.
    target : Target, optional
        The target in a reader's words.
    source : str or None
        Where the public records are from.
    command : str or None
        How to run it again.
    names : tuple of str
        What the two models are called.
    kind : str or None
        "demo" for the demonstration.
    quality : mapping of str to float, optional
        How well the model predicts, by the measure's name.
    notes : tuple of str
        What a reader should know of how the records were read.
    """

    schema: Schema | None = None
    target: Target | None = None
    source: str | None = None
    command: str | None = None
    names: tuple[str | None, str | None] = (None, None)
    kind: str | None = None
    quality: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()


def audit(
    before: Model | Answers,
    after: Model | Answers,
    public: Table,
    *,
    features: Features | None = None,
    target: str | Sequence[str] | None = None,
    truth: Table | Mapping[str, Any] | None = None,
    n: int | None = None,
    l2: float | None = None,
    attacks: Sequence[str] = DEFAULT,
    rng: int = 0,
    trust: bool = False,
    words: Words | None = None,
) -> Audit:
    """Audit one deletion: what do two models and public data give away of the record between them?

    Parameters
    ----------
    before, after : estimator, LinearModel or path
        The model with and without the record: a fitted scikit-learn estimator or Pipeline, or a file
        (.skops, .json, .npz; .joblib and .pkl only with `trust`). A refitted preprocessing is folded into the
        coefficients, or where that cannot be the models' answers are compared. Or two `Answers`: the models' answers
        to the public records.
    public : DataFrame, array or path
        Records like the training data but none of them: the raw columns that the pipeline reads.
    features : estimator, LinearModel, path or "numeric,onehot", optional
        With `Answers`: what the models read, as the old model says, or assumed.
    target : str or sequence of str, optional
        The public column that the model predicts, or of several outputs the columns. Needed for the squared hinge loss.
    truth : DataFrame, mapping or path, optional
        The deleted record, one row, if you have it: adds scores. No attack is given it.
    n : int, optional
        Number of training records before the deletion. Gives back the target of a regression.
    l2 : float, optional
        The penalty in the summed objective, maths (1), if the model files do not say it. `hrec+` and the
        checks use it, the paper's attack does not.
    attacks : sequence of str
        Names of attacks and baselines.
    rng : int
        Seed of the attacks and of the intervals.
    trust : bool
        Whether model files may be unpickled, which runs code they contain.
    words : Words, optional
        What the report calls things.

    Returns
    -------
    Audit
        One deletion.

    Raises
    ------
    InputError
        When the input cannot be used: one line that says what was seen, why it matters, what to do.
    """
    words, chosen = words or Words(), _chosen(attacks)
    first, second = (load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m for m in (before, after))
    table, sampled = public_records(public, [first, second], target)
    schema = words.schema or schema_of(all_columns(public, table))
    names = inputs.target_columns(table, target)
    pair = read_pair(first, second, table, target=names, n=n, l2=l2, trust=trust, image=schema.image, features=features)
    old, new, release = pair.old, pair.new, pair.release
    if release.n is None and (size := estimated(release)) is not None:
        release = dataclasses.replace(release, n=size[0], n_error=size[1])
    record = None if truth is None else inputs.true_record(truth, old, release, names)
    checks = told(old, new, release)
    one = not any(check.blocking and check.ok is False for check in checks)  # else what is exact is not one record's
    return examine(
        release,
        chosen,
        record,
        Setting(
            kind="audit",
            text="Which record was deleted between these two models, and how much of it do they give back?",
            model=_described(old, None if release.n_error else release.n, words),
            target=_target(old, names, words, schema),
            schema=schema,
            readout=pair.readout,
            public_source=words.source,
            command=words.command,
        ),
        _seeds(rng),
        diagnostics=checks,
        warnings=[
            *words.notes,
            *sampled,
            *pair.warnings,
            *_number_taken(release),
            *dict.fromkeys([*old.notes, *new.notes]),
            *inputs.taken_constant(old, release),
            *inputs.refilled(pair.gapless),
            *inputs.stored(old, release),
        ],
        leaks=inputs.leaks(old, new, record) if one else [],
        notes=[*old.notes, *new.notes],
        exact=exact_values(old, new) if one else {},
    )


def simulate(
    estimator: BaseEstimator | LinearModel,
    X: Table,
    y: ArrayLike,
    X_public: Table,
    y_public: ArrayLike | None = None,
    *,
    deletions: int | ArrayLike = 200,
    attacks: Sequence[str] = (*DEFAULT, "nearest", "informed"),
    rng: int = 0,
    tol: float = 1e-9,
    words: Words | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Play deletions before any happens: whom of these people would a deletion expose?

    The model is refitted to convergence, each chosen record is deleted alone with exact retraining, and
    each is attacked from the two models and the public records. The preprocessing of a Pipeline stays as it
    was fitted on all records.

    Parameters
    ----------
    estimator : estimator, Pipeline or LinearModel
        Fitted or not; an unfitted one is fitted on X and y first.
    X : DataFrame or array (n, columns)
        The private training records, raw.
    y : array (n,) or (n, k)
        Their targets.
    X_public : DataFrame or array (m, columns)
        Public records with the same columns.
    y_public : array (m,), optional
        Their targets. Needed for the squared hinge loss.
    deletions : int or array of int
        How many to delete, drawn at random, or which rows.
    attacks : sequence of str
        Names of attacks and baselines; "informed" is the bound of an auditor who holds all other records.
    rng : int
        Seed; the draw of the deletions, the attacks and the intervals each have a stream of their own.
    tol : float
        Largest |gradient|_inf / n over the remaining records that counts as retrained.
    words : Words, optional
        What the report calls things.
    checkpoint : path, optional
        Folder that remembers the deletions that are retrained, so that a simulation that was stopped goes on where
        it was. It holds models of private records.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    Audit
        With scores, and the rows in `Audit.truth.rows`.

    Raises
    ------
    InputError
        When the input cannot be used, or a deletion does not converge.
    """
    words, chosen = words or Words(), _chosen(attacks)
    train = inputs.as_records(X)
    public, y_public, sampled = thinned_with(inputs.as_records(X_public), y_public)
    problem = Problem.of(estimator, train, y, public=public)
    model, objective = problem.model, problem.objective
    draw, judge = _seeds(rng).spawn(2)
    rows = inputs.rows(deletions, objective.n, np.random.default_rng(draw))
    problem.refuse_last_of_class(rows)
    schema = words.schema or schema_of(map(str, train.columns))
    readout = inputs.pixels(model, public, schema.image)
    names = target_names(y)
    Y_public = None if y_public is None else encode_target(model, y_public, ", ".join(names))
    steps = len(rows) * (1 + len(attacks))
    release, retrained = play(
        objective,
        problem.W,
        rows,
        inputs.public_view(model, public, Y_public, raw=readout is None),
        tol=tol,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        progress=progress and (lambda done, total: progress(done * len(rows) // total, steps)),
    )
    truth = Truth(
        X=objective.X[rows], Y=objective.Y[rows], rows=rows, **inputs.own_columns(model, release, train.iloc[rows])
    )
    return examine(
        release,
        chosen,
        truth,
        Setting(
            kind=words.kind or "simulate",
            text=f"Whom of {objective.n:,} people would a deletion expose? {len(rows):,} deletions were played."
            if readout is None
            else f"Which of {objective.n:,} images would a deletion expose? {len(rows):,} deletions were played.",
            model=_described(model, objective.n, words),
            target=_target(model, names, words, schema),
            schema=schema,
            readout=readout,
            public_source=words.source,
            command=words.command,
        ),
        judge,
        remaining=remaining_gradient(objective, problem.W, rows),
        diagnostics=[problem.check(), _retraining(retrained)],
        warnings=[
            *words.notes,
            *sampled,
            *inputs.taken_constant(model, release),
            *unknown(model.design.conformed(public), model.design.uses),
            *inputs.overlap(train, y, public, y_public),
            *_fixed_preprocessing(model),
            *inputs.stored(model, release),
        ],
        leaks=inputs.leaks(model, model, truth),
        progress=progress and (lambda done, _: progress(len(rows) + done, steps)),
    )


def _chosen(attacks: Sequence[str]) -> list[Attack]:
    """Return the attacks, at least one."""
    names = (attacks,) if isinstance(attacks, str) else tuple(attacks)
    if not names:
        raise InputError("attacks is empty: name at least one, for example hrec")
    return find(names)


def _seeds(rng: int) -> np.random.SeedSequence:
    if not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(f"rng is {rng!r}: it is a seed, a whole number of zero or more")
    return np.random.SeedSequence(int(rng))


def _retraining(retrained: Deletions) -> Diagnostic:
    worst = float(retrained.gradient_norm.max())
    sure = int(retrained.certified.sum())
    how = f", {sure:,} of them bounded by a certificate" if sure else ""
    number = f"{len(retrained.rows):,} model{'' if len(retrained.rows) == 1 else 's'}"
    value = f"{number}, largest gradient {worst:.1e} per record{how}"
    return Diagnostic("Exact retraining", value, True, "Over the records that remain after each deletion.")


def _number_taken(release: Release) -> list[str]:
    if release.n is None or not release.n_error:
        return []
    return [
        f"The number of training records was not given. About {release.n:,} is taken, as the size of the change says "
        "if the two files are in this order: give n if you know it."
    ]


def _fixed_preprocessing(model: LinearModel) -> list[str]:
    if not model.steps:
        return []
    steps = ", ".join(dict.fromkeys(model.steps))
    return [
        f"The preprocessing ({steps}) is held as fitted on all records. Whoever refits it after a deletion may give "
        "more away: the change of a scaler's mean is the record itself."
    ]


def _target(model: LinearModel, names: Sequence[str], words: Words, schema: Schema) -> Target | None:
    if not names or words.target is not None:
        return words.target
    if len(names) > 1:
        together = ", ".join(names)
        return Target(name=together, label=together, columns=tuple(names))
    name, known = names[0], schema[names[0]]
    kind = "number" if model.classes is None else "class"
    classes = None if model.classes is None else tuple(model.classes)
    return Target(name=name, label=known.label, unit=known.unit, kind=kind, classes=classes)


def _described(model: LinearModel, n: int | None, words: Words) -> dict[str, Any]:
    """Return the model as audit.json describes it."""
    penalty = None if model.l2 is None else float(np.max(model.l2))
    return {
        "kind": model.kind,
        "loss": model.loss,
        "features": int(model.W.shape[0]),
        "outputs": int(model.W.shape[1]),
        "inputs": None if model.embedding is None else model.embedding.inputs,
        "intercept": model.has_constant,
        "penalty": penalty,
        "n": n,
        "steps": list(model.steps),
        "before": words.names[0],
        "after": words.names[1],
        "quality": None if words.quality is None else dict(words.quality),
    }
