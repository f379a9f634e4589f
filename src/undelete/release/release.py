"""What crosses from the maintainer to the attacker, and what comes back.

Each field of `Release` is one assumption of docs/threat-model.md. Nothing else crosses: the values are
frozen, their arrays are copies and read-only, and a release can be written to a file and attacked by a
process that has never seen a private record.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats
from undelete.maths.embeddings import EMBEDDINGS, Embedding
from undelete.maths.loss import Loss
from undelete.maths.objective import predict
from undelete.release import npz
from undelete.release.columns import Column, frozen
from undelete.release.parts import ARRAYS, LATER, check


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
    offset_public : array (m,), (m, k) or None
        What each public record has added to its predictions, maths (47): an offset, or what features add that are left
        out of these, as words do; None for nothing. The deleted record has one too, which nobody is told, but where
        `own_offsets` say what it may be.
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
        Whether W_before - W_after is not the record's alone: the deletion changed what other records weigh, which
        `answer_change` then holds too, or the coefficients of features that are left out of these, as of words.
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
    within : array (b, len(columns), 2) or None
        The ends between which the files say that each record's number lies, where they say no more; NaN where nothing.
    error_told : bool
        Whether `share_error` holds all of the error of what public records stand for, so that their own spread adds
        nothing to it, maths (55).
    own_offsets : array (b, r), (b, r, k) or None
        Where a record's own offset is seen otherwise, as from its words: what it may be, each as likely. NaN, or None
        for all: as `offset_public`.
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
    within: Floats | None = None
    noise: Floats | None = None
    rest: Floats | None = None
    offset_public: Floats | None = None
    error_told: bool = False
    own_offsets: Floats | None = None

    def __post_init__(self) -> None:
        for field in ARRAYS:
            if getattr(self, field) is not None:
                object.__setattr__(self, field, frozen(getattr(self, field)))
        if self.embedding is not None and self.embedding.name in EMBEDDINGS:  # a net is a copy of its own already
            arrays = {name: frozen(array) for name, array in self.embedding.arrays().items()}
            object.__setattr__(self, "embedding", EMBEDDINGS[self.embedding.name](**arrays))
        if self.public_codes is not None:
            object.__setattr__(self, "public_codes", frozen(self.public_codes, np.int64))
        object.__setattr__(self, "columns", tuple(self.columns))
        check(self)

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
    def scatter(self) -> float:
        """n^2 (1/m + 1/n): times the covariance of public summands it is that of their sum, maths (10); 0 where told.

        The number of public records stands in for one that is not known.
        """
        m = len(self.X_public)
        n = self.n or m
        return 0.0 if self.error_told else float(n) ** 2 * (1 / m + 1 / n)

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

    def without_columns(self) -> Release:
        """Return the same in the model's space alone: no raw columns, nor what is known of them, and no embedding."""
        return dataclasses.replace(
            self, columns=(), public_codes=None, public_values=None, given=None, within=None, embedding=None,
            inputs_public=None,
        )  # fmt: skip

    def take(self, deletions: slice | NDArray[np.int64]) -> Release:
        """Return the same release with some of its deletions only; what they share is not checked again."""
        part = copy.copy(self)
        for field in ("W_after", "remaining_gradient", "given", "within", "own_offsets", *LATER):
            array = getattr(self, field)
            if array is not None:
                object.__setattr__(part, field, frozen(array[deletions]))
        return part

    def own_offset(self, i: int) -> Floats | None:
        """Return what deletion i's own offset may be, (r,) or (r, k), where it is seen otherwise than public ones."""
        own = None if self.own_offsets is None else self.own_offsets[i]
        return None if own is None or np.isnan(own).any() else own

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the release to an .npz file (no pickle inside): what an attacker may see, so not private."""
        npz.save(self, path)

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
        return npz.load(cls, path, embedding)


def repeated(release: Release, t: int) -> Release:
    """Return a release of b groups of t people as one of b t deletions, a person each; without what files give."""
    names = [name for name in ("W_after", "own_offsets", *LATER) if getattr(release, name) is not None]
    held: dict[str, Any] = {name: np.repeat(getattr(release, name), t, axis=0) for name in names}
    return dataclasses.replace(release, given=None, within=None, **held)
