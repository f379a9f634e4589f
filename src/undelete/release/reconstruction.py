"""What an attack says about deleted records, and how sure it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats
from undelete.release.columns import frozen

TARGET_NEAR = 0.1  # of the public targets' deviation: a number that is known so well came back
WITHIN = 1.96  # standard errors on either side that hold a normal number with probability .95
_ARRAYS = (
    "X", "target", "target_error", "scale", "values", "error", "probability", "candidate_probability",
    "record_probability", "bits", "misfit", "inputs", "distance", "mix", "low", "high", "range_probability",
    "record_error", "features", "features_error", "target_probability",
    "lead_over_two", "target_low", "target_high", "cosine", "columns_spread",
)  # fmt: skip
_PROMISES = (
    "target_error", "error", "probability", "candidate_probability", "record_probability", "bits", "low", "high",
    "range_probability", "record_error", "features_error", "target_probability", "target_low", "target_high",
    "cosine", "columns_spread",
)  # fmt: skip


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
        "ok", "unchanged" (the deletion did not change the model), "given" (nor did it here, but the files give some
        columns away), or "direction" (the scale is not identified, so X is the record up to a factor; an embedding has
        the mean length of the public ones).
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
    lead_over_two : array (b,) or None
        Of a single deletion, the logarithm of how many times better one record explains it than two do.
    inputs : array (b, d0) or None
        With an embedding, the records before it, maths (7); NaN where nothing could be recovered.
    distance : array (b,) or None
        Euclidean distance between the recovered embedding and the embedding of `inputs`.
    record_error : array (b, d) or None
        Standard error of each number of `records`, where it does not follow from `scale` by maths (10).
    features, features_error : arrays (b, D) or None
        With an embedding, its most probable value, maths (11), and the standard error of each number.
    target_probability : array (b,) or None
        Probability that the class is right, where it does not follow from `scale`; or that a number is within
        `TARGET_NEAR`, where it does not follow from `target_error`.
    target_low, target_high : arrays (b, k) or None
        Ends of the range that holds the target with probability .95; None: 1.96 standard errors on either side.
    cosine : array (b,) or None
        Centred cosine that is expected between `records` and the true ones; NaN or None where only standard errors say.
    columns_spread : array (b,) or None
        Standard deviation of how many of the columns that have `codes` are right; NaN or None: they are independent.
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
    lead_over_two: Floats | None = None
    inputs: Floats | None = None
    distance: Floats | None = None
    mix: Floats | None = None
    way: Literal["hessian", "answers", "exact"] = "hessian"
    low: Floats | None = None
    high: Floats | None = None
    range_probability: Floats | None = None
    record_error: Floats | None = None
    features: Floats | None = None
    features_error: Floats | None = None
    target_probability: Floats | None = None
    target_low: Floats | None = None
    target_high: Floats | None = None
    cosine: Floats | None = None
    columns_spread: Floats | None = None

    def __post_init__(self) -> None:
        for field in _ARRAYS:
            if getattr(self, field) is not None:
                object.__setattr__(self, field, frozen(getattr(self, field)))
        for field in ("codes", "output", "candidates"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, frozen(getattr(self, field), np.int64))
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
    def target_range(self) -> tuple[Floats, Floats]:
        """Ends (b, k) of each target's 95 % range, NaN where there is none."""
        if self.target is None or self.target_error is None:
            nothing = np.full((len(self.X), 1), np.nan)
            return nothing, nothing
        if self.target_low is not None and self.target_high is not None:
            return self.target_low, self.target_high
        return self.target - WITHIN * self.target_error, self.target + WITHIN * self.target_error

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
