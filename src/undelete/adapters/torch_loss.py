"""The loss of one record of a network, by its name or torch's function, and the targets that it compares with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.network import taken_over, torch

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
        if isinstance(loss, torch().nn.Module):  # its weights may lie on a GPU
            summed = taken_over(loss)
        if type(loss).__name__ == "CrossEntropyLoss":  # with class weights a mean divides by theirs
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
        found = loss(outputs, target.reshape(outputs.shape) if alike else target)
        if not isinstance(found, torch().Tensor):
            raise InputError(f"the loss returns a {type(found).__name__}: it has to be a tensor made of the outputs")
        return found.sum()

    return of_record


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
        other = ": is its loss bce, of two classes, or mse? Otherwise" if count == 1 else ":"
        raise InputError(
            f"target {name!r} has {len(order)} classes in the public table and the network answers for {count}{other} "
            "give public records of each class, or the target that the network predicts"
        )
    at = {label: j for j, label in enumerate(order)}
    place = np.array([at[label] for label in values[:, 0].tolist()])
    if loss.name == "bce":
        return np.where(place == 1, 1.0, -1.0)[:, None], tuple(order)
    return np.where(place[:, None] == np.arange(count), 1.0, -1.0), tuple(order)
