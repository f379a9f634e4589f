"""Two torch modules as one network: which parameters moved, what the loss of a record is, what cannot be attacked.

The modules themselves are not changed: copies are put in evaluation mode, in float64 and on the processor.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.torch_loss import Loss, LossLike
from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, taken_over, torch

DIGITS = {"bfloat16": 2.0**-9, "float16": 2.0**-12, "float32": 2.0**-25, "float64": 0.0}
"""Largest relative rounding of parameters stored so."""
_PARALLEL = ("DataParallel", "DistributedDataParallel")
_KINKS = ("ReLU", "LeakyReLU", "PReLU", "ReLU6", "Hardtanh", "Hardswish", "Hardsigmoid", "Threshold", "MaxPool")


def is_module(model: Any) -> bool:
    """Return whether a model is a torch module; torch is not imported to find out."""
    loaded = sys.modules.get("torch")
    return loaded is not None and isinstance(model, loaded.nn.Module)


def unwrapped(model: Any) -> Any:
    """Return the module inside a compiled or a parallel one or an exported program; other models as they are.

    Raises
    ------
    InputError
        For TorchScript, of which no record's gradient can be taken.
    """
    loaded = sys.modules.get("torch")
    if loaded is None:
        return model
    if type(model).__name__ == "ExportedProgram":
        return model.module()
    if isinstance(model, loaded.jit.ScriptModule):
        raise InputError(
            "the model is TorchScript, of which no record's gradient can be taken: give the module that it was made "
            "of, or its parameters as .safetensors and the architecture"
        )
    if not is_module(model):
        return model
    inside = getattr(model, "module" if type(model).__name__ in _PARALLEL else "_orig_mod", model)
    return model if inside is model else unwrapped(inside)


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
        old, new = (taken_over(model) for model in (before, after))
        digits = max((_stored(model) for model in (before, after)), key=lambda name: DIGITS[name])
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
