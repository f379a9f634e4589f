"""Two networks, a public table and what is said of the training, as the attacker sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.adapters.files.files import load_model
from undelete.adapters.files.networks import Architecture, is_network_file, load_network
from undelete.adapters.head import recognised
from undelete.adapters.low_rank import ASKED, refuse_merged
from undelete.adapters.sklearn.perceptron import is_perceptron, read_perceptron
from undelete.adapters.torch import Pair, is_module, penalty, unwrapped
from undelete.adapters.torch_loss import LossLike, targets
from undelete.auditing import inputs, truths
from undelete.auditing.network_features import Features, design_of, refitted
from undelete.auditing.network_tried import answered, differentiated
from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth

MOST = 6_000  # parameters that changed, up to which their covariance is formed
TWICE = "l2 is the penalty of the summed loss and weight_decay that of the mean: give one of them"


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

    def unsaid(self, model: Any) -> list[str]:
        """Say what is taken of a module's penalty where nothing was said of it: its file does not tell."""
        if not is_module(model) or self.l2 is not None or self.weight_decay is not None:
            return []
        return [
            "No penalty was named (weight_decay=, --weight-decay, or l2=, --l2), so the networks are taken to be "
            "trained without one: if there was one, all that comes back is off by it, and no check is sure to see that."
        ]


def opened(model: Any, architecture: Architecture | None, *, trust: bool) -> Any:
    """Return a model, read from its file where it is a path."""
    if is_network_file(model):
        return unwrapped(load_network(model, architecture, trust=trust))
    return load_model(model, trust=trust) if isinstance(model, str | os.PathLike) else unwrapped(model)


def is_network(model: Any) -> bool:
    """Return whether a model is a torch module, or one of scikit-learn's perceptrons."""
    return is_module(model) or is_perceptron(model)


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
    outputs = answered(pair, X)
    Y, classes = targets(pair.loss, table[list(names)].to_numpy(), ", ".join(names), outputs)
    columns, codes, values = design.columns(table)
    first, second = _penalties(pair, training, n)
    release = NetworkRelease(
        pair.network, pair.before, pair.after[None], X, Y, n, first, second, 0 if classes is None else len(classes),
        columns, codes, values, X_after=refitted(later, table, names, X),
    )  # fmt: skip
    differentiated(release)
    _not_merged(pair, release)
    if pair.network.parameters > MOST:
        raise NotAttacked(
            f"{pair.network.parameters:,} parameters changed, and the attack forms a matrix of up to {MOST:,} by as "
            "many: audit networks of which fewer layers were trained (a head on a frozen net), or smaller ones"
        )
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


def _not_merged(pair: Pair, release: NetworkRelease) -> None:
    """Refuse weights whose change says that adapters were merged into them, and other directions were never trained."""
    network, squared = pair.network, (recognised(pair.loss, release.Y_public.shape[1]) or ("",))[0] == "squared"
    before, after = network.named(pair.before), network.named(pair.after)

    def gradients(part: slice, shape: tuple[int, ...]) -> Floats:
        asked = network.gradients(pair.before, release.X_public[:ASKED], release.Y_network[:ASKED])[:, part]
        return asked.reshape(len(asked), *shape)

    for name, shape, part in network.sizes:
        own = partial(gradients, part, shape)
        refuse_merged(name, before[name], after[name], pair.rounding, own, squared=squared)


def _penalties(pair: Pair, training: Training, n: int) -> tuple[Floats, Floats]:
    """Return the penalty of each parameter in the summed objective, before and after the deletion."""
    if training.l2 is not None and training.weight_decay is not None:
        raise InputError(TWICE)
    if training.weight_decay is None:
        own = penalty(pair.network, training.l2, "l2")
        return own, own
    own = penalty(pair.network, training.weight_decay, "weight_decay")
    return own * n, own * (n - 1)


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
