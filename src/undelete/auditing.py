"""The main job: `audit` two models that were released, or `simulate` deletions before any is.

From `Release` on they are the same: the attacks see only the release, the scores see both sides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from undelete.adapters.align import align, changed_fills, lost_categories
from undelete.adapters.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn import from_sklearn, scaler_leak
from undelete.adapters.targets import encode_target
from undelete.attacker.attacks import find
from undelete.data.schema import Schema, schema_of
from undelete.data.table import read_table
from undelete.diagnostics import Diagnostic
from undelete.errors import InputError
from undelete.examine import examine
from undelete.maintainer.game import Truth, play, remaining_gradient
from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maths.losses import LOSSES
from undelete.problem import Problem, as_table, check_rows
from undelete.release import Release
from undelete.result import Audit, Setting, Target

Model: TypeAlias = BaseEstimator | LinearModel | str | os.PathLike[str]
Table: TypeAlias = pd.DataFrame | NDArray[Any] | str | os.PathLike[str]
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
    """

    schema: Schema | None = None
    target: Target | None = None
    source: str | None = None
    command: str | None = None
    names: tuple[str | None, str | None] = (None, None)
    kind: str | None = None
    quality: Mapping[str, float] | None = None


def audit(
    before: Model,
    after: Model,
    public: Table,
    *,
    target: str | None = None,
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
        (.skops, .npz; .joblib and .pkl only with `trust`). A refitted preprocessing is folded into the
        coefficients, so that both are compared in the old model's space.
    public : DataFrame, array or path
        Records like the training data but none of them: the raw columns that the pipeline reads.
    target : str, optional
        The public column that the model predicts. Needed for the squared hinge loss.
    truth : DataFrame, mapping or path, optional
        The deleted record, one row, if you have it: adds scores. No attack is given it.
    n : int, optional
        Number of training records before the deletion. Gives back the target of a regression.
    l2 : float, optional
        The penalty in the summed objective, maths (1), if the model files do not say it. Used in checks;
        the paper's attack does not use it.
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
    words, chosen, table = words or Words(), find(tuple(attacks)), _table(public)
    paths = [load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m for m in (before, after)]
    old, new = (m if isinstance(m, LinearModel) else from_sklearn(m, table, target) for m in paths)
    gapless = [name for name in changed_fills(old.design, new.design) if not table[name].isna().any()]
    W_after = align(old, new, gapless)
    n, warnings = _count(n, old)
    schema = words.schema or schema_of(map(str, table.columns))
    release = Release(
        loss=LOSSES[old.loss],
        W_before=old.W,
        W_after=W_after[None],
        n=n,
        l2=_penalty(old, l2),
        **_public_view(old, table, target),
    )
    return examine(
        release,
        chosen,
        None if truth is None else _true_record(truth, old, release, target),
        Setting(
            kind="audit",
            text="Which record was deleted between these two models, and how much of it do they give back?",
            model=_described(old, n, words),
            target=_target(old, target, words, schema),
            schema=schema,
            public_source=words.source,
            command=words.command,
        ),
        np.random.SeedSequence(rng),
        warnings=[*warnings, *old.notes, *new.notes, *_leaks(old, new), *_refilled(gapless)],
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
    y : array (n,)
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
    words = words or Words()
    chosen = find(tuple(attacks))
    problem = Problem.of(estimator, _table(X), y, public=_table(X_public))
    model, objective = problem.model, problem.objective
    draw, judge = np.random.SeedSequence(rng).spawn(2)
    rows = _rows(deletions, objective.n, np.random.default_rng(draw))
    schema = words.schema or schema_of(map(str, _table(X).columns))
    problem.refuse_last_of_class(rows)
    public, name = _table(X_public), str(getattr(y, "name", None) or "target")
    if y_public is not None:
        public = public.assign(**{name: np.asarray(y_public)})
    steps = len(rows) * (1 + len(attacks))
    release, retrained = play(
        objective,
        problem.W,
        rows,
        _public_view(model, public, None if y_public is None else name),
        tol=tol,
        progress=progress and (lambda done, total: progress(done * len(rows) // total, steps)),
    )
    codes, values = _encode(model, release, _table(X).iloc[rows])
    return examine(
        release,
        chosen,
        Truth(X=objective.X[rows], Y=objective.Y[rows], codes=codes, values=values, rows=rows),
        Setting(
            kind=words.kind or "simulate",
            text=f"Whom of {objective.n:,} people would a deletion expose? {len(rows):,} deletions were played.",
            model=_described(model, objective.n, words),
            target=_target(model, name, words, schema),
            schema=schema,
            public_source=words.source,
            command=words.command,
        ),
        judge,
        remaining=remaining_gradient(objective, problem.W, rows),
        diagnostics=[problem.check(), _retraining(retrained)],
        warnings=[*model.notes, *_fixed_preprocessing(model)],
        progress=progress and (lambda done, _: progress(len(rows) + done, steps)),
    )


def _table(records: Table) -> pd.DataFrame:
    """Return records as a table: a frame as it is, an array with columns x0, x1, ..., a file read."""
    if isinstance(records, str | os.PathLike):
        return read_table(records)
    return records if isinstance(records, pd.DataFrame) else as_table(records)


def _public_view(model: LinearModel, public: pd.DataFrame, target: str | None) -> dict[str, Any]:
    """Return the fields of `Release` that come from the public data and the old model's preprocessing."""
    if len(public) == 0:
        raise InputError("the public table has no rows: the attack estimates the Hessian from public records")
    Y = None
    if target is not None:
        if target not in public:
            have = ", ".join(map(str, public.columns[:12]))
            raise InputError(f"the public table has no target column {target!r}; it has {have}: name one of them")
        Y = encode_target(model, public[target], target)
    elif model.loss == "squared_hinge":
        raise InputError(
            "the squared hinge loss is curved only where a public record is inside the margin, which its target "
            "decides: name the target column of the public table (--target, or y_public)"
        )
    columns, codes, values = model.design.columns(public)
    return {
        "X_public": model.design.transform(public),
        "Y_public": Y,
        "constant": model.design.constant(),
        "columns": columns,
        "public_codes": codes,
        "public_values": values,
        "target_kind": "number" if model.classes is None else "class",
    }


def _count(n: int | None, old: LinearModel) -> tuple[int | None, list[str]]:
    """Return the number of training records, as given or as a scaler stores it, and what to say of it."""
    if n is not None and n < 2:
        raise InputError(f"n is {n}: it is the number of training records before the deletion, at least 2")
    if n is not None and old.n is not None and n != old.n:
        return n, [f"n is given as {n:,}, but the old model's own scaler was fitted on {old.n:,} records."]
    if n is None and old.n is None and old.classes is None:
        return None, ["The number of training records is not known, so the target is not recovered: give n."]
    return n or old.n, []


def _penalty(old: LinearModel, l2: float | None) -> NDArray[np.float64] | None:
    if l2 is None:
        return None if old.l2 is None else np.asarray(old.l2, dtype=np.float64)
    if not l2 >= 0:
        raise InputError(f"l2 is {l2}: a penalty is zero or more")
    penalty = np.full(old.W.shape[0], float(l2))
    if old.design.has_constant:
        penalty[-1] = 0.0
    return penalty


def _leaks(old: LinearModel, new: LinearModel) -> list[str]:
    """Say what the refitted preprocessing gives away by itself."""
    leaks = []
    columns = scaler_leak(old, new)
    if columns:
        leaks.append(
            "The two pipelines' scalers give values of the deleted record away exactly, without any attack: n times "
            f"the old mean less n - 1 times the new one, for {', '.join(map(repr, columns))}."
        )
    for column in lost_categories(old.design, new.design):
        leaks.append(
            f"The new encoder of column {column!r} lacks a category that the old one knew: the deleted record was the "
            "only one that had it."
        )
    return leaks


def _refilled(columns: Sequence[str]) -> list[str]:
    if not columns:
        return []
    return [
        f"The imputers of {', '.join(map(repr, columns))} fill another value after the deletion. No public record has "
        "a missing cell there, so this is left out; it matters only if the deleted one had."
    ]


def _true_record(truth: Table | Mapping[str, Any], old: LinearModel, release: Release, target: str | None) -> Truth:
    """Return the deleted record for the scores; one row."""
    table = pd.DataFrame([dict(truth)]) if isinstance(truth, Mapping) else _table(truth)
    if len(table) != 1:
        raise InputError(
            f"the truth has {len(table)} records: two models are audited for the deletion of one; give the one "
            "that was deleted between them"
        )
    codes, values = _encode(old, release, table)
    Y = encode_target(old, table[target], target) if target is not None and target in table else None
    return Truth(X=old.design.transform(table), Y=Y, codes=codes, values=values)


def _encode(model: LinearModel, release: Release, table: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return true records as codes, and their numbers in every numeric column."""
    columns = tuple(release.columns)
    codes, values = model.design.encode(table, columns)
    numbers = np.array(values)
    for j, column in enumerate(columns):
        if column.kind == "discrete":
            numbers[:, j] = pd.to_numeric(table[column.name], errors="coerce")
    return codes, numbers


def _rows(deletions: int | ArrayLike, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows to delete: drawn, or as given."""
    if not isinstance(deletions, int | np.integer):
        return check_rows(deletions, n)
    if deletions < 1:
        raise InputError(f"deletions is {deletions}: at least one has to be played")
    return np.sort(rng.choice(n, size=min(int(deletions), n), replace=False)).astype(np.int64)


def _retraining(retrained: Deletions) -> Diagnostic:
    worst = float(retrained.gradient_norm.max())
    sure = int(retrained.certified.sum())
    how = f", {sure:,} of them bounded by a certificate" if sure else ""
    value = f"{len(retrained.rows):,} models, largest gradient {worst:.1e} per record{how}"
    return Diagnostic("Exact retraining", value, True, "Over the records that remain after each deletion.")


def _fixed_preprocessing(model: LinearModel) -> list[str]:
    if not model.steps:
        return []
    steps = ", ".join(dict.fromkeys(model.steps))
    return [
        f"The preprocessing ({steps}) is held as fitted on all records. Whoever refits it after a deletion may give "
        "more away: the change of a scaler's mean is the record itself."
    ]


def _target(model: LinearModel, name: str | None, words: Words, schema: Schema) -> Target | None:
    if name is None or words.target is not None:
        return words.target
    known = schema[name]
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
        "intercept": bool(model.design.has_constant),
        "penalty": penalty,
        "n": n,
        "steps": list(model.steps),
        "before": words.names[0],
        "after": words.names[1],
        "quality": None if words.quality is None else dict(words.quality),
    }
