"""All scores of one attack, and their summary: where a reconstruction meets the truth."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats
from undelete.release.columns import CONTINUOUS_TOLERANCE
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.scoring.calibration import calibration_error, surest
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.scores import centred_cosine, cosine, label, right_columns, target_error

SCORES = ("cosine", "centred_cosine", "exact_columns", "exact_record", "label", "target_error", "bits")


class TrueRecords(Protocol):
    """The deleted records: see `undelete.scoring.truth.Truth`."""

    @property
    def records(self) -> Floats:
        """In the model's space (b, d), or before its embedding (b, d0)."""

    @property
    def Y(self) -> Floats | None:
        """Targets (b, k)."""

    @property
    def codes(self) -> NDArray[np.int64] | None:
        """Positions among the columns' values (b, c)."""

    @property
    def values(self) -> Floats | None:
        """Raw numbers (b, c)."""


def columns_right(release: Seen, truth: TrueRecords, found: Reconstruction) -> NDArray[np.bool_] | None:
    """Return which raw columns the attack got exactly (b, c); None without raw columns."""
    if truth.codes is None or truth.values is None or found.codes is None or found.values is None:
        return None
    tolerance = np.array(
        [CONTINUOUS_TOLERANCE * c.spread if c.kind == "continuous" else np.nan for c in release.columns]
    )
    right = right_columns(truth.codes, truth.values, found.codes, found.values, tolerance)
    if found.probability is None:
        return right
    # a missing cell that no code stands for, of which the files tell: it is no number, and sure all the same
    missing = np.isnan(truth.values) & np.isnan(found.values) & (found.codes < 0) & (found.probability == 1)
    return np.asarray(right | missing)


def score(release: Seen, truth: TrueRecords, found: Reconstruction, *, placed: bool = False) -> dict[str, Floats]:
    """Return every score of `SCORES` for each deletion (b,).

    Parameters
    ----------
    release : Release
        What the attack saw: the public mean, the columns, and which feature is the constant.
    truth : TrueRecords
        The deleted records.
    found : Reconstruction
        What the attack says.
    placed : bool
        Whether directions were given a length, see `undelete.attacker.gradient.scale.at_public_length`.
    """
    b = len(truth.records)
    public = release.records_public
    # the constant is left out; before an embedding there is none, and a pixel that no public record uses still counts
    varying = np.ptp(public, axis=0) > 0 if release.embedding is None else np.ones(public.shape[1], dtype=bool)
    mean = public.mean(axis=0)[varying]
    true_X, X = truth.records[:, varying], found.records[:, varying]
    nothing = np.full(b, np.nan)
    scores = {"cosine": cosine(true_X, X), "centred_cosine": centred_cosine(true_X, X, mean)}
    # a direction has no place relative to the mean; what lies behind an embedding has one
    if "direction" in found.status and not placed and found.inputs is None:
        scores["centred_cosine"] = np.where(np.array(found.status) == "direction", np.nan, scores["centred_cosine"])
    right = columns_right(release, truth, found)
    scores["exact_columns"] = nothing if right is None else right.mean(axis=1)
    scores["exact_record"] = nothing if right is None else right.all(axis=1).astype(float)
    scores["bits"] = nothing if found.bits is None else np.array(found.bits)
    scores["label"] = scores["target_error"] = nothing
    if truth.Y is not None and found.target is not None:
        if release.target_kind == "class":
            scores["label"] = label(truth.Y, found.target)
        else:
            scores["target_error"] = target_error(truth.Y, found.target)
    return scores


def summarise(scores: dict[str, Floats], confidence: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """Return one attack's row of `Audit.summary()`: counts, quantiles, shares and 95 % intervals.

    Parameters
    ----------
    scores : dict
        Of `score`.
    confidence : array (b,)
        The attack's probability that the whole record is right; NaN where it has none.
    rng : numpy.random.Generator
        Draws the bootstrap of the mean share of columns.
    """
    cos = scores["cosine"][np.isfinite(scores["cosine"])]
    centred = scores["centred_cosine"][np.isfinite(scores["centred_cosine"])]
    row: dict[str, Any] = {"n": len(scores["cosine"]), "recovered": len(cos)}
    for name, q in (("median_cosine", 0.5), ("q10_cosine", 0.1), ("q90_cosine", 0.9)):
        row[name] = float(np.quantile(cos, q)) if cos.size else float("nan")
    for bound in (0.9, 0.99):
        row[f"share_above_{bound:g}".replace("0.", ".")] = float((cos > bound).sum() / max(1, row["n"]))
    row["median_centred_cosine"] = float(np.median(centred)) if centred.size else float("nan")
    columns = scores["exact_columns"]
    row["exact_columns"] = float(columns.mean())
    row["exact_columns_low"], row["exact_columns_high"] = mean_interval(columns, rng)
    for name in ("exact_record", "label"):
        values = scores[name][np.isfinite(scores[name])]
        row[name] = float(values.mean()) if values.size else float("nan")
        row[f"{name}_low"], row[f"{name}_high"] = wilson(float(values.sum()), values.size)
    row["exact_record_surest_tenth"] = surest(confidence, scores["exact_record"])
    row["calibration_error"] = calibration_error(confidence, scores["exact_record"])
    known = scores["bits"][np.isfinite(scores["bits"])]
    row["median_bits"] = float(np.median(known)) if known.size else float("nan")
    errors = scores["target_error"][np.isfinite(scores["target_error"])]
    row["median_target_error"] = float(np.median(errors)) if errors.size else float("nan")
    return row
