"""scikit-learn's MLPClassifier and MLPRegressor as torch modules, with what they minimise."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from undelete.errors import InputError
from undelete.maths.network import torch

_ACTIVATIONS = {"identity": "Identity", "logistic": "Sigmoid", "tanh": "Tanh", "relu": "ReLU"}


@dataclass(frozen=True, eq=False)
class Perceptron:
    """A fitted multilayer perceptron.

    Parameters
    ----------
    module : torch.nn.Module
        The same network.
    steps : estimator or None
        The preprocessing before it.
    loss : str or callable
        Of a record.
    l2 : dict of str to float
        Penalty by parameter in the summed objective; empty where it is of the mean.
    weight_decay : dict of str to float
        Likewise, of the mean.
    """

    module: Any
    steps: Any
    loss: Any
    l2: dict[str, float]
    weight_decay: dict[str, float]


def is_perceptron(model: Any) -> bool:
    """Return whether a model is such an estimator, bare or at the end of a Pipeline."""
    last = model.steps[-1][1] if isinstance(model, Pipeline) and model.steps else model
    return isinstance(last, MLPClassifier | MLPRegressor)


def read_perceptron(model: BaseEstimator) -> Perceptron:
    """Return a fitted estimator as a module.

    Raises
    ------
    InputError
        When it is not fitted, or minimises what is not a loss of records.
    """
    steps, last = None, model
    if isinstance(model, Pipeline):
        steps, last = (model[:-1] if len(model.steps) > 1 else None), model.steps[-1][1]
    name = type(last).__name__
    if not hasattr(last, "coefs_"):
        raise InputError(f"the {name} is not fitted: there are no parameters to compare; fit it before saving it")
    loss = _loss(last)
    weights = {f"{2 * layer}.weight": float(last.alpha) for layer in range(len(last.coefs_))}
    if last.solver == "lbfgs":
        return Perceptron(_module(last), steps, loss, weights, {})
    # a batch's mean loss has alpha over the batch's size beside it
    size = 200 if last.batch_size == "auto" else int(last.batch_size)
    return Perceptron(_module(last), steps, loss, {}, {key: value / size for key, value in weights.items()})


def with_module(model: BaseEstimator, module: Any) -> BaseEstimator:
    """Return a copy of a fitted estimator with the parameters of a module like its own, in its own precision."""
    copied = copy.deepcopy(model)
    last = copied.steps[-1][1] if isinstance(copied, Pipeline) else copied
    for number, (weight, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
        layer = module[2 * number]
        weight[...] = layer.weight.detach().numpy().T
        bias[...] = layer.bias.detach().numpy()
    return copied


def _loss(last: Any) -> Any:
    if isinstance(last, MLPRegressor):
        if getattr(last, "loss", "squared_error") != "squared_error":
            raise InputError(f"MLPRegressor was fitted with loss={last.loss!r}: only squared_error is read")
        return half_squared
    if last.out_activation_ == "softmax":
        return "cross_entropy"
    if last.n_outputs_ != 1:
        raise InputError(
            "the MLPClassifier tells several labels a record: only classes that exclude each other are read"
        )
    return "bce"


def half_squared(outputs: Any, targets: Any) -> Any:
    """Return 1/2 (y - z)^2, summed over outputs and records: what MLPRegressor minimises the mean of."""
    return 0.5 * ((outputs - targets) ** 2).sum()


def _module(last: Any) -> Any:
    nn, layers = torch().nn, []
    for number, (weight, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
        layer = nn.Linear(*weight.shape).double()
        layer.weight.data = torch().tensor(weight.T.astype(float))
        layer.bias.data = torch().tensor(bias.astype(float))
        layers += [layer] + ([getattr(nn, _ACTIVATIONS[last.activation])()] if number < len(last.coefs_) - 1 else [])
    return nn.Sequential(*layers)
