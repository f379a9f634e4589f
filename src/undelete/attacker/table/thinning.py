"""Which of many weighted records are kept to stand for all; maths (13).

Source of the draw: Fearnhead and Clifford, as `whole_record` says.
"""

from __future__ import annotations

import numpy as np

from undelete.maths.arrays import Floats, Indices

_SEEN = 16  # records that say which of the next column's values are looked at
_TAIL = 40.0  # log-weight under the best at which a record is dropped
# of the places at which records are drawn, from one column to the next and from one record to the next: even in both,
# and without chance (the sequence R2 of Roberts 2018)
TURN, _SPACED = 0.7548776662, 0.5698402910


def thinned(scores: Floats, room: int, offset: float) -> tuple[Indices, Floats]:
    """Return which records are kept, at most `room`, and their log-weights.

    With c such that the sum of min(1, weight / c) is `room`, those above c are kept as they are. The others are put
    one after the other, weight / c long each, and one is drawn at a place of its own in every unit of that length, to
    weigh c. The order stays: records that begin alike are neighbours, so that a beginning's share changes by no more
    than the one record at either end of it, however many columns follow. And the places differ from unit to unit: at
    the same one in each, records of equal weight would all go on with the same value.
    """
    score = scores.ravel()
    top = float(score.max())
    keep = np.flatnonzero(score > top - _TAIL)
    if len(keep) <= room:
        return keep, score[keep]
    weight = np.exp(score[keep] - top)
    heavy = np.argpartition(weight, -room)[-room:]
    heavy = heavy[np.argsort(-weight[heavy], kind="stable")]
    rest = weight.sum() - np.cumsum(weight[heavy]) + weight[heavy]  # of each and all lighter ones
    sure = int(np.argmax(weight[heavy] * (room - np.arange(room)) <= rest))
    c = float(rest[sure]) / (room - sure)
    light = np.ones(len(keep), dtype=bool)
    light[heavy[:sure]] = False
    places = np.arange(room - sure) + (offset + np.arange(room - sure) * _SPACED) % 1.0
    along = np.cumsum(weight[light])
    drawn, times = np.unique(np.searchsorted(along, places * (along[-1] / (room - sure))), return_counts=True)
    drawn = np.flatnonzero(light)[np.minimum(drawn, len(along) - 1)]
    kept = np.concatenate([heavy[:sure], drawn])
    weights = np.concatenate([score[keep[heavy[:sure]]], np.log(c * times) + top])
    order = np.argsort(kept)
    return keep[kept[order]], weights[order]


def seen(log_weight: Floats) -> Indices:
    """Return which records say what values of the next column are looked at: the heaviest, and some of all."""
    heaviest = np.argsort(-log_weight, kind="stable")[: _SEEN // 2]
    evenly = np.linspace(0, len(log_weight) - 1, _SEEN // 2).astype(int)
    return np.unique(np.concatenate([heaviest, evenly]))
