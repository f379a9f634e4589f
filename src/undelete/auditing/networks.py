"""`audit` of two networks: from modules and a public table to the same `Audit` as any other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.adapters.files.files import load_model
from undelete.adapters.files.networks import Architecture, is_parameters, load_network
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.perceptron import is_perceptron, read_perceptron
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.adapters.torch import LossLike, Pair, is_module, penalty, targets
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import ATTACKS, chosen
from undelete.attacker.networks.attack import NAMES, Attacked, attack
from undelete.attacker.networks.estimate import Estimator
from undelete.attacker.networks.export import NamedGradient
from undelete.auditing import inputs, truths
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.examine import judged
from undelete.auditing.inputs import Table
from undelete.auditing.network_checks import checks
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting, Target
from undelete.auditing.tables import all_columns, public_records
from undelete.auditing.words import Words
from undelete.data.census import schema_of
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth

Features = Any  # a fitted scikit-learn preprocessing, or a function from a table to the network's records
MOST = 6_000  # parameters that changed, up to which their covariance is formed
TWICE = "l2 is the penalty of the summed loss and weight_decay that of the mean: give one of them"
_TRIED = 8  # public records on which the network is tried


@dataclass(frozen=True, eq=False)
class Reading:
    """How a table reaches a network.

    Parameters
    ----------
    design : Design or Probed
        From the table's raw columns to the network's records, and back to the columns.
    names : tuple of str
        The target's columns.
    classes : tuple or None
        The classes, None where the target is a number.
    """

    design: Design | Probed
    names: tuple[str, ...]
    classes: tuple[Any, ...] | None


@dataclass(frozen=True)
class Training:
    """What is said of how a network was trained.

    Parameters
    ----------
    loss : str or callable
        Of a record: cross_entropy, bce, mse, poisson_nll, a loss of torch's, or a function of outputs and targets.
    n : int or None
        Number of training records before the deletion.
    l2 : number, mapping or None
        Penalty in the summed objective, 1/2 l2 theta^2 of each parameter, or by the parameters' names.
    weight_decay : number, mapping or None
        The same in the mean objective, as torch's optimisers have it: the sum's is n times as large.
    """

    loss: LossLike | None
    n: int | None
    l2: float | Mapping[str, float] | None
    weight_decay: float | Mapping[str, float] | None


def opened(model: Any, architecture: Architecture | None, *, trust: bool) -> Any:
    """Return a model, read from its file where it is a path."""
    if is_parameters(model):
        return load_network(model, architecture)
    return load_model(model, trust=trust) if isinstance(model, str | os.PathLike) else model


def is_network(model: Any) -> bool:
    """Return whether a model is a torch module, or one of scikit-learn's perceptrons."""
    return is_module(model) or is_perceptron(model)


def audit_networks(
    before: Any,
    after: Any,
    public: Table,
    training: Training,
    *,
    features: Features | None,
    target: str | Sequence[str] | None,
    truth: Table | Mapping[str, Any] | None,
    attacks: Sequence[str | Attack],
    seed: np.random.SeedSequence,
    words: Words,
) -> Audit:
    """Audit one deletion between two torch modules; see `undelete.audit`."""
    names = asked_attacks(attacks)
    table, sampled = public_records(public, [before], target)
    before, after, training, features, later = perceptrons(before, after, training, features)
    pair, release, reading = read_networks(
        before, after, table, training, features=features, target=target, later=later
    )
    attacked = attack(release, names)
    record = None if truth is None else _true(truth, reading, release)
    schema = words.schema or schema_of(all_columns(public, table))
    return examined(
        release, attacked, record, pair, reading,
        Setting(
            kind="audit",
            text="Which record was deleted between these two networks, and how much of it do they give back?",
            model=described_networks(pair, release, words),
            target=words.target or target_of(reading, schema),
            schema=schema,
            public_source=words.source,
            command=words.command,
        ),
        seed, warnings=[*words.notes, *sampled],
    )  # fmt: skip


def deleted_gradient(
    before: Any,
    after: Any,
    public: Table,
    *,
    loss: LossLike,
    n: int,
    target: str | Sequence[str],
    features: Features | None = None,
    l2: float | Mapping[str, float] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    architecture: Architecture | None = None,
) -> NamedGradient:
    """Return the deleted record's gradient at the old network with its error bars, for whatever tool inverts gradients.

    Parameters
    ----------
    before, after, public, loss, n, target, features, l2, weight_decay, architecture
        As of `undelete.audit`.

    Returns
    -------
    NamedGradient
        By the parameters' names; `save` writes it to an .npz file.

    Raises
    ------
    InputError
        As `undelete.audit`.
    """
    first, second = (opened(model, architecture, trust=False) for model in (before, after))
    table, _ = public_records(public, [first], target)
    training = Training(loss, n, l2, weight_decay)
    _, release, _ = read_networks(first, second, table, training, features=features, target=target)
    return NamedGradient.of(release, Estimator(release).estimate(0))


def examined(
    release: NetworkRelease,
    attacked: Attacked,
    truth: Truth | None,
    pair: Pair,
    reading: Reading,
    setting: Setting,
    seeds: np.random.SeedSequence,
    warnings: Sequence[str] = (),
    more: Sequence[Diagnostic] = (),
) -> Audit:
    """Return the judgement on what the attacks said; `more` checks than the attack's own."""
    found = checks(release, attacked.account, rounding=pair.rounding, digits=pair.digits, kinks=pair.kinks)
    found = [*found, *more]
    warnings = [*warnings, *_notes(pair, release)]
    _, score_seed, picture_seed = seeds.spawn(3)
    return judged(
        release, [ATTACKS[name] for name in attacked.found], attacked.found, truth, setting, found,
        (score_seed, picture_seed), warnings=warnings,
    )  # fmt: skip


def read_networks(
    before: Any,
    after: Any,
    table: pd.DataFrame,
    training: Training,
    *,
    features: Features | None = None,
    target: str | Sequence[str] | None = None,
    later: Any = None,
) -> tuple[Pair, NetworkRelease, Reading]:
    """Return the two networks and the public table as the attacker sees them.

    Raises
    ------
    InputError
        When they do not go together, or what the attack needs is not said.
    """
    if training.loss is None:
        raise InputError(
            "the loss that the networks were trained with is not known: give loss, one of cross_entropy, bce, mse, "
            "poisson_nll, or a function of outputs and targets"
        )
    names = inputs.target_columns(table, target)
    if not names:
        raise InputError("name the target column of the public table: a network's gradients need what it predicts")
    if not len(table):
        raise InputError("the public table has no rows: the attack compares gradients of public records")
    n = training.n
    if n is None or not 2 <= n <= 10**12:
        raise InputError(
            "give n, the number of training records before the deletion: the size of a network's change says nothing "
            "without it"
        )
    design = design_of(features, table, names)
    X = design.transform(table)
    pair = Pair.of(before, after, training.loss, (X.shape[1],))
    if pair.network.parameters > MOST:
        raise InputError(
            f"{pair.network.parameters:,} parameters changed, and the attack forms a matrix of up to {MOST:,} by as "
            "many: audit networks of which fewer layers were trained (a head on a frozen net), or smaller ones"
        )
    outputs = _outputs(pair, X)
    Y, classes = targets(pair.loss, table[list(names)].to_numpy(), ", ".join(names), outputs)
    columns, codes, values = design.columns(table)
    first, second = _penalties(pair, training, n)
    release = NetworkRelease(
        pair.network, pair.before, pair.after[None], X, Y, n, first, second, 0 if classes is None else len(classes),
        columns, codes, values, X_after=_refitted(later, table, names, X),
    )  # fmt: skip
    return pair, release, Reading(design, names, classes)


def perceptrons(
    before: Any, after: Any, training: Training, features: Features | None
) -> tuple[Any, Any, Training, Features | None, Any]:
    """Return scikit-learn's perceptrons as modules with what they say of themselves; others as they are."""
    if not (is_perceptron(before) and is_perceptron(after)):
        return before, after, training, features, None
    old, new = read_perceptron(before), read_perceptron(after)
    said = training.l2 is not None or training.weight_decay is not None
    training = Training(
        old.loss if training.loss is None else training.loss,
        training.n,
        training.l2 if said else old.l2 or None,
        training.weight_decay if said else old.weight_decay or None,
    )
    if features is not None and old.steps is not None:
        raise InputError("features is given, and the pipeline has a preprocessing of its own: leave it out")
    return old.module, new.module, training, old.steps if features is None else features, new.steps


def _refitted(later: Any, table: pd.DataFrame, names: Sequence[str], X: Floats) -> Floats | None:
    """Return the public records as the new pipeline's preprocessing makes them; None where that is the same."""
    if later is None:
        return None
    made = np.asarray(_made(later, table.drop(columns=list(names))), dtype=np.float64)
    if made.shape != X.shape:
        raise InputError(
            f"the new pipeline makes {made.shape[1]} features of a record and the old one {X.shape[1]}: the networks "
            "cannot be compared; keep the steps"
        )
    return None if np.allclose(made, X, rtol=1e-12, atol=1e-12) else made


def design_of(features: Features | None, table: pd.DataFrame, names: Sequence[str]) -> Design | Probed:
    """Return how raw columns become the network's record: a scikit-learn preprocessing, a function, or as they are."""
    return read_features(features, table, names).design


def read_features(
    features: Features | None, table: pd.DataFrame, names: Sequence[str], *, constant: bool = False
) -> LinearModel:
    """Return the same as a linear model's, whose coefficients mean nothing; with a constant where one is wanted."""
    raw = table.drop(columns=list(names))
    steps: list[tuple[str, Any]] = []
    if features is not None:
        step = features if hasattr(features, "transform") else FunctionTransformer(features).fit(raw)
        steps = [("features", step)]
    made = raw.head(2) if not steps else _made(steps[0][1], raw.head(2))
    width = made.shape[1]
    last = LinearRegression(fit_intercept=constant)
    last.coef_, last.intercept_, last.n_features_in_ = np.ones(width), 0.0, width
    last.rank_, last.singular_ = width, np.ones(width)
    if not steps:
        last.feature_names_in_ = np.array([str(label) for label in raw.columns], dtype=object)
    return from_sklearn(Pipeline([*steps, ("last", last)]) if steps else last, table, names)


def _made(step: Any, raw: pd.DataFrame) -> NDArray[Any]:
    known = hasattr(step, "feature_names_in_") or isinstance(step, FunctionTransformer)
    try:
        made = step.transform(raw if known else raw.to_numpy())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(f"features cannot be made of the public table: {first}") from error
    return made if hasattr(made, "shape") else np.asarray(made)


def _outputs(pair: Pair, X: Floats) -> int:
    """Return how many numbers the network answers, tried on a few records."""
    try:
        answer = pair.network.outputs(pair.before, X[:_TRIED])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(
            f"the network does not take records of {X.shape[1]} numbers ({first}): give the table with the columns "
            "that it reads and the target, or features that make them"
        ) from error
    if len(answer) != len(X[:_TRIED]) or not np.isfinite(answer).all():
        raise InputError(
            "the network's answers are not one finite row a record: it cannot be attacked record by record"
        )
    return int(answer.shape[1])


def _penalties(pair: Pair, training: Training, n: int) -> tuple[Floats, Floats]:
    """Return the penalty of each parameter in the summed objective, before and after the deletion."""
    if training.l2 is not None and training.weight_decay is not None:
        raise InputError(TWICE)
    if training.weight_decay is None:
        own = penalty(pair.network, training.l2, "l2")
        return own, own
    own = penalty(pair.network, training.weight_decay, "weight_decay")
    return own * n, own * (n - 1)


def _true(truth: Table | Mapping[str, Any], reading: Reading, release: NetworkRelease) -> Truth:
    return true_records(truths.one_record(truth), reading, release)


def true_records(table: pd.DataFrame, reading: Reading, release: NetworkRelease) -> Truth:
    """Return deleted records as the scores need them, (b) rows."""
    Y = None
    if all(name in table for name in reading.names):
        values = table[list(reading.names)].to_numpy()
        Y = _encoded(values, reading, release)
    codes, values = truths.encode_design(reading.design, tuple(release.columns), table)
    raw = truths.raw(release, reading.design.conformed(table))
    return Truth(X=reading.design.transform(table), Y=Y, codes=codes, values=values, raw=raw)


def _encoded(values: NDArray[Any], reading: Reading, release: NetworkRelease) -> Floats:
    """Return targets (b, k) as reports have them."""
    if reading.classes is None:
        return values.astype(np.float64)
    at = {label: j for j, label in enumerate(reading.classes)}
    unknown = [label for label in values[:, 0].tolist() if label not in at]
    if unknown:
        raise InputError(
            f"the truth has class {unknown[0]!r}, which no public record has: the network does not know it"
        )
    place = np.array([at[label] for label in values[:, 0].tolist()])
    if release.Y_public.shape[1] == 1:
        return np.where(place == 1, 1.0, -1.0)[:, None]
    return np.where(place[:, None] == np.arange(len(at)), 1.0, -1.0)


def asked_attacks(attacks: Sequence[str | Attack]) -> list[str]:
    """Return the names of attacks, if all run on networks."""
    names = [one.name for one in chosen(attacks)]
    for name in names:
        if name not in NAMES:
            raise InputError(f"there is no attack {name!r} on networks; choose among {', '.join(NAMES)}")
    return names


def _notes(pair: Pair, release: NetworkRelease) -> list[str]:
    told = []
    if pair.fixed:
        moved = ", ".join(name for name, _, _ in pair.network.sizes)
        told.append(
            f"Only {release.network.parameters:,} of {release.network.parameters + pair.fixed:,} parameters changed "
            f"({moved}): the others were frozen, and the attack works in these."
        )
    return [*told, *dropped(pair)]


def dropped(pair: Pair) -> list[str]:
    """Say that dropout is off, where there is any."""
    if not pair.dropout:
        return []
    return [
        f"The network has {', '.join(pair.dropout)} layers, which are off here: where they were on in training, "
        "what they drew is in the difference of the models too."
    ]


def target_of(reading: Reading, schema: Any) -> Target:
    """Return the target in a reader's words."""
    if len(reading.names) > 1:
        together = ", ".join(reading.names)
        return Target(name=together, label=together, columns=reading.names)
    known = schema[reading.names[0]]
    kind = "number" if reading.classes is None else "class"
    return Target(name=reading.names[0], label=known.label, unit=known.unit, kind=kind, classes=reading.classes)


def described_networks(pair: Pair, release: NetworkRelease, words: Words) -> dict[str, Any]:
    """Return the networks as audit.json describes them."""
    return {
        "kind": type(pair.network.module).__name__,
        "loss": pair.loss.name,
        "features": int(release.X_public.shape[1]),
        "outputs": int(release.Y_public.shape[1]),
        "inputs": None,
        "intercept": True,
        "penalty": float(release.penalty_before.max(initial=0.0)),
        "n": release.n,
        "steps": [],
        "before": words.names[0],
        "after": words.names[1],
        "quality": None if words.quality is None else dict(words.quality),
        "parameters": release.network.parameters + pair.fixed,
        "moved": [name for name, _, _ in release.network.sizes],
    }
