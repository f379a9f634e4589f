"""What an attacker on a network sees: the two models, public records, and what else is known."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding
from undelete.maths.network import Network
from undelete.release.columns import Column, frozen

_FORMAT = "undelete.network-release/1"


@dataclass(frozen=True, eq=False)
class NetworkRelease:
    """All that the attacker sees: b deletions, one record each, from the same old network.

    Parameters
    ----------
    network : Network
        The architecture and the loss per record.
    theta_before : array (p,)
        The parameters that moved, before the deletion.
    theta_after : array (b, p)
        After each of the b deletions.
    X_public : array (m, d)
        Public records as the network takes them, in one row each.
    Y_public : array (m, k)
        Their targets: numbers, or +1 and -1 for a class.
    n : int
        Number of private records before the deletion.
    penalty_before, penalty_after : arrays (p,)
        Penalty of each parameter in the summed objective, maths (1): they differ where it belongs to a mean loss.
    classes : int
        How many classes there are; 0 where the target is a number.
    columns, public_codes, public_values : as in Release
        The public table's raw columns, and each public record in those terms.
    X_after : array (m, d) or None
        The public records as the new network takes them, where the preprocessing was refitted with it; None: as before.
    error : array (p, p) or None
        Covariance of what a defence that everybody knows adds to minus the deleted gradient.
    given : array (b, columns) or None
        What is known of each deleted record beforehand, as in Release.
    optimal : bool
        Whether the old parameters are the private records' optimum; not where noise was added to them.
    """

    network: Network
    theta_before: Floats
    theta_after: Floats
    X_public: Floats
    Y_public: Floats
    n: int
    penalty_before: Floats
    penalty_after: Floats
    classes: int = 0
    columns: Sequence[Column] = ()
    public_codes: NDArray[np.int64] | None = None
    public_values: Floats | None = None
    n_error: float = 0.0
    tolerance: float | None = None
    X_after: Floats | None = None
    error: Floats | None = None
    given: Floats | None = None
    optimal: bool = True

    def __post_init__(self) -> None:
        for field in ("theta_before", "theta_after", "X_public", "Y_public", "penalty_before", "penalty_after",
                      "public_values", "public_codes", "X_after", "error", "given"):  # fmt: skip
            value = getattr(self, field)
            if value is None:
                continue
            held = frozen(value, np.int64 if field == "public_codes" else np.float64)
            if field not in ("public_values", "given") and not np.isfinite(held).all():
                raise InputError(f"{field} has values that are not finite: the attack cannot use them")
            object.__setattr__(self, field, held)
        object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def deletions(self) -> int:
        """Number of deletions b."""
        return len(self.theta_after)

    @property
    def target_kind(self) -> Literal["number", "class"]:
        """What a target is."""
        return "class" if self.classes else "number"

    @property
    def Y_network(self) -> Floats:
        """The public targets (m, k) as the network's loss takes them."""
        return self.as_loss(self.Y_public)

    def as_loss(self, Y: Floats) -> Floats:
        """Return targets (m, k) as the loss takes them: the class's number, 0 and 1, or the numbers themselves."""
        if not self.classes:
            return Y
        if self.network.whole:
            return self.as_class(Y).astype(np.float64)[:, None]
        return np.where(Y > 0, 1.0, 0.0)

    def as_class(self, Y: Floats) -> NDArray[np.int64]:
        """Return the place of each target's class (m,); 0 of numbers."""
        if not self.classes:
            return np.zeros(len(Y), dtype=np.int64)
        return np.asarray(Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0), dtype=np.int64)

    @property
    def X_later(self) -> Floats:
        """Return the public records as the new network takes them."""
        return self.X_public if self.X_after is None else self.X_after

    @property
    def records_public(self) -> Floats:
        """Return the public records as they are compared and shown."""
        return self.X_public

    @property
    def embedding(self) -> Embedding | None:
        """None: records are compared as the network takes them."""
        return None

    @property
    def inputs_public(self) -> Floats | None:
        """None, likewise."""
        return None

    @property
    def constant(self) -> Floats | None:
        """None: a network's record has no constant."""
        return None

    @property
    def l2(self) -> Floats | None:
        """The penalty before the deletion."""
        return self.penalty_before

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the attacker sees to an .npz file (no pickle inside), but for the architecture and the loss.

        The parameters by their names, before and after, the public records and what is said of the training.
        """
        arrays: dict[str, NDArray[np.generic]] = {
            name: getattr(self, name)
            for name in ("theta_before", "theta_after", "X_public", "Y_public", "penalty_before", "penalty_after")
        }
        meta = {"format": _FORMAT, "n": self.n, "classes": self.classes, "moved": list(self.network.moved)}
        arrays["meta"] = np.array(json.dumps(meta))
        write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), private=False)

    def take(self, deletions: slice | NDArray[np.int64]) -> NetworkRelease:
        """Return the same release with some of its deletions only."""
        return dataclasses.replace(self, theta_after=self.theta_after[deletions])
