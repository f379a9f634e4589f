"""What crosses from the maintainer to the attacker, and what comes back.

Each field of `Release` is one assumption of docs/threat-model.md. Nothing else crosses: the values are
frozen, their arrays are copies and read-only, and a release can be written to a file and attacked by a
process that has never seen a private record.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.embeddings import EMBEDDINGS, Embedding
from undelete.maths.losses import LOSSES, Loss

Floats = NDArray[np.float64]
Kind = Literal["categorical", "discrete", "continuous"]

CONTINUOUS_TOLERANCE = 0.01  # of the public standard deviation: what counts as the same continuous value
_FORMAT = "undelete.release/1"
_EMBEDDING = "embedding_"  # starts the names of an embedding's arrays in a file
_COLUMN_ARRAYS = ("projection", "values", "terms", "frequency")
WITHIN = 1.96  # standard errors on either side that hold a normal number with probability .95
_RECONSTRUCTION_ARRAYS = (
    "X", "target", "target_error", "scale", "values", "error", "probability", "candidate_probability",
    "record_probability", "bits", "misfit", "inputs", "distance", "mix", "low", "high", "range_probability",
)  # fmt: skip
_PROMISES = (
    "target_error", "error", "probability", "candidate_probability", "record_probability", "bits", "low", "high",
    "range_probability",
)  # fmt: skip
_LATER = ("answer_change", "penalty_share", "share_error")  # of each deletion, where coefficients do not say it all
_RELEASE_ARRAYS = (
    "W_before", "W_after", "X_public", "Y_public", "l2", "constant", "public_values", "remaining_gradient",
    "inputs_public", *_LATER,
)  # fmt: skip


def _frozen(array: Any, dtype: Any = np.float64) -> Any:
    """Return a read-only copy that owns its memory: a slice carries the whole private table in `.base`."""
    if isinstance(array, np.ndarray) and array.base is None and not array.flags.writeable and array.dtype == dtype:
        return array  # frozen already
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False)
class Column:
    """One raw column of the public table, and how the model's features carry it.

    For a record x (d,) in the model's space, or of an embedding x (d0,) in its input space, ``x @ projection`` are
    the q terms that depend on this column alone: indicators of its categories, or the value and its powers.

    Parameters
    ----------
    name : str
        The column's name in the public table.
    kind : {"categorical", "discrete", "continuous"}
        "discrete" is a number on a lattice (integers, codes); "continuous" has no list of values.
    projection : array (d, q)
        From the model's space to the column's terms.
    values : array (c,)
        The values it may take, sorted: those of the public records, the categories that the old model knows, and for
        ages and the like the whole numbers between and somewhat beyond. When continuous empty, or the grid on which
        `terms` are given where they are no line in the value.
    terms : array (c, q)
        The terms of each of `values`.
    frequency : array (c,)
        Share of the public records with each value; sums to one.
    offset, slope : float
        Continuous only: value = offset + slope * (x @ projection)[0], in the column's units.
    spread : float
        Continuous only: standard deviation among the public records, in the column's units.
    least, greatest : float
        Continuous only: what the column can hold. No less than 0 where no public value is, and likewise for values of
        no more than 0 and for shares, from 0 to 1.
    filled : str, float or None
        The value that a missing cell gets before the model reads it, where public cells are missing and nothing tells
        the two apart; None otherwise.
    filled_as : str
        What such a value is called: "missing, or 35".
    logical : bool
        Whether the numbers 0 and 1 stand for False and True.
    """

    name: str
    kind: Kind
    projection: Floats
    values: NDArray[Any]
    terms: Floats
    frequency: Floats
    offset: float = 0.0
    slope: float = 1.0
    spread: float = float("nan")
    least: float = -math.inf
    greatest: float = math.inf
    filled: str | float | None = None
    filled_as: str = ""
    logical: bool = False

    def __post_init__(self) -> None:
        for field in ("projection", "terms", "frequency"):
            object.__setattr__(self, field, _frozen(getattr(self, field)))
        # no dtype=object: an object array can only be stored as a pickle
        values = np.asarray(self.values)
        if values.dtype == object:
            values = values.astype(str)
        object.__setattr__(self, "values", _frozen(values, values.dtype))


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
    l2 : array (d,) or None
        Penalty of each feature in the summed objective, maths (1); None when not known. The paper's attack
        does not use it.
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
    share_error : array (b, k, d, d) or None
        The covariance of `penalty_share`, output by output; None: it is exact.
    tolerance : float or None
        Largest |gradient|_inf per record that an iterative solver left over, as its settings say; None: the fits are
        exact to rounding, or nothing is said. Infinite: they are known not to be the optimum, by an unknown amount, and
        no error bar can be told.
    n_error : float
        Standard error of the logarithm of `n`, where it was estimated from the change itself; 0 where it is known.
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
    tolerance: float | None = None
    n_error: float = 0.0

    def __post_init__(self) -> None:
        for field in _RELEASE_ARRAYS:
            if getattr(self, field) is not None:
                object.__setattr__(self, field, _frozen(getattr(self, field)))
        if self.embedding is not None:
            arrays = {name: _frozen(array) for name, array in self.embedding.arrays().items()}
            object.__setattr__(self, "embedding", EMBEDDINGS[self.embedding.name](**arrays))
        if self.public_codes is not None:
            object.__setattr__(self, "public_codes", _frozen(self.public_codes, np.int64))
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
        b = len(self.W_after)
        for name, shape in (("answer_change", (b, m, k)), ("penalty_share", (b, d, k)), ("share_error", (b, k, d, d))):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InputError(f"{name} has shape {array.shape}, expected {shape}")
        for field in ("W_before", "W_after", "X_public", "Y_public", "inputs_public", *_LATER):
            array = getattr(self, field)
            if array is not None and not np.isfinite(array).all():
                raise InputError(f"{field} has values that are not finite: the attack cannot use them")
        self._check_embedding()
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
    def records_public(self) -> Floats:
        """Return the public records as they are compared and shown: before the embedding, where there is one."""
        return self.X_public if self.inputs_public is None else self.inputs_public

    @property
    def deletions(self) -> int:
        """Number of deletions b."""
        return int(self.W_after.shape[0])

    def take(self, deletions: slice | NDArray[np.int64]) -> Release:
        """Return the same release with some of its deletions only."""
        held = {field: getattr(self, field) for field in ("W_after", "remaining_gradient", *_LATER)}
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
            "target_kind": self.target_kind, "tolerance": self.tolerance,
            "columns": described, "embedding": None if self.embedding is None else self.embedding.name,
        }  # fmt: skip
        arrays["meta"] = np.array(json.dumps(meta))
        write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), private=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Release:
        """Read a release that `save` wrote.

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
                phi = EMBEDDINGS[meta["embedding"]](**{key.removeprefix(_EMBEDDING): parts[key] for key in parts})
                arrays["embedding"] = phi
            return cls(
                LOSSES[meta["loss"]],
                n=meta["n"],
                n_error=meta.get("n_error", 0.0),
                target_kind=meta["target_kind"],
                columns=columns,
                tolerance=meta.get("tolerance"),
                **arrays,
            )
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise InputError(f"{path} is not a release written by undelete ({error})") from error


@dataclass(frozen=True, eq=False)
class Candidates:
    """Records of whom somebody asks whether they were in the training data, or deleted from it.

    Their order says nothing: whoever knows who is who has mixed them, and keeps the permutation.

    Parameters
    ----------
    X : array (c, d)
        In the model's space.
    Y : array (c, k)
        Their targets, as the model's loss has them.
    """

    X: Floats
    Y: Floats

    def __post_init__(self) -> None:
        for field in ("X", "Y"):
            object.__setattr__(self, field, _frozen(getattr(self, field)))
            array = getattr(self, field)
            if array.ndim != 2 or not np.isfinite(array).all():
                raise InputError(
                    f"candidates' {field} must be a table of finite numbers, got shape {array.shape}: give one row a "
                    "record"
                )
        if len(self.X) != len(self.Y) or not len(self.X):
            raise InputError(
                f"there are {len(self.X)} candidates and {len(self.Y)} targets: give one each, one at least"
            )


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What an attack says about b deleted records.

    Parameters
    ----------
    attack : str
        Its name.
    X : array (b, d)
        The records in the model's space; NaN where nothing could be recovered. Of an embedding, its estimate: in
        general no record has exactly this one.
    target : array (b, k) or None
        The recovered target (a number, or +1 and -1); NaN where it is not known.
    target_error : array (b, k) or None
        Standard error of `target`, maths (10); NaN when the attack has none.
    scale : array (b,) or None
        The constant's entry of the estimated gradient, by which it was divided (attacks on the difference).
    output : array (b,) of int or None
        The output whose gradient was used, or has the most of it.
    mix : array (b, k) or None
        The weights by which all outputs' gradients were added up, maths (12); None: that of `output` alone.
    way : {"hessian", "answers", "exact"}
        How the gradients were obtained, maths (4), (19) or known.
    status : sequence of str, b of them
        "ok", "unchanged" (the deletion did not change the model), or "direction" (the scale is not
        identified, so X is the record up to a factor; an embedding has the mean length of the public ones).
    codes : array (b, c) of int or None
        For each of the release's raw columns the recovered value's position in `Column.values`; -1 when
        continuous or not recovered.
    values : array (b, c) or None
        The recovered number in a numeric column's units, before it is put on the column's codes; NaN in a
        categorical column.
    error : array (b, c) or None
        Standard error of `values`, maths (10); NaN when the attack has none.
    low, high : arrays (b, c) or None
        Ends of the range that holds the number with probability .95; None: 1.96 standard errors on either side.
    range_probability : array (b, c) or None
        With what probability it does: where a column's values are few no range of them holds .95 and no more.
    probability : array (b, c) or None
        Probability that the column's recovered value is right; NaN when the attack has none, or where all public
        records agree.
    candidates : array (b, c, 3) of int or None
        The likeliest values of each column, as positions in `Column.values`, the likeliest first; -1 for none.
    candidate_probability : array (b, c, 3) or None
        Their probabilities.
    record_probability : array (b,) or None
        Probability that the whole record is right; None: the product over the columns.
    bits : array (b,) or None
        Bits of the record that came back: the public prior's entropy less the posterior's. The record here is its
        columns on a lattice and its target (of a number the tenth in which it lies).
    bits_of : float
        The public prior's entropy: the bits of an average record.
    misfit : array (b,) or None
        Squared distance of the decoded record from the estimate, in the metric of its errors: about chi-squared if
        the two models differ by one record of this population.
    misfit_terms : int
        Degrees of freedom of `misfit`, at most.
    inputs : array (b, d0) or None
        With an embedding, the records before it, maths (7); NaN where nothing could be recovered.
    distance : array (b,) or None
        Euclidean distance between the recovered embedding and the embedding of `inputs`.
    """

    attack: str
    X: Floats
    target: Floats | None = None
    target_error: Floats | None = None
    scale: Floats | None = None
    output: NDArray[np.int64] | None = None
    status: Sequence[str] = ()
    codes: NDArray[np.int64] | None = None
    values: Floats | None = None
    error: Floats | None = None
    probability: Floats | None = None
    candidates: NDArray[np.int64] | None = None
    candidate_probability: Floats | None = None
    record_probability: Floats | None = None
    bits: Floats | None = None
    bits_of: float = float("nan")
    misfit: Floats | None = None
    misfit_terms: int = 0
    inputs: Floats | None = None
    distance: Floats | None = None
    mix: Floats | None = None
    way: Literal["hessian", "answers", "exact"] = "hessian"
    low: Floats | None = None
    high: Floats | None = None
    range_probability: Floats | None = None

    def __post_init__(self) -> None:
        for field in _RECONSTRUCTION_ARRAYS:
            if getattr(self, field) is not None:
                object.__setattr__(self, field, _frozen(getattr(self, field)))
        for field in ("codes", "output", "candidates"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, _frozen(getattr(self, field), np.int64))
        object.__setattr__(self, "status", tuple(self.status) or ("ok",) * len(self.X))

    @property
    def records(self) -> Floats:
        """The records as they are compared and shown: before the embedding, where there is one."""
        return self.X if self.inputs is None else self.inputs

    def without_promises(self) -> Reconstruction:
        """Return the same without probabilities and error bars: what came back, and nothing said of how sure it is."""
        nothing = {
            name: np.full_like(array, np.nan) for name in _PROMISES if (array := getattr(self, name)) is not None
        }
        return dataclasses.replace(self, **nothing)

    @property
    def ranges(self) -> tuple[Floats, Floats] | None:
        """Ends (b, c) of each number's 95 % range, NaN where there is none; None without numbers."""
        if self.values is None or self.error is None:
            return None
        low, high = self.values - WITHIN * self.error, self.values + WITHIN * self.error
        if self.low is None or self.high is None:
            return low, high
        return np.where(np.isnan(self.low), low, self.low), np.where(np.isnan(self.high), high, self.high)

    @property
    def confidence(self) -> Floats:
        """Probability that the whole record is right (b,); NaN when unknown."""
        if self.record_probability is not None:
            return self.record_probability
        if self.probability is None or self.probability.shape[1] == 0:
            return np.full(len(self.X), np.nan)
        known = np.isfinite(self.probability)
        product = np.where(known, self.probability, 1.0).prod(axis=1)
        return np.where(known.any(axis=1), product, np.nan)
