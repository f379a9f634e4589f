"""What a decoder reached over several splits, with intervals, and the curves that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attacks import chosen, run_attack
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.maths.arrays import Floats
from undelete.paper.better_tables import Played
from undelete.scoring.calibration import by_confidence, calibration_error, reliability, surest
from undelete.scoring.intervals import nested_interval
from undelete.scoring.table import columns_right, score

DECODERS = (HREC.name, HREC_PLUS.name)
MEASURES = (
    "exact_record", "surest_tenth", "exact_columns", "calibration_error", "mean_confidence", "median_bits",
    "median_cosine", "q10_cosine", "share_above_.99", "label", "median_target_error",
)  # fmt: skip
LEVELS = np.linspace(0.0, 1.0, 201)  # of the quantiles that make a curve, and of the shares by confidence
_DECIMALS = 7
_KEPT = ("cosine", "centred_cosine", "exact_columns", "exact_record", "label", "target_error", "bits", "confidence")


@dataclass(frozen=True, eq=False)
class Game:
    """One split: its account, and for each decoder its seconds, its scores (b, len(_KEPT)) and its columns (b, c)."""

    account: Mapping[str, Any]
    columns: Sequence[str]
    seconds: Mapping[str, float]
    scores: Mapping[str, Floats]
    right: Mapping[str, NDArray[np.bool_]]


def attacked(played: Played, split: int) -> Game:
    """Let each decoder see a split's release, and score what it says; `split` is the seed of their streams."""
    seconds, scores, right = {}, {}, {}
    for attack, stream in zip(chosen(DECODERS), np.random.SeedSequence(split).spawn(len(DECODERS)), strict=True):
        start = time.process_time()  # not the clock's: other work on the machine must not count
        found = run_attack(attack, played.release, np.random.default_rng(stream))
        seconds[attack.name] = time.process_time() - start
        scored = score(played.release, played.truth, found) | {"confidence": found.confidence}
        scores[attack.name] = np.column_stack([scored[name] for name in _KEPT])
        columns = columns_right(played.release, played.truth, found)
        right[attack.name] = np.zeros((len(found.X), 0), dtype=bool) if columns is None else columns
    return Game(played.account, [column.name for column in played.release.columns], seconds, scores, right)


def measures(scores: Floats) -> Floats:
    """Return the numbers of `MEASURES` for scores (b, len(_KEPT)); NaN where one has no meaning."""
    at = dict(zip(_KEPT, scores.T, strict=True))
    sure = at["confidence"][np.isfinite(at["confidence"])]
    cosine = np.nan_to_num(at["cosine"])
    bits, errors = (at[name][np.isfinite(at[name])] for name in ("bits", "target_error"))
    return np.array(
        [
            at["exact_record"].mean(),
            surest(at["confidence"], at["exact_record"]),
            at["exact_columns"].mean(),
            calibration_error(at["confidence"], at["exact_record"]),
            sure.mean() if sure.size else np.nan,
            np.median(bits) if bits.size else np.nan,
            np.median(cosine),
            np.quantile(cosine, 0.1),
            (cosine > 0.99).mean(),
            at["label"].mean(),
            np.median(errors) if errors.size else np.nan,
        ]
    )


def decoder(name: str, games: Sequence[Game], curve_of: str, seed: int) -> dict[str, Any]:
    """Return one decoder's measures over all splits, and what its curves are drawn from.

    Parameters
    ----------
    name : str
        One of `DECODERS`.
    games : sequence of Game
        The splits.
    curve_of : str
        The score whose distribution is drawn.
    seed : int
        Of the bootstrap.
    """
    splits = [game.scores[name] for game in games]
    pooled = np.concatenate(splits)
    low, high = nested_interval(splits, measures, np.random.default_rng([seed, 1]))
    by_split = np.array([measures(one) for one in splits])
    found = {
        measure: {"value": _plain(value), "low": _plain(low[i]), "high": _plain(high[i]),
                  "by_split": [_plain(v) for v in by_split[:, i]]}
        for i, (measure, value) in enumerate(zip(MEASURES, measures(pooled), strict=True))
    }  # fmt: skip
    milliseconds = 1000 * sum(game.seconds[name] for game in games) / len(pooled)
    found["milliseconds"] = {"value": round(milliseconds, 1), "low": None, "high": None, "by_split": []}
    at = dict(zip(_KEPT, pooled.T, strict=True))
    right = np.concatenate([game.right[name] for game in games])
    ranked = by_confidence(at["confidence"], at["exact_record"])
    shares = [ranked[max(0, round(q * len(ranked)) - 1)] for q in LEVELS[1:]] if len(ranked) else []
    curve = np.quantile(np.nan_to_num(at[curve_of]), LEVELS, method="inverted_cdf")
    return {
        "measures": found,
        "per_column": [_plain(share) for share in right.mean(axis=0)],
        "curve": curve.round(_DECIMALS).tolist(),
        "by_confidence": [_plain(share) for share in shares],
        "reliability": [
            {key: value if key == "n" else _plain(value) for key, value in asdict(one).items()}
            for one in reliability(at["confidence"], at["exact_record"])
        ],
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return round(float(value), _DECIMALS) if np.isfinite(value) else None
