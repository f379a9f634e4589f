"""A small network played as the maintainer plays it: made-up people, trained to the optimum with and without one."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from undelete.maintainer.networks import Fit, retrain_without, train
from undelete.maths.network import Network

COLUMNS = ["age", "hours", "rooms", "sex"]


def people(rng, n):
    """Whole numbers of different ranges, and a label that bends in them."""
    age, hours = rng.integers(18, 80, n), rng.integers(1, 60, n)
    rooms, sex = rng.integers(1, 9, n), rng.integers(0, 2, n)
    z = (hours - 30) / 15 + np.sin(age / 12) + 0.4 * (rooms - 4) * (sex - 0.5)
    label = (z + rng.logistic(size=n) > 0).astype(int)
    return pd.DataFrame(dict(age=age, hours=hours, rooms=rooms, sex=sex, label=label))


@dataclass
class Played:
    private: pd.DataFrame
    public: pd.DataFrame
    row: int
    before: object
    after: object
    fit: Fit
    theta: np.ndarray
    theta_after: np.ndarray
    l2: float
    scale: object

    @property
    def n(self):
        return len(self.private)


def small(torch, outputs=1, units=5, act=None, seed=0):
    torch.manual_seed(seed)
    act = act or torch.nn.Softplus
    return torch.nn.Sequential(torch.nn.Linear(len(COLUMNS), units), act(), torch.nn.Linear(units, outputs)).double()


def filled(network, module, theta):
    """Return a copy of the module with these parameters."""
    import torch

    made = copy.deepcopy(module).requires_grad_(True)
    made.load_state_dict({name: torch.tensor(value) for name, value in network.named(theta).items()})
    return made


def play(torch, n=2500, m=2500, l2=2.0, row=7, **changed):
    """Play the deletion of a row, some of whose cells are `changed`."""
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(5)
    private, public = people(rng, n), people(rng, m)
    private.loc[row, list(changed)] = list(changed.values())
    scale = StandardScaler().fit(public[COLUMNS].to_numpy(float))
    module = small(torch)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    names = [name for name, _ in module.named_parameters()]
    network = Network(module.requires_grad_(False), loss, names, (len(COLUMNS),), False)
    X, Y = scale.transform(private[COLUMNS].to_numpy(float)), private[["label"]].to_numpy(float)
    fit = Fit(network, X, Y, np.full(network.parameters, l2))
    start = network.vector({name: value.detach() for name, value in module.named_parameters()})
    trained = train(fit, start)
    assert trained.converged
    retrained = retrain_without(fit, trained.theta, np.array([row]))[0]
    assert retrained.converged
    before, after = (filled(network, module, theta) for theta in (trained.theta, retrained.theta))
    return Played(private, public, row, before, after, fit, trained.theta, retrained.theta, l2, scale)
