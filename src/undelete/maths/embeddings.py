"""Fixed embeddings under a linear model: the features phi(x) of a record x, and their derivative.

The model sees [phi(x), 1]; a keeper of two models recovers phi of the deleted record first, and then looks for
the x behind it, paper Eq. (6), maths (7). For that search an embedding gives its value and the product of its
transposed Jacobian with a vector, for a whole batch of records: matrix products, no Jacobian is formed.

Random Fourier features (Rahimi and Recht 2007) and the Nystroem features of a Gaussian kernel, in scikit-learn's
parametrisation. Both are fixed when they are drawn, and known to everybody who can use the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from undelete.maths.arrays import Array, Floats, blocks, namespace

_PAIRS = 2_000  # records whose pairwise distances the bandwidth is read off


class Embedding(Protocol):
    """A fixed, differentiable map from a record x (d0,) to features phi(x) (D,)."""

    @property
    def name(self) -> str:
        """What it is called in a file."""

    @property
    def inputs(self) -> int:
        """Number of input features d0."""

    @property
    def features(self) -> int:
        """Number of features D."""

    def transform(self, X: Array) -> Array:
        """Return phi of each record: (n, D) for X (n, d0)."""

    def pull_back(self, X: Array, V: Array) -> Array:
        """Return each record's transposed Jacobian applied to its own row of V (n, D): (n, d0)."""

    def jacobian(self, x: Array) -> Array:
        """Return the Jacobian (D, d0) at one record x (d0,)."""

    def curvature(self, X: Array, metric: Array | None = None) -> Array:
        """Return the mean of J' metric J over records X (n, d0): (d0, d0); the identity without a metric (D, D)."""

    def arrays(self) -> dict[str, Floats]:
        """Return the arrays that define it, by the names of its parameters."""


@dataclass(frozen=True, eq=False)
class RandomFourierFeatures:
    """phi(x) = sqrt(2 / D) cos(x frequencies + phases): inner products approximate a shift-invariant kernel.

    Parameters
    ----------
    frequencies : array (d0, D)
        Drawn from the kernel's spectrum: normal with deviation 1 / bandwidth for exp(-|x - y|^2 / (2 bandwidth^2)).
    phases : array (D,)
        Drawn evenly from 0 to 2 pi.

    Notes
    -----
    Cost of `transform` 2 n d0 D flops, of `pull_back` twice that. Source: Rahimi and Recht 2007, Algorithm 1;
    scikit-learn's `RBFSampler` (`random_weights_`, `random_offset_`).

    Examples
    --------
    >>> flat = RandomFourierFeatures(np.zeros((3, 2)), np.array([0.0, np.pi / 2]))
    >>> flat.transform(np.ones((1, 3))).round(9).tolist()
    [[1.0, 0.0]]
    """

    frequencies: Array
    phases: Array
    name: str = "fourier"

    @classmethod
    def draw(cls, inputs: int, features: int, bandwidth: float, rng: np.random.Generator) -> RandomFourierFeatures:
        """Return features of the Gaussian kernel exp(-|x - y|^2 / (2 bandwidth^2))."""
        frequencies = rng.normal(size=(inputs, features)) / bandwidth
        return cls(frequencies, rng.uniform(0.0, 2.0 * np.pi, size=features))

    @property
    def inputs(self) -> int:
        """Number of input features d0."""
        return int(self.frequencies.shape[0])

    @property
    def features(self) -> int:
        """Number of features D."""
        return int(self.frequencies.shape[1])

    def transform(self, X: Array) -> Array:
        """Return phi of each record: (n, D) for X (n, d0)."""
        xp = namespace(X)
        return float(np.sqrt(2.0 / self.features)) * xp.cos(X @ self.frequencies + self.phases)

    def pull_back(self, X: Array, V: Array) -> Array:
        """Return each record's transposed Jacobian applied to its own row of V (n, D): (n, d0)."""
        xp = namespace(X)
        slope = -float(np.sqrt(2.0 / self.features)) * xp.sin(X @ self.frequencies + self.phases)
        return (slope * V) @ xp.matrix_transpose(self.frequencies)

    def jacobian(self, x: Array) -> Array:
        """Return the Jacobian (D, d0) at one record x (d0,)."""
        xp = namespace(x)
        slope = -float(np.sqrt(2.0 / self.features)) * xp.sin(x @ self.frequencies + self.phases)
        return slope[:, None] * xp.matrix_transpose(self.frequencies)

    def curvature(self, X: Array, metric: Array | None = None) -> Array:
        """Return the mean of J' metric J over records X (n, d0): (d0, d0); the identity without a metric (D, D)."""
        xp = namespace(X)
        sines = xp.sin(X @ self.frequencies + self.phases)
        back = xp.matrix_transpose(self.frequencies)
        if metric is None:
            return (self.frequencies * xp.mean(sines**2, axis=0) * (2.0 / self.features)) @ back
        # the Jacobian is diag(slope) frequencies', so only the slopes' second moments count
        moments = xp.matrix_transpose(sines) @ sines * (2.0 / self.features / X.shape[0])
        return self.frequencies @ (metric * moments) @ back

    def arrays(self) -> dict[str, Floats]:
        """Return the arrays that define it, by the names of its parameters."""
        return {"frequencies": self.frequencies, "phases": self.phases}


@dataclass(frozen=True, eq=False)
class Nystroem:
    """phi(x) = mixing k(x), k_b(x) = exp(-gamma |x - basis_b|^2): the Gaussian kernel against D fixed records.

    Parameters
    ----------
    basis : array (B, d0)
        The records that the kernel is taken with.
    mixing : array (D, B)
        Makes inner products of phi approximate the kernel.
    gamma : array ()
        1 / (2 bandwidth^2).

    Notes
    -----
    Cost of `transform` 2 n B (d0 + D) flops, of `pull_back` twice that. Source: Williams and Seeger 2001;
    scikit-learn's `Nystroem` (`components_`, `normalization_`).
    """

    basis: Array
    mixing: Array
    gamma: Array
    name: str = "nystroem"

    @property
    def inputs(self) -> int:
        """Number of input features d0."""
        return int(self.basis.shape[1])

    @property
    def features(self) -> int:
        """Number of features D."""
        return int(self.mixing.shape[0])

    def transform(self, X: Array) -> Array:
        """Return phi of each record: (n, D) for X (n, d0)."""
        return self._kernel(X) @ namespace(X).matrix_transpose(self.mixing)

    def pull_back(self, X: Array, V: Array) -> Array:
        """Return each record's transposed Jacobian applied to its own row of V (n, D): (n, d0)."""
        weight = (V @ self.mixing) * self._kernel(X)  # (n, B)
        return 2.0 * float(self.gamma) * (weight @ self.basis - namespace(X).sum(weight, axis=1)[:, None] * X)

    def jacobian(self, x: Array) -> Array:
        """Return the Jacobian (D, d0) at one record x (d0,)."""
        xp = namespace(x)
        kernel = self._kernel(x[None, :])[0, :]
        return self.mixing @ (2.0 * float(self.gamma) * xp.expand_dims(kernel, axis=1) * (self.basis - x[None, :]))

    def curvature(self, X: Array, metric: Array | None = None) -> Array:
        """Return the mean of J' metric J over records X (n, d0): (d0, d0); the identity without a metric (D, D)."""
        xp = namespace(X)
        total = xp.zeros((self.inputs, self.inputs), dtype=X.dtype)
        for i in range(X.shape[0]):
            J = self.jacobian(X[i, :])
            total = total + xp.matrix_transpose(J) @ (J if metric is None else metric @ J)
        return total / X.shape[0]

    def arrays(self) -> dict[str, Floats]:
        """Return the arrays that define it, by the names of its parameters."""
        return {"basis": self.basis, "mixing": self.mixing, "gamma": np.asarray(self.gamma)}

    def _kernel(self, X: Array) -> Array:
        """Return exp(-gamma |x - basis|^2), (n, B)."""
        xp = namespace(X)
        own, basis = xp.sum(X**2, axis=1)[:, None], xp.sum(self.basis**2, axis=1)[None, :]
        square = own + basis - 2.0 * (X @ xp.matrix_transpose(self.basis))
        return xp.exp(-float(self.gamma) * xp.where(square > 0, square, xp.zeros_like(square)))


EMBEDDINGS: dict[str, type[RandomFourierFeatures] | type[Nystroem]] = {
    "fourier": RandomFourierFeatures,
    "nystroem": Nystroem,
}


def median_distance(X: Floats, rng: np.random.Generator) -> float:
    """Return the median Euclidean distance of two records of X (m, d0): the usual bandwidth of a Gaussian kernel.

    Of 2,000 records drawn at random, where there are more.
    """
    chosen = X if len(X) <= _PAIRS else X[rng.choice(len(X), size=_PAIRS, replace=False)]
    square = (chosen**2).sum(axis=1)
    distances = square[:, None] + square[None, :] - 2.0 * chosen @ chosen.T
    return float(np.sqrt(np.median(np.maximum(distances[np.triu_indices(len(chosen), 1)], 0.0))))


def embed(embedding: Embedding, X: Floats, *, constant: bool = True) -> Floats:
    """Return [phi(x), 1] of each record (n, D + 1), the model's space; a block of records at a time.

    Parameters
    ----------
    embedding : Embedding
        From d0 inputs to D features.
    X : array (n, d0)
        Records.
    constant : bool
        Whether the model has a constant, as its last feature.
    """
    found = np.ones((len(X), embedding.features + constant))
    for rows in blocks(len(X), max(1, 8_000_000 // embedding.features)):
        found[rows, : embedding.features] = embedding.transform(X[rows])
    return found
