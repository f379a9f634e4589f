"""Who was deleted: how high three attacks rank the deleted among all candidates, as of Figures 1 and 7's people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.member.candidates import confidence_drop, explain
from undelete.maths.arrays import Floats, blocks
from undelete.release.release import Release
from undelete.report.roc import LEVELS
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.lineup import Lineup
from undelete.scoring.roc import placed

_BLOCK_NUMBERS = 16_000_000


def ranks_of_deleted(
    release: Release, lineup: Lineup, rows: NDArray[np.int64], member_scores: Floats, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how three attacks rank the deleted among all candidates, and what they cost.

    Parameters
    ----------
    release : Release
        A deletion each of the records `rows`.
    lineup : Lineup
        The candidates, mixed.
    rows : array (b,) of int
        Which of the lineup's members each deletion took.
    member_scores : array (candidates,)
        LiRA's, on the old model.
    rng : numpy.random.Generator
        Of the intervals.
    """
    changed = (release.W_after != release.W_before).any(axis=(1, 2))
    told, truth, candidates = release.take(changed), rows[changed], lineup.candidates
    attacks: dict[str, Callable[[Release], Floats]] = {
        "two_models": lambda part: explain(part, candidates).log_likelihood,
        "confidence": lambda part: confidence_drop(part, candidates),
        "lira": lambda part: np.broadcast_to(member_scores, (part.deletions, len(member_scores))),
    }
    size = max(1, _BLOCK_NUMBERS // len(candidates.X))
    summaries, costs = {}, {}
    for name, attack in attacks.items():
        began = time.perf_counter()
        places: list[tuple[Floats, ...]] = []
        for part in blocks(len(truth), size):
            scores = lineup.unmix(np.asarray(attack(told.take(part))))
            places.append((*placed(scores, truth[part]), *placed(scores[:, : lineup.members], truth[part])))
        seconds = (time.perf_counter() - began) / max(1, len(truth))
        summaries[name] = _ranked(places, len(candidates.X), lineup.members, rng)
        asked = {"two_models": 0, "confidence": 2 * len(candidates.X), "lira": 0}[name]
        if name != "lira":
            costs[name] = {
                "seconds": round(seconds, 4), "seconds_training": 0.0, "models": 0, "queries": asked,
                "parameters": name == "two_models",
            }  # fmt: skip
    low, high = wilson(float(changed.sum()), len(rows))
    return {
        "deletions": len(rows), "changed": int(changed.sum()), "share_changed": float(changed.mean()),
        "share_changed_low": low, "share_changed_high": high, "candidates": len(candidates.X), "attacks": summaries,
    }, costs  # fmt: skip


def _ranked(
    places: Sequence[tuple[Floats, ...]], candidates: int, members: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return an attack's ranks of the deleted: median, share named first, area against all, members and others.

    Of each block of deletions `placed` among all candidates and among the members.
    """
    if not places:
        names = ("median_rank", "first", "unbeaten", "auc", "auc_members", "auc_non_members", "curve")
        return dict.fromkeys(names)
    above, level, above_members, level_members = (np.concatenate(kind) for kind in zip(*places, strict=True))
    before, before_members = above + level / 2, above_members + level_members / 2
    area = 1 - before / (candidates - 1)
    low, high = mean_interval(area, rng)
    first = int((above + level == 0).sum())
    first_low, first_high = wilson(first, len(area))
    # the false-positive rate that it takes to catch a deletion is the share of the others above it
    needed = np.sort(before / (candidates - 1))
    return {
        "median_rank": float(np.median(1 + before)), "first": first / len(area), "first_low": first_low,
        "first_high": first_high, "unbeaten": float((above == 0).mean()), "auc": float(area.mean()),
        "auc_low": None if np.isnan(low) else low, "auc_high": None if np.isnan(high) else high,
        "auc_members": float(1 - before_members.mean() / (members - 1)),
        "auc_non_members": float(1 - (before - before_members).mean() / (candidates - members)),
        "curve": (np.searchsorted(needed, LEVELS, side="right") / len(area)).tolist(),
    }  # fmt: skip
