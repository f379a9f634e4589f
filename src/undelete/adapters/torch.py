"""Two torch modules as one network: which parameters moved, what the loss of a record is, what cannot be attacked.

The modules themselves are not changed: copies are put in evaluation mode and in float64.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, torch

LossLike = str | Callable[[Any, Any], Any]

CLASSES = ("cross_entropy", "bce")  # losses whose target is a class
LOSS_NAMES = (*CLASSES, "mse", "poisson_nll")
_SAID = {
    "CrossEntropyLoss": "cross_entropy", "BCEWithLogitsLoss": "bce", "binary_cross_entropy_with_logits": "bce",
    "bce_with_logits": "bce", "MSELoss": "mse", "mse_loss": "mse", "PoissonNLLLoss": "poisson_nll",
    "poisson_nll_loss": "poisson_nll", "cross_entropy": "cross_entropy",
}  # fmt: skip
_USUAL = {"weight": None, "pos_weight": None, "label_smoothing": 0.0, "log_input": True}
"""Options of torch's losses as they must be for outputs to stand for the mean target."""
DIGITS = {"bfloat16": 2.0**-9, "float16": 2.0**-12, "float32": 2.0**-25, "float64": 0.0}
"""Largest relative rounding of parameters stored so."""
_KINKS = ("ReLU", "LeakyReLU", "PReLU", "ReLU6", "Hardtanh", "Hardswish", "Hardsigmoid", "Threshold", "MaxPool")


def is_module(model: Any) -> bool:
    """Return whether a model is a torch module; torch is not imported to find out."""
    loaded = sys.modules.get("torch")
    return loaded is not None and isinstance(model, loaded.nn.Module)


@dataclass(frozen=True, eq=False)
class Loss:
    """The loss of one record, and what its target is.

    Parameters
    ----------
    name : str
        What it is called.
    of_record : callable
        From outputs (1, ...) and target (1, ...) to a scalar.
    classes : bool
        Whether the target is a class.
    whole : bool
        Whether the class is given as a whole number.
    expected : callable or None
        From outputs to the mean target that they stand for; None where the loss does not say.
    """

    name: str
    of_record: Callable[[Any, Any], Any]
    classes: bool
    whole: bool
    expected: Callable[[Any], Any] | None = None

    @classmethod
    def of(cls, loss: LossLike) -> Loss:
        """Return what a name, a loss of torch's, or any callable of outputs and targets stands for.

        Raises
        ------
        InputError
            For a name that is none.
        """
        functional = torch().nn.functional
        if isinstance(loss, str):
            own = {
                "cross_entropy": functional.cross_entropy, "bce": functional.binary_cross_entropy_with_logits,
                "mse": functional.mse_loss, "poisson_nll": functional.poisson_nll_loss,
            }  # fmt: skip
            name = _SAID.get(loss, loss)
            if name not in own:
                raise InputError(
                    f"loss {loss!r} is not known: it is one of {', '.join(LOSS_NAMES)}, or a function of outputs and "
                    "targets"
                )
            return cls(name, _one(own[name]), name in CLASSES, name == "cross_entropy", _expected()[name])
        if not callable(loss):
            raise InputError(
                f"loss is {loss!r}: give one of {', '.join(LOSS_NAMES)}, or a function of outputs, targets"
            )
        said = getattr(loss, "__name__", type(loss).__name__)
        name = _SAID.get(said, said)
        summed: Any = loss
        if type(loss).__name__ == "CrossEntropyLoss":  # with class weights a mean divides by theirs
            summed = copy.copy(loss)
            summed.reduction = "sum"
        plain = all(getattr(loss, option, usual) == usual for option, usual in _USUAL.items())
        expected = _expected().get(name) if plain else None
        return cls(name, _one(summed), name in CLASSES, name == "cross_entropy", expected)


def _expected() -> dict[str, Callable[[Any], Any]]:
    """Return the mean target that a network's outputs stand for, by the loss that they were fitted with."""
    t = torch()
    return {"cross_entropy": lambda z: t.softmax(z, dim=-1), "bce": t.sigmoid, "mse": lambda z: z, "poisson_nll": t.exp}


def _one(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the loss of a batch of one, whose mean and sum are the same."""

    def of_record(outputs: Any, target: Any) -> Any:
        alike = target.dtype.is_floating_point and target.numel() == outputs.numel()
        return loss(outputs, target.reshape(outputs.shape) if alike else target).sum()

    return of_record


@dataclass(frozen=True, eq=False)
class Pair:
    """Two modules of one architecture.

    Parameters
    ----------
    network : Network
        The old module, and what moved.
    before, after : arrays (p,)
        The parameters that moved.
    fixed : int
        How many parameters stayed.
    rounding : float
        Largest relative rounding error of the parameters as they were stored.
    digits : str
        How they were stored.
    kinks, dropout : tuple of str
        Layers by class that have kinks, and that draw at random in training.
    loss : Loss
        Of a record.
    """

    network: Network
    before: Floats
    after: Floats
    fixed: int
    rounding: float
    digits: str
    kinks: tuple[str, ...]
    dropout: tuple[str, ...]
    loss: Loss

    @classmethod
    def of(cls, before: Any, after: Any, loss: LossLike, shape: tuple[int, ...]) -> Pair:
        """Return what two modules have in common.

        Raises
        ------
        InputError
            When they are not of one architecture, have numbers that are not finite, or batch statistics that moved.
        """
        for model in (before, after):
            if not is_module(model):
                raise InputError(
                    f"{type(model).__name__} is no torch module: give both models as modules of one architecture"
                )
            _of_records(model)
        said = Loss.of(loss)
        digits = max((_stored(model) for model in (before, after)), key=lambda name: DIGITS[name])
        old, new = (copy.deepcopy(model).double().eval() for model in (before, after))
        own, other = (_numbers(model) for model in (old, new))
        _alike(own, other)
        statistics = {name for name, _ in old.named_buffers()}
        _same_buffers({name: own[name] for name in statistics}, other, old)
        names = [name for name, _ in old.named_parameters()]
        moved = [name for name in names if not np.array_equal(own[name], other[name])]
        network = Network(old.requires_grad_(False), said.of_record, moved or names, shape, said.whole, said.expected)
        layers = [type(part).__name__ for part in old.modules()]
        return cls(
            network=network,
            before=network.vector(own),
            after=network.vector(other),
            fixed=sum(own[name].size for name in names) - network.parameters,
            rounding=DIGITS[digits],
            digits=digits,
            kinks=tuple(dict.fromkeys(name for name in layers if name.startswith(_KINKS))),
            dropout=tuple(dict.fromkeys(name for name in layers if "Dropout" in name)),
            loss=said,
        )


def _of_records(module: Any) -> None:
    """Refuse layers that make a record's loss depend on the other records of its batch."""
    for name, part in module.named_modules():
        layer = type(part).__name__
        if "BatchNorm" in layer and getattr(part, "running_mean", None) is None:
            raise InputError(
                f"{layer} {name!r} keeps no running statistics, so that each record is normalised by the batch that it "
                "comes in: no record has a loss, or a gradient, of its own to recover; train with statistics that are "
                "kept and frozen, or with layer or group norm"
            )


def _numbers(module: Any) -> dict[str, NDArray[Any]]:
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    numbers = {name: value.detach().cpu().numpy() for name, value in own.items()}
    for name, values in numbers.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(f"parameter {name!r} has values that are not finite: the training diverged; train again")
    return numbers


def _alike(own: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> None:
    odd = sorted(set(own) ^ set(other)) or sorted(name for name in own if own[name].shape != other[name].shape)
    if odd:
        name = odd[0]
        shapes = [str(one[name].shape) if name in one else "none" for one in (own, other)]
        raise NotAttacked(
            f"the two networks differ in {name!r} ({shapes[0]} before, {shapes[1]} after): the attack compares the "
            "parameters one by one; give two models of one architecture"
        )
    if not own:
        raise InputError("the network has no parameters: there is nothing to compare")


def _same_buffers(own: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]], module: Any) -> None:
    """Refuse statistics that training moved: the loss is then no sum over records."""
    for name, values in own.items():
        if np.array_equal(values, other[name]):
            continue
        part = name.rpartition(".")[0]
        layer = type(module.get_submodule(part)).__name__
        if "BatchNorm" in layer or "InstanceNorm" in layer:
            raise InputError(
                f"{layer} {part!r} has other running statistics after the deletion: it was trained in training mode, "
                "where each record's loss depends on its batch, so no record has a gradient of its own to recover; "
                "audit models whose batch-norm layers were frozen (in evaluation mode) while they were trained"
            )
        raise InputError(
            f"buffer {name!r} of the network changed with the deletion, and only parameters that a loss was minimised "
            "over can be attacked: keep it fixed, or make it a parameter"
        )


def _stored(module: Any) -> str:
    """Return the coarsest form in which all parameters can be written."""
    own = [value.detach() for value in module.parameters()]
    own = [value for value in own if value.is_floating_point()]
    for name in ("bfloat16", "float16", "float32"):
        kind = getattr(torch(), name)
        if own and all(bool((value.to(kind).to(value.dtype) == value).all()) for value in own):
            return name
    return "float64"


def rounded(theta: Floats, digits: str) -> Floats:
    """Return parameters as a file of this precision gives them back."""
    return np.asarray(torch().tensor(theta).to(getattr(torch(), digits)).double().numpy())


def penalty(network: Network, given: float | Mapping[str, float] | None, what: str) -> Floats:
    """Return a penalty (p,) that is given as one number, or by the parameters' names; zero where it is not.

    Raises
    ------
    InputError
        For a name that no parameter has, or a number below zero.
    """
    if given is None:
        return np.zeros(network.parameters)
    by_name = given if isinstance(given, Mapping) else dict.fromkeys((name for name, _, _ in network.sizes), given)
    own = {name for name, _ in network.module.named_parameters()}
    found = np.zeros(network.parameters)
    for name, value in by_name.items():
        if name not in own:
            raise InputError(f"{what} names {name!r}, which is no parameter of the network: it has {', '.join(own)}")
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{what} is {value}: a penalty is zero or more")
    for name, _, part in network.sizes:
        found[part] = float(by_name.get(name, 0.0))
    return found


def targets(loss: Loss, y: ArrayLike, name: str, outputs: int) -> tuple[Floats, tuple[Any, ...] | None]:
    """Return Y (m, k) as reports have it, numbers or +1 and -1 for a class, and the classes; None for numbers.

    Parameters
    ----------
    loss : Loss
        Of a record.
    y : array (m,) or (m, k)
        As in the table.
    name : str
        The column's, for messages.
    outputs : int
        How many numbers the network answers.

    Raises
    ------
    InputError
        For a cell that is no number where one belongs, or other classes than the network has outputs for.
    """
    values = np.asarray(y)
    values = values.reshape(len(values), -1)
    if not loss.classes:
        try:
            numbers = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"target {name!r} is no number, and {loss.name} compares numbers: {error}") from error
        if not np.isfinite(numbers).all():
            raise InputError(f"target {name!r} has a missing or infinite cell: correct or drop the row")
        if loss.name in LOSS_NAMES and numbers.shape[1] != outputs:
            raise InputError(
                f"target {name!r} has {numbers.shape[1]} columns and the network answers {outputs} numbers: give as "
                "many target columns, in its order"
            )
        return numbers, None
    if values.shape[1] != 1:
        raise InputError(f"target {name!r} has {values.shape[1]} columns, and a record has one class: give one column")
    count = 2 if loss.name == "bce" else outputs
    if loss.name == "bce" and outputs != 1:
        raise InputError(
            f"the network answers {outputs} numbers and bce is read for one: for classes that exclude each other use "
            "cross_entropy"
        )
    labels = list(dict.fromkeys(values[:, 0].tolist()))
    if any(label is None or label != label for label in labels):
        raise InputError(f"target {name!r} has a missing cell: drop the row")
    order = sorted(labels, key=lambda label: (isinstance(label, str), label))
    if all(isinstance(label, int | float) and label in range(count) for label in labels):
        order = list(range(count))
    if len(order) != count:
        raise InputError(
            f"target {name!r} has {len(order)} classes in the public table and the network answers for {count}: give "
            "public records of each class, or the target that the network predicts"
        )
    at = {label: j for j, label in enumerate(order)}
    place = np.array([at[label] for label in values[:, 0].tolist()])
    if loss.name == "bce":
        return np.where(place == 1, 1.0, -1.0)[:, None], tuple(order)
    return np.where(place[:, None] == np.arange(count), 1.0, -1.0), tuple(order)
