"""What crosses from the maintainer to the attacker, and what comes back.

Each field of `Release` is one assumption of docs/threat-model.md. Nothing else crosses: the values are
frozen, their arrays are copies and read-only, and a release can be written to a file and attacked by a
process that has never seen a private record.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import EMBEDDINGS, Embedding
from undelete.maths.loss import Loss
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict
from undelete.release.columns import Column, frozen

_FORMAT = "undelete.release/1"
_EMBEDDING = "embedding_"  # starts the names of an embedding's arrays in a file
_COLUMN_ARRAYS = ("projection", "values", "terms", "frequency")
_LATER = (
    "answer_change",
    "penalty_share",
    "share_error",
    "penalty_change",
)  # of each deletion, where coefficients do not say it all
_RELEASE_ARRAYS = (
    "W_before", "W_after", "X_public", "Y_public", "l2", "l1", "constant", "public_values", "remaining_gradient",
    "inputs_public", "given", "noise", "rest", "offset_public", *_LATER,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Release:
    """All that the attacker sees: b deletions, one record each, from the same old model.

    Parameters
    ----------
    loss : Loss
        The loss per record that the maintainer minimised.
    W_before : array (d, k)
        Parameters before the deletion; d features with the constant among them, k outputs.
    W_after : array (b, d, k)
        Parameters after each of the b deletions, in the same space as `W_before`.
    X_public : array (m, d)
        Public records in the model's space.
    Y_public : array (m, k) or None
        Their targets (a number, or +1 and -1 for a class); None when the attacker has none.
    n : int or None
        Number of private records before the deletion; None when not known (it scales the gradient only).
    offset_public : array (m,) or None
        What each public record has added to its predictions, maths (47); None where the models have no offset. The
        deleted record has one too, which nobody is told.
    l2 : array (d,) or None
        Penalty of each feature in the summed objective, maths (1); None when not known. The paper's attack
        does not use it.
    l1 : array (d,) or None
        The same of an l1 penalty; None where there is none.
    constant : array (d,) or None
        The v with x @ v = 1 for every record (the intercept's unit vector, or a full one-hot group); None
        when there is none, so that the scale of a record is not identified.
    columns : sequence of Column
        The public table's raw columns; empty when records are wanted in the model's space only.
    public_codes : array (m, len(columns)) of int
        For each public record the position of its value in `Column.values`; -1 for a continuous column.
    public_values : array (m, len(columns)) of float
        For each public record its value in a continuous column, NaN elsewhere.
    target_kind : {"number", "class"}
        What a target is: a number, or class membership as +1 and -1.
    remaining_gradient : array (b, d, k) or None
        The objective's gradient at `W_before` over the records that remain after each deletion, maths (9).
        Outside the paper's threat model: only the informed auditor, who holds those records, has it.
    embedding : Embedding or None
        The fixed map phi under a model that is linear in [phi(x), 1] (or in phi(x) alone), maths (7); None: the model
        is linear in the records themselves. Whoever can use the model has it.
    inputs_public : array (m, d0) or None
        With an embedding, the public records before it: `X_public` are their embeddings.
    answer_change : array (b, m, k) or None
        The old model's residual less the new one's for each public record, which is the change of the model's answer,
        maths (19): where only answers were released, or the preprocessing was refitted so that it cannot be folded into
        the coefficients. `W_after` are then the parameters in the old model's space that come nearest to it.
    penalty_share : array (b, d, k) or None
        The penalty's share in minus the deleted gradients, where it is not l2 (W_before - W_after): the preprocessing
        was refitted, maths (20).
    penalty_change : array (b, d, k) or None
        The part of `penalty_share` that is there because the penalty itself changed, (l2 - l2') W_after: it was on the
        mean loss, or another one was chosen. None: the penalty is the same.
    reweighed : bool
        Whether the deletion changed what other records weigh, so that W_before - W_after is not the record's alone:
        `answer_change` then holds what each public record's weight does too.
    share_error : array (b, k, d, d) or None
        The covariance of `penalty_share`, output by output; None: it is exact.
    noise : array (2, k, d, d) or None
        Where the old model or the new ones had noise of a known law added: its covariance in minus the deleted
        gradient, of the old one's and of the new one's, output by output. Their sum is part of `share_error`.
    tolerance : float or None
        Largest |gradient|_inf per record that an iterative solver left over, as its settings say; None: the fits are
        exact to rounding, or nothing is said. Infinite: they are known not to be the optimum, by an unknown amount, and
        no error bar can be told.
    n_error : float
        Standard error of the logarithm of `n`, where it was estimated from the change itself; 0 where it is known.
    unlike : float
        By what the public records' differences from the training records exceed sampling's, squared, as far as the
        old model's file shows them; 1 where they do not, or nothing is shown.
    given : array (b, len(columns)) or None
        What the files give away of each record by themselves, without any attack: of a column with `Column.values` a
        position among them, of a continuous one the number; NaN for what they do not.
    rest : array (d, k) or None
        The gradient that the private records' objective, maths (1), has at `W_before`, where training was stopped;
        None: it is the optimum.
    """

    loss: Loss
    W_before: Floats
    W_after: Floats
    X_public: Floats
    Y_public: Floats | None = None
    n: int | None = None
    l2: Floats | None = None
    constant: Floats | None = None
    columns: Sequence[Column] = ()
    public_codes: NDArray[np.int64] | None = None
    public_values: Floats | None = None
    target_kind: Literal["number", "class"] = "number"
    remaining_gradient: Floats | None = None
    embedding: Embedding | None = None
    inputs_public: Floats | None = None
    answer_change: Floats | None = None
    penalty_share: Floats | None = None
    share_error: Floats | None = None
    penalty_change: Floats | None = None
    reweighed: bool = False
    l1: Floats | None = None
    tolerance: float | None = None
    n_error: float = 0.0
    unlike: float = 1.0
    given: Floats | None = None
    noise: Floats | None = None
    rest: Floats | None = None
    offset_public: Floats | None = None

    def __post_init__(self) -> None:
        for field in _RELEASE_ARRAYS:
            if getattr(self, field) is not None:
                object.__setattr__(self, field, frozen(getattr(self, field)))
        if self.embedding is not None and self.embedding.name in EMBEDDINGS:  # a net is a copy of its own already
            arrays = {name: frozen(array) for name, array in self.embedding.arrays().items()}
            object.__setattr__(self, "embedding", EMBEDDINGS[self.embedding.name](**arrays))
        if self.public_codes is not None:
            object.__setattr__(self, "public_codes", frozen(self.public_codes, np.int64))
        object.__setattr__(self, "columns", tuple(self.columns))
        self._check()

    def _check(self) -> None:
        d, k = self.W_before.shape
        if self.W_after.ndim != 3 or self.W_after.shape[1:] != (d, k):
            raise InputError(
                f"W_after has shape {self.W_after.shape}, W_before {(d, k)}: each model after a deletion "
                f"must have the old model's shape; give W_after as (deletions, {d}, {k})"
            )
        if self.X_public.ndim != 2 or self.X_public.shape[1] != d:
            raise InputError(
                f"X_public has shape {self.X_public.shape} but the model has {d} features: encode the public "
                "records as the model's own"
            )
        m = self.X_public.shape[0]
        if m == 0:
            raise InputError("there are no public records: the attack estimates the Hessian from them")
        if self.Y_public is not None and self.Y_public.shape != (m, k):
            raise InputError(f"Y_public has shape {self.Y_public.shape}, expected {(m, k)}")
        if self.offset_public is not None and self.offset_public.shape != (m,):
            raise InputError(f"offset_public has shape {self.offset_public.shape}, expected {(m,)}")
        b = len(self.W_after)
        shapes = {name: (b, d, k) for name in _LATER} | {"answer_change": (b, m, k), "share_error": (b, k, d, d)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InputError(f"{name} has shape {array.shape}, expected {shape}")
        for field in ("W_before", "W_after", "X_public", "Y_public", "inputs_public", "offset_public", *_LATER):
            array = getattr(self, field)
            if array is not None and not np.isfinite(array).all():
                raise InputError(f"{field} has values that are not finite: the attack cannot use them")
        self._check_embedding()
        if self.rest is not None and self.rest.shape != (d, k):
            raise InputError(f"rest has shape {self.rest.shape}, expected {(d, k)}")
        if self.noise is not None and self.noise.shape != (2, k, d, d):
            raise InputError(f"noise has shape {self.noise.shape}, expected {(2, k, d, d)}")
        if self.given is not None and self.given.shape != (b, len(self.columns)):
            raise InputError(f"given has shape {self.given.shape}, expected {(b, len(self.columns))}")
        if self.columns:
            for name, codes in (("public_codes", self.public_codes), ("public_values", self.public_values)):
                if codes is None or codes.shape != (m, len(self.columns)):
                    raise InputError(f"{name} must have shape {(m, len(self.columns))}, one column each")

    def _check_embedding(self) -> None:
        phi, inputs = self.embedding, self.inputs_public
        if (phi is None) != (inputs is None):
            raise InputError("an embedding and inputs_public go together: give both, or neither")
        if phi is None or inputs is None:
            return
        m, d = self.X_public.shape
        if inputs.shape != (m, phi.inputs):
            raise InputError(f"inputs_public has shape {inputs.shape}, expected {(m, phi.inputs)}: one row a record")
        if d - phi.features not in (0, 1):
            raise InputError(
                f"the embedding has {phi.features} features and the model {d}: the model sees the embedding, and a "
                "constant after it if it has an intercept, nothing else"
            )

    @property
    def private_gradient(self) -> Floats | None:
        """Return the sum of the private records' gradients at the old model (d, k); None where no penalty is said.

        It is minus the penalty's, of an l1 one where parameters are not zero; and what a stopped training left.
        """
        if self.l2 is None:
            return self.rest
        own = self.l2[:, None] * self.W_before
        own = own if self.l1 is None else own + self.l1[:, None] * np.sign(self.W_before)
        return -own if self.rest is None else self.rest - own

    @property
    def records_public(self) -> Floats:
        """Return the public records as they are compared and shown: before the embedding, where there is one."""
        return self.X_public if self.inputs_public is None else self.inputs_public

    def predictions(self, W: Floats) -> Floats:
        """Return the public records' predictions z by parameters, (m, k) or of a batch (m, b, k), offsets added."""
        return np.asarray(predict(self.X_public, W, self.offset_public))

    @property
    def deletions(self) -> int:
        """Number of deletions b."""
        return int(self.W_after.shape[0])

    def take(self, deletions: slice | NDArray[np.int64]) -> Release:
        """Return the same release with some of its deletions only."""
        held = {field: getattr(self, field) for field in ("W_after", "remaining_gradient", "given", *_LATER)}
        return dataclasses.replace(self, **{f: a[deletions] for f, a in held.items() if a is not None})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the release to an .npz file (no pickle inside): what an attacker may see, so not private."""
        arrays: dict[str, NDArray[Any]] = {}
        for field in (*_RELEASE_ARRAYS, "public_codes"):
            if getattr(self, field) is not None:
                arrays[field] = getattr(self, field)
        if self.embedding is not None:
            arrays |= {f"{_EMBEDDING}{name}": array for name, array in self.embedding.arrays().items()}
        described = []
        for j, column in enumerate(self.columns):
            for field in _COLUMN_ARRAYS:
                arrays[f"column{j}_{field}"] = getattr(column, field)
            described.append(
                {"name": column.name, "kind": column.kind, "offset": column.offset, "slope": column.slope,
                 "spread": column.spread, "least": column.least, "greatest": column.greatest, "filled": column.filled,
                 "filled_as": column.filled_as, "logical": column.logical}
            )  # fmt: skip
        meta = {
            "format": _FORMAT, "loss": self.loss.name, "n": self.n, "n_error": self.n_error,
            "target_kind": self.target_kind, "tolerance": self.tolerance, "reweighed": self.reweighed,
            "unlike": self.unlike,
            "columns": described, "embedding": None if self.embedding is None else self.embedding.name,
        }  # fmt: skip
        arrays["meta"] = np.array(json.dumps(meta))
        write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), private=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str], embedding: Embedding | None = None) -> Release:
        """Read a release that `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        embedding : Embedding, optional
            The frozen net, where the release's embedding is one: a file holds its parameters, not its architecture.

        Raises
        ------
        InputError
            When the file is not such a release.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays: dict[str, Any] = {key: file[key] for key in file.files}
            meta = json.loads(str(arrays.pop("meta")))
            if meta["format"] != _FORMAT:
                raise InputError(f"{path} has format {meta['format']!r}, this version reads {_FORMAT!r}")
            columns = [
                Column(**described, **{field: arrays.pop(f"column{j}_{field}") for field in _COLUMN_ARRAYS})
                for j, described in enumerate(meta["columns"])
            ]
            if meta.get("embedding") is not None:
                parts = {key: arrays.pop(key) for key in [*arrays] if key.startswith(_EMBEDDING)}
                parts = {key.removeprefix(_EMBEDDING): parts[key] for key in parts}
                arrays["embedding"] = embedding or _embedding(meta["embedding"], parts, path)
            return cls(
                loss_of(meta["loss"]),
                n=meta["n"],
                n_error=meta.get("n_error", 0.0),
                target_kind=meta["target_kind"],
                columns=columns,
                tolerance=meta.get("tolerance"),
                reweighed=meta.get("reweighed", False),
                unlike=meta.get("unlike", 1.0),
                **arrays,
            )
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise InputError(f"{path} is not a release written by undelete ({error})") from error


def _embedding(name: str, parts: dict[str, Any], path: str | os.PathLike[str]) -> Embedding:
    if name not in EMBEDDINGS:
        raise InputError(
            f"{path} holds records behind a frozen net, whose architecture is code: give it (embedding=FrozenNet(...))"
        )
    return EMBEDDINGS[name](**parts)


def repeated(release: Release, t: int) -> Release:
    """Return a release of b groups of t people as one of b t deletions, a person each; without what files give."""
    names = [name for name in ("W_after", *_LATER) if getattr(release, name) is not None]
    held: dict[str, Any] = {name: np.repeat(getattr(release, name), t, axis=0) for name in names}
    return dataclasses.replace(release, given=None, **held)
