"""A network as the attack sees it: a loss per record as a function of a vector of parameters, and its derivatives.

All of it is in float64. torch is imported when a network is made, and by nothing before.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.maths.attention import unfused

_NUMBERS = 8_000_000  # of per-record gradients held at a time: 64 MB
_ACTIVATIONS = 2_000_000  # records times parameters, up to which a batch goes forward at once
_DIRECTIONS = 16  # of a Hessian at once: of convolutions more take twice as long each


def torch(why: str = "a network is attacked through its derivatives") -> Any:
    """Return the module; `why` it is needed is said where it is not installed.

    Raises
    ------
    InputError
        When it is not installed.
    """
    try:
        import torch as module
    except ImportError as error:
        raise InputError(f"{why}, and torch is not installed: install undelete with its extra torch") from error
    return module


@cache
def torch_func() -> Any:
    """Return torch.func, a first derivative taken: what torch imports for it, in seconds, warns of older parts."""
    module = torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        one = module.ones(1)
        module.func.jvp(module.func.grad(lambda t: (t**2).sum()), (one,), (one,))
    return module.func


def taken_over(module: Any) -> Any:
    """Return a copy of a module as it is attacked: in evaluation mode, in float64, on the processor.

    Raises
    ------
    InputError
        When it has no numbers yet.
    """
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    odd = next((name for name, value in own.items() if value.is_meta), None)
    if odd is not None:
        raise InputError(f"{odd!r} of {type(module).__name__} is on the meta device, without numbers: load them")
    return copy.deepcopy(module).cpu().double().eval()  # a GPU of another make may have no float64


@dataclass(frozen=True, eq=False)
class Network:
    """The loss of one record, as a function of the parameters that a deletion moved.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode and in float64; not trained, not changed.
    loss : callable
        From outputs (1, ...) and target (1, ...) of one record to its loss, a scalar.
    moved : sequence of str
        Names of the parameters that are attacked, in the order of the vector; the others are as in `module`.
    shape : tuple of int
        What the module takes for one record: (d,) for a table.
    whole : bool
        Whether the target is a class as a whole number, as cross-entropy takes it; else it is a row of numbers.
    expected : callable or None
        From outputs (m, k) to the mean target that they stand for, in which the loss must be linear: of a class as a
        whole number each one's probability. None where that is not known.
    """

    module: Any
    loss: Callable[[Any, Any], Any]
    moved: Sequence[str]
    shape: tuple[int, ...]
    whole: bool
    expected: Callable[[Any], Any] | None = None
    _fixed: Mapping[str, Any] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        own = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        fixed = {name: value.detach() for name, value in own.items() if name not in set(self.moved)}
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "moved", tuple(self.moved))

    @cached_property
    def sizes(self) -> list[tuple[str, tuple[int, ...], slice]]:
        """Name, shape and place in the vector of each parameter that moved."""
        own, found, start = dict(self.module.named_parameters()), [], 0
        for name in self.moved:
            end = start + own[name].numel()
            found.append((name, tuple(own[name].shape), slice(start, end)))
            start = end
        return found

    @property
    def parameters(self) -> int:
        """How many numbers the vector has (p)."""
        return self.sizes[-1][2].stop if self.sizes else 0

    def named(self, theta: Floats) -> dict[str, Floats]:
        """Return a vector (p,) as arrays by the parameters' names."""
        return {name: np.asarray(theta[part]).reshape(shape) for name, shape, part in self.sizes}

    def vector(self, named: Mapping[str, Any]) -> Floats:
        """Return arrays or tensors by name as one vector (p,)."""
        parts = [np.asarray(named[name], dtype=np.float64).ravel() for name in self.moved]
        return np.concatenate(parts) if parts else np.zeros(0)

    def record_loss(self, theta: Any, x: Any, y: Any) -> Any:
        """Return the loss of one record x (d,), y () or (k,), of torch tensors; what torch.func takes."""
        return self.loss(self._forward(theta, x[None]), y[None])

    def outputs(self, theta: Floats, X: Floats) -> Floats:
        """Return what the network answers (m, k)."""
        with torch().no_grad():
            parts = [self._forward(self.tensor(theta), self.tensor(X[part])) for part in self._batches(len(X))]
        found = np.concatenate([part.numpy() for part in parts])
        return found.reshape(len(found), -1)

    def targets(self, theta: Floats, X: Floats) -> Floats | None:
        """Return the mean target (m, k) that the network expects of each record; None where that is not known."""
        if self.expected is None:
            return None
        with torch().no_grad():
            return np.asarray(self.expected(self.tensor(self.outputs(theta, X))).numpy())

    def gradients(self, theta: Floats, X: Floats, Y: Floats) -> Floats:
        """Return each record's own gradient (m, p)."""
        of_each = torch_func().vmap(torch_func().grad(self.record_loss), in_dims=(None, 0, 0))
        found = np.empty((len(X), self.parameters))
        at = self.tensor(theta)
        for part in blocks(len(X), max(1, _NUMBERS // max(1, self.parameters))):
            found[part] = of_each(at, self.tensor(X[part]), self.target(Y[part])).numpy()
        return found

    def gradients_along(self, theta: Floats, X: Floats, Y: Floats, direction: Floats) -> Floats:
        """Return each record's Hessian times a direction (p,), or times one of its own (m, p), as (m, p)."""
        func, at = torch_func(), self.tensor(theta)

        def product(x: Any, y: Any, v: Any) -> Any:
            return func.grad(lambda t: func.grad(self.record_loss)(t, x, y) @ v)(at)

        found = np.empty((len(X), self.parameters))
        each = np.broadcast_to(direction, found.shape)
        for part in blocks(len(X), max(1, _NUMBERS // max(1, self.parameters))):
            found[part] = func.vmap(product)(
                self.tensor(X[part]), self.target(Y[part]), self.tensor(each[part])
            ).numpy()
        return found

    def gradient(self, theta: Floats, X: Floats, Y: Floats, weights: Floats | None = None) -> Floats:
        """Return the gradient of the summed loss (p,), each record counted `weights` (m,) times."""
        return self._summed(theta, X, Y, weights)[1]

    def total(self, theta: Floats, X: Floats, Y: Floats) -> tuple[float, Floats]:
        """Return the summed loss and its gradient (p,)."""
        return self._summed(theta, X, Y, None)

    def along(self, theta: Floats, X: Floats, Y: Floats, direction: Floats) -> Floats:
        """Return each record's gradient times a direction (m,), without the gradients."""
        func, found, at, v = torch_func(), [], self.tensor(theta), self.tensor(direction)
        for part in self._batches(len(X)):
            x, y = self.tensor(X[part]), self.target(Y[part])
            found.append(func.jvp(lambda t, x=x, y=y: self._losses(t, x, y), (at,), (v,))[1].numpy())
        return np.concatenate(found)

    def hessian_vector(self, theta: Floats, X: Floats, Y: Floats, direction: Floats) -> Floats:
        """Return the summed loss's Hessian times a direction (p,): back over back, no Hessian formed.

        Twice the cost of a pass forward and back, `benchmarks/networks.py`.
        """
        grad, v = torch().autograd.grad, self.tensor(direction)
        at, total = self.tensor(theta).requires_grad_(), torch().zeros(self.parameters, dtype=torch().float64)
        for part in self._batches(len(X)):
            losses = self._losses(at, self.tensor(X[part]), self.target(Y[part]))
            slope = grad(losses.sum(), at, create_graph=True)[0]
            if slope.requires_grad:  # else the loss does not bend
                total = total + grad(slope @ v, at)[0]
        return np.asarray(total.detach().numpy())

    def hessian(self, theta: Floats, X: Floats, Y: Floats) -> Floats:
        """Return the summed loss's Hessian (p, p), a block of its columns at a time."""
        func, at, p = torch_func(), self.tensor(theta), self.parameters
        found = np.zeros((p, p))
        for part in self._batches(len(X)):
            x, y = self.tensor(X[part]), self.target(Y[part])
            gradient = func.grad(lambda t, x=x, y=y: self._losses(t, x, y).sum())
            product = func.vmap(lambda v, gradient=gradient: func.jvp(gradient, (at,), (v,))[1])
            for some in blocks(p, max(1, min(_DIRECTIONS, 4 * _ACTIVATIONS // max(1, len(x) * 16)))):
                found[some] += product(self.tensor(np.eye(p)[some])).numpy()
        return (found + found.T) / 2

    def tensor(self, array: Floats) -> Any:
        """Return an array as a tensor of float64."""
        return torch().as_tensor(np.array(array, dtype=np.float64))

    def target(self, Y: Floats) -> Any:
        """Return targets (m, k) as the loss takes them: (m,) of whole numbers, or (m, k)."""
        if self.whole and np.shape(Y)[1] == 1:
            return torch().as_tensor(np.asarray(Y)[:, 0].astype(np.int64))
        return self.tensor(Y)

    def _summed(self, theta: Floats, X: Floats, Y: Floats, weights: Floats | None) -> tuple[float, Floats]:
        at = self.tensor(theta).requires_grad_()
        value, total = 0.0, torch().zeros(self.parameters, dtype=torch().float64)
        for part in self._batches(len(X)):
            losses = self._losses(at, self.tensor(X[part]), self.target(Y[part]))
            summed = losses.sum() if weights is None else (losses * self.tensor(weights[part])).sum()
            total = total + torch().autograd.grad(summed, at)[0]
            value += float(summed.detach())
        return value, np.asarray(total.numpy())

    def _losses(self, theta: Any, X: Any, Y: Any) -> Any:
        """Return every record's loss (m,) at once, from one pass forward."""
        Z = self._forward(theta, X)
        return torch_func().vmap(lambda z, y: self.loss(z[None], y[None]))(Z, Y)

    def _forward(self, theta: Any, X: Any) -> Any:
        own = {name: theta[part].reshape(shape) for name, shape, part in self.sizes}
        with unfused(torch()):
            answer = torch().func.functional_call(self.module, {**self._fixed, **own}, (X.reshape(-1, *self.shape),))
        if not isinstance(answer, torch().Tensor):
            raise InputError(
                f"the network answers with a {type(answer).__name__}, and the loss compares one tensor: wrap it in a "
                "module whose forward returns that"
            )
        return answer

    def _batches(self, m: int) -> list[slice]:
        return blocks(m, max(64, _ACTIVATIONS // max(1, self.parameters // 8 + int(np.prod(self.shape)))))
