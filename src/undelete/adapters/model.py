"""`LinearModel`: a linear model as undelete sees it, whatever tool made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from undelete.adapters.design.design import Design
from undelete.adapters.design.feature_names import design_from_names
from undelete.adapters.design.probed import Probed
from undelete.adapters.embedding import checked_copy
from undelete.adapters.offset import Offset
from undelete.adapters.parts import check, coefficients, penalties, record_weights
from undelete.adapters.stored.statistic import Statistic
from undelete.adapters.target_map import TargetMap
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding, embed
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict

if TYPE_CHECKING:
    from undelete.adapters.sklearn.text import TextModel


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A fitted linear model: z = x W, x the record in the model's space with the constant last.

    The model's space is what the preprocessing makes of a raw record, or with an embedding [phi(u), 1], u what the
    preprocessing makes of it.

    Parameters
    ----------
    coef : array (k, d0) or (d0,)
        Coefficients, one row an output. d0 features, the constant not among them; with an embedding its D features.
    intercept : array (k,), number or None
        None: fitted without.
    loss : str
        The loss per record, as `maths.losses.loss_of` reads it: "squared", 1/2 (y - z)^2; "logistic",
        log(1 + exp(-y z)); "squared_hinge", max(0, 1 - y z)^2 (y = +1, -1); "softmax", the cross-entropy of three
        classes or more, all of which have coefficients; "poisson", "gamma", "tweedie(1.5)"; "probit";
        "squared_epsilon_insensitive(0.1)".
    feature_names : sequence of str, d0 of them
        Raw columns and what was made of them: `age`, `age^2`, `log(age)`, `state=Texas`, `age*state=Texas`. With an
        embedding, its inputs.
    classes : sequence or None
        A classifier's classes; of two, the second is +1 and k = 1; of more, one output each.
    l2 : number, array (d0,) or (d,), or None
        Penalty of each feature in the summed objective, maths (1), d with the constant; a number: of every one but it;
        None when not known.
    l1 : number, array (d0,) or (d,), or None
        The same of an l1 penalty, l1 |w|; None for none.
    averaged : bool
        Whether `l2` and `l1` are those of the mean loss instead, as scikit-learn's generalised linear models have it:
        `summed` makes them the sum's, for a number of records.
    n : int or None
        Number of training records.
    design : Design or Probed, optional
        The preprocessing; read from `feature_names` by default. With an embedding it makes the inputs, constant apart.
    kind, steps : str, sequence of str
        What it is called, e.g. "Ridge", and class names of the preprocessing.
    notes, stored : sequences of str and of Statistic
        What a reader should know, and what the estimator stores of its training records: means, extremes, records.
    embedding : Embedding, optional
        The fixed map phi before the coefficients.
    tolerance : float or None
        Relative to what its criterion says, what the solver left over; None: exact, or not known; infinite: anything.
    criterion : {"gradient", "first", "moment", "residual", "step"}
        Of what: the largest |gradient|_inf per record itself; the gradient at zero; |X'y|; |X| times the residuals'
        length; the largest coefficient, of which an epoch's step is counted (SAG).
    class_weights : tuple of float, "balanced" or None
        What each class's records weigh; "balanced": as many as all classes together over the class's own, so that they
        change with each deletion.
    own_class : bool
        Whether they weigh in the output of their own class alone, as liblinear has it of several classes.
    each_class : bool
        Whether each class's own model balances it with the rest, as scikit-learn's OneVsRestClassifier has it.
    chosen : bool
        Whether features with the coefficient 0 were left out by another rule than a penalty, which each fit applies
        anew: nothing is known of the gradient there.
    target_map : TargetMap, optional
        What the model is fitted to in place of the target: its logarithm, for one. Targets are given, and come back, as
        the table has them.
    output, offset : int or None, Offset or None
        Which of several target columns it predicts (None: all), and what is added to each prediction.
    weights : array (n,) or None
        What each training record weighed, in any order; None where all count alike, or it is not known.
    texts : sequence of TextModel
        Columns of text, whose part of a prediction `coef` and `design` leave out.
    stopped : str
        What says that the fit ended before it had converged, "" where nothing does.

    Raises
    ------
    InputError
        When the parts do not fit together.

    Examples
    --------
    >>> model = LinearModel([2.0, -1.0], 5.0, "squared", ["age", "state=Texas"])
    >>> model.decision(pd.DataFrame({"age": [10, 20], "state": ["Ohio", "Texas"]})).ravel().tolist()
    [25.0, 44.0]
    """

    coef: Floats
    intercept: Floats | None
    loss: str
    feature_names: Sequence[str]
    classes: Sequence[Any] | None = None
    l2: Floats | None = None
    n: int | None = None
    design: Design | Probed = field(default=None)  # type: ignore[assignment]  # filled in below
    kind: str = "LinearModel"
    steps: Sequence[str] = ()
    notes: Sequence[str] = ()
    stored: Sequence[Statistic] = ()
    embedding: Embedding | None = None
    tolerance: float | None = None
    criterion: str = "gradient"
    stopped: str = ""
    averaged: bool = False
    l1: Floats | None = None
    class_weights: tuple[float, ...] | str | None = None
    own_class: bool = False
    each_class: bool = False
    target_map: TargetMap | None = None
    output: int | None = None
    chosen: bool = False
    offset: Offset | None = None
    weights: Floats | None = None
    texts: Sequence[TextModel] = ()

    def of_columns(self, columns: Iterable[object]) -> LinearModel:
        """Return the model as a table with some columns has it: one that is called `log(age)` is no logarithm then."""
        have = {str(name) for name in columns}
        if self.design.polynomials and any(atom.written in have for atom in self.design.atoms if atom.function):
            return replace(self, design=design_from_names(self.feature_names, self.design.has_constant, have))
        return self

    def own_targets(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return which of some target columns the model predicts."""
        return names if self.output is None or len(names) <= self.output or len(names) == 1 else (names[self.output],)

    def __post_init__(self) -> None:
        names = tuple(str(name) for name in self.feature_names)
        for name, value in (("feature_names", names), ("steps", tuple(self.steps)), ("notes", tuple(self.notes))):
            object.__setattr__(self, name, value)
        loss_of(self.loss)  # or it is refused
        self._set_embedding()
        coef, intercept = coefficients(self)
        object.__setattr__(self, "coef", coef)
        object.__setattr__(self, "intercept", intercept)
        if self.design is None:
            constant = self.has_constant and self.embedding is None
            object.__setattr__(self, "design", design_from_names(names, constant))
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(self.classes))
        self._set_penalty()
        object.__setattr__(self, "weights", record_weights(self))
        check(self)

    def _set_embedding(self) -> None:
        """Keep a checked copy of the embedding that nobody can change."""
        phi, names = self.embedding, len(self.feature_names)
        if phi is None:
            return
        own = checked_copy(phi)
        if own.inputs != names:
            raise InputError(
                f"the embedding has {own.inputs} inputs and there are {names} feature names: with an embedding the "
                "names are those of its inputs, one each"
            )
        object.__setattr__(self, "embedding", own)

    def _set_penalty(self) -> None:
        for name in ("l2", "l1"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, penalties(self, name))
        if self.l1 is not None and not self.l1.any():
            object.__setattr__(self, "l1", None)
        if self.l1 is not None and self.coef.shape[0] > 1:
            raise InputError(
                "the model has an l1 penalty and several outputs, of which each leaves other features out: undelete "
                "reads an l1 penalty of one output; fit the outputs apart"
            )

    def summed(self, n: int | None) -> LinearModel:
        """Return the model with the penalty of the sum over n records; not known where n is not."""
        if not self.averaged or self.l2 is None:
            return self
        if n is None:
            return replace(self, l2=None, averaged=False)
        return replace(self, l2=self.l2 * n, l1=None if self.l1 is None else self.l1 * n, averaged=False)

    def penalty_gradient(self) -> Floats:
        """Return the penalty's gradient (d, k), of an l1 one where the parameters are not zero; as `averaged` says."""
        assert self.l2 is not None
        own = self.l2[:, None] * self.W
        return own if self.l1 is None else own + self.l1[:, None] * np.sign(self.W)

    @property
    def W(self) -> Floats:
        """Parameters (d, k), the constant's row last."""
        rows = [self.coef.T] if self.intercept is None else [self.coef.T, self.intercept[None]]
        return np.ascontiguousarray(np.vstack(rows))

    @property
    def has_constant(self) -> bool:
        """Whether the model has an intercept: its space then has the constant 1 as the last feature."""
        return self.intercept is not None

    def constant(self) -> Floats | None:
        """Return the v (d,) with x @ v = 1 for every record in the model's space, None when there is none."""
        if self.embedding is None:
            return self.design.constant()
        if not self.has_constant:
            return None
        unit: Floats = np.zeros(self.embedding.features + 1)
        unit[-1] = 1.0
        return unit

    def inputs(self, table: pd.DataFrame) -> Floats:
        """Return what the preprocessing makes of raw records (n, d0); InputError as `Design.transform`.

        Without an embedding that is the model's space.
        """
        return self.design.transform(table)

    def embed(self, inputs: Floats) -> Floats:
        """Return records in the model's space (n, d) from what `inputs` makes of them (n, d0)."""
        return inputs if self.embedding is None else embed(self.embedding, inputs, constant=self.has_constant)

    def features(self, table: pd.DataFrame) -> Floats:
        """Return raw records in the model's space (n, d); InputError as `Design.transform`."""
        return self.embed(self.inputs(table))

    def offsets(self, table: pd.DataFrame, *, standing: bool = False) -> Floats | None:
        """Return what is added to predictions, (n,) or of texts (n, k), `standing` as of these; None for nothing."""
        added = [one.scores(table, standing=standing) for one in self.texts]
        added += [] if self.offset is None else [self.offset.of(table)]
        return sum(added[1:], added[0]) if added else None

    def decision(self, table: pd.DataFrame, *, standing: bool = False) -> Floats:
        """Return z = x W (n, k) for raw records, offsets added; errors as of `features` and `offsets`."""
        return np.asarray(predict(self.features(table), self.W, self.offsets(table, standing=standing)))
