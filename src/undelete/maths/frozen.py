"""A frozen network as an embedding: what its last layer reads of a record, and the derivative. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.maths.network import taken_over, torch

_NUMBERS = 250_000  # of records and features that go forward at once
_PROBES = 16  # random directions a record, by which a mean curvature is measured


@dataclass(frozen=True, eq=False)
class FrozenNet:
    """phi(x) = module(x): the features that a head is fitted on, or that an embedding model makes.

    Parameters
    ----------
    module : torch.nn.Module
        The network without its head. A copy is taken, in evaluation mode and in float64.
    shape : tuple of int
        What it takes for one record: (d0,) for a row of numbers, (channels, height, width) for an image.
    axes : tuple of int, optional
        Where the numbers of a record lie in another order, as an image's colours pixel by pixel: `shape` is then
        theirs, (height, width, channels), and `axes` says which of these the network has first, (2, 0, 1).

    Raises
    ------
    InputError
        When torch is missing, or the network does not make one finite row of features of each record.

    Examples
    --------
    >>> import pytest; torch = pytest.importorskip("torch")
    >>> double = torch.nn.Linear(2, 2, bias=False)
    >>> _ = double.weight.data.copy_(2 * torch.eye(2))
    >>> FrozenNet(double, (2,)).transform(np.array([[1.0, 3.0]])).tolist()
    [[2.0, 6.0]]
    """

    module: Any
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    name: str = "net"

    def __post_init__(self) -> None:
        if not isinstance(self.module, torch().nn.Module):
            raise InputError(f"a frozen net is a torch module, not a {type(self.module).__name__}: give the module")
        object.__setattr__(self, "module", taken_over(self.module).requires_grad_(False))
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))

    @property
    def inputs(self) -> int:
        """Number of input features d0."""
        return int(np.prod(self.shape))

    @cached_property
    def features(self) -> int:
        """Number of features D, tried on a record."""
        try:
            with torch().no_grad():
                made = self._forward(torch().zeros(2, self.inputs, dtype=torch().float64))
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError) as error:
            first = str(error).strip().split("\n")[0]
            shape = " x ".join(map(str, self.shape))
            raise InputError(
                f"the frozen net does not take records of {shape} ({first}): say the shape that it does"
            ) from error
        if made.shape[0] != 2:
            raise InputError("the frozen net's answers are not one row of features a record: it is no embedding")
        return int(made.shape[1])

    def transform(self, X: Floats) -> Floats:
        """Return phi of each record: (n, D) for X (n, d0)."""
        found = np.empty((len(X), self.features))
        with torch().no_grad():
            for part in self._batches(len(X)):
                found[part] = self._forward(self._tensor(X[part])).numpy()
        if not np.isfinite(found).all():
            raise InputError("the frozen net makes features that are not finite of some record: it cannot be attacked")
        return found

    def pull_back(self, X: Floats, V: Floats) -> Floats:
        """Return each record's transposed Jacobian applied to its own row of V (n, D): (n, d0)."""
        found = np.empty(X.shape)
        for part in self._batches(len(X)):
            x = self._tensor(X[part]).requires_grad_()
            found[part] = torch().autograd.grad(self._forward(x), x, self._tensor(V[part]))[0].numpy()
        return found

    def jacobian(self, x: Floats) -> Floats:
        """Return the Jacobian (D, d0) at one record x (d0,)."""
        return self.pull_back(np.tile(x, (self.features, 1)), np.eye(self.features))

    def curvature(self, X: Floats, metric: Floats | None = None) -> Floats:
        """Return the mean of J' metric J over records X (n, d0), by random directions: (d0, d0)."""
        rng, n = np.random.default_rng(0), len(X)
        root = np.eye(self.features) if metric is None else np.linalg.cholesky(metric)
        total = np.zeros((self.inputs, self.inputs))
        for _ in range(_PROBES):
            pulled = self.pull_back(X, rng.choice([-1.0, 1.0], size=(n, self.features)) @ root.T)
            total += pulled.T @ pulled
        return total / (n * _PROBES)

    def arrays(self) -> dict[str, Floats]:
        """Return the network's parameters and buffers by name: what tells it from another."""
        return {name: value.detach().cpu().numpy() for name, value in self.module.state_dict().items()}

    def _forward(self, x: Any) -> Any:
        x = x.reshape(-1, *self.shape)
        if self.axes is not None:
            x = x.permute(0, *(axis + 1 for axis in self.axes))
        return self.module(x).reshape(len(x), -1)

    def _tensor(self, array: Floats) -> Any:
        return torch().as_tensor(np.array(array, dtype=np.float64))

    def _batches(self, n: int) -> list[slice]:
        return blocks(n, max(16, _NUMBERS // (self.inputs + self.features)))
