"""Networks on people of the American Community Survey: trained, retrained without some, released, and the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.adapters.torch_loss import Loss
from undelete.auditing.network_features import design_of
from undelete.auditing.network_reading import Reading, true_records
from undelete.data.acs import acs_income, acs_mobility
from undelete.data.sources import Dataset
from undelete.errors import InputError
from undelete.lab.steps import Folder
from undelete.maintainer.networks import Fit, train
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, torch
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth

_OVER = "PINCP_gt50k"  # income over 50,000 dollars
_NUMBERS = ("AGEP", "SCHL", "WKHP")  # of the one-hot case, whose other columns are categories
_ONEHOT = (*_NUMBERS, "COW", "MAR", "RELP", "SEX", "RAC1P")


@dataclass(frozen=True)
class Case:
    """A population, an architecture and an objective.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    n, m : int
        Private and public records.
    units : tuple of int
        Of the hidden layers.
    decay : float
        The penalty of the mean objective; l2 = n decay in the sum, the same before and after.
    act : str
        The activation, a class of torch.nn.
    onehot : bool
        Whether categories are indicators; else all columns are numbers.
    number : bool
        Whether the target is the logarithm of income; else the class over 50,000 dollars.
    """

    key: str
    title: str
    n: int
    m: int
    units: tuple[int, ...]
    decay: float
    act: str = "Softplus"
    onehot: bool = False
    number: bool = False


@dataclass(frozen=True, eq=False)
class Trained:
    """A case's network on one split.

    Parameters
    ----------
    fit : Fit
        The private records and the objective.
    start : array (p,)
        Where training began.
    release : NetworkRelease
        What the attacker sees, without a deletion yet.
    source : str
        Where the records are from.
    truth : callable
        From rows (b,) to the private records in them.
    design : Design, Probed or None
        How a table reaches the network; None of images.
    """

    fit: Fit
    start: Floats
    release: NetworkRelease
    source: str
    truth: Callable[[NDArray[np.int64]], Truth]
    design: Design | Probed | None = None

    def released(self, before: Floats, after: Sequence[Floats]) -> NetworkRelease:
        """Return what the attacker sees of an old model (p,) and some new ones."""
        return dataclasses.replace(self.release, theta_before=before, theta_after=np.stack(list(after)))

    def penalised(self, l2: Floats) -> Trained:
        """Return the same with another penalty (p,) of the summed objective, before and after."""
        release = dataclasses.replace(self.release, penalty_before=l2, penalty_after=l2)
        return dataclasses.replace(self, fit=dataclasses.replace(self.fit, l2=l2), release=release)


def dealt(case: Case, data_dir: Folder | None, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, str, str]:
    """Return a split's private and public table, the target's name and the source.

    The sample is shuffled by the seed; the first n are private, the next m public.
    """
    data = acs_mobility(data_dir) if case.number else acs_income("CA", data_dir)
    table, target = (data.table, data.target) if case.number else over_50k(data)
    if case.number:
        table = table[table["PINCP"] > 100].drop(columns=[c for c in table if c not in (*_REGRESSED, "PINCP")])
        table = table.assign(PINCP=np.log(table["PINCP"].astype(float)))
    elif case.onehot:
        table = table[[*_ONEHOT, target]]
    if len(table) < case.n + case.m:
        raise InputError(
            f"{data.source}: too few for {case.n:,} private and {case.m:,} public records of {case.title}; bring the "
            "complete data"
        )
    order = np.random.default_rng([seed, 16]).permutation(len(table))[: case.n + case.m]
    shuffled = table.iloc[order].reset_index(drop=True)
    return shuffled.iloc[: case.n], shuffled.iloc[case.n :].reset_index(drop=True), target, data.source


def over_50k(data: Dataset) -> tuple[pd.DataFrame, str]:
    """Return a table with the class of income over 50,000 dollars in the place of the income, and the class's name."""
    return data.table.drop(columns=[data.target]).assign(**{_OVER: data.over_50k()}), _OVER


_REGRESSED = ("AGEP", "SCHL", "MAR", "SEX", "CIT", "RELP", "RAC1P", "COW", "WKHP", "JWMNP")


def prepared(case: Case, data_dir: Folder | None, seed: int) -> Trained:
    """Return a case's records and network on one split, at its start: nothing is trained yet."""
    private, public, target, source = dealt(case, data_dir, seed)
    names = [str(name) for name in public.columns if name != target]
    features = _features(case, public[names])
    design = design_of(features, public, [target])
    X, X_public = design.transform(private), design.transform(public)
    loss = Loss.of("mse" if case.number else "bce")
    module = perceptron(case, X.shape[1], seed)
    network = Network(module, loss.of_record, [n for n, _ in module.named_parameters()], (X.shape[1],), False,
                      loss.expected)  # fmt: skip
    Y, Y_public = (table[[target]].to_numpy(dtype=np.float64) for table in (private, public))
    l2 = np.full(network.parameters, case.n * case.decay)
    fit = Fit(network, X, Y, l2)
    start = network.vector({name: value.detach() for name, value in module.named_parameters()})
    columns, codes, values = design.columns(public)
    classes = None if case.number else (0, 1)
    release = NetworkRelease(
        network, start, start[None], X_public, Y_public if case.number else np.where(Y_public > 0, 1.0, -1.0), case.n,
        l2, l2, 0 if case.number else 2, columns, codes, values,
    )  # fmt: skip
    reading = Reading(design, (target,), classes)

    def truth(rows: NDArray[np.int64]) -> Truth:
        return dataclasses.replace(true_records(private.iloc[rows], reading, release), rows=rows)

    return Trained(fit, start, release, source, truth, design)


def _features(case: Case, public: pd.DataFrame) -> Any:
    if not case.onehot:
        return StandardScaler().fit(public)
    categories = [name for name in public if name not in _NUMBERS]
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    parts = [("numbers", StandardScaler(), list(_NUMBERS)), ("categories", encoder, categories)]
    return ColumnTransformer(parts).fit(public)


def perceptron(case: Case, inputs: int, seed: int) -> Any:
    """Return a case's module as it is before training, drawn by the seed."""
    nn, layers, width = torch().nn, [], inputs
    torch().manual_seed(seed)
    for units in case.units:
        layers += [nn.Linear(width, units), getattr(nn, case.act)()]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 1)).double().requires_grad_(False)


def optimum(trained: Trained) -> Floats:
    """Return the parameters (p,) at the optimum of all private records."""
    return train(trained.fit, trained.start).theta
