"""What Updates-Leak sees of an update: the change of the answers, and as the encoder is given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.updates_leak.networks import torch
from undelete.attacker.updates_leak.settings import View
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.objective import predict
from undelete.release.release import Release


def answer_change(loss: Loss, without: Floats, with_record: Floats, view: View = "log") -> Floats:
    """Return how the answers of the model with a record differ from those of the model without it.

    Parameters
    ----------
    loss : Loss
        Softmax, or logistic.
    without, with_record : arrays (..., p, k)
        The models' predictions Z at p probes, before the loss; whoever gets probabilities has the same answer.
    view : {"log", "probability"}
        Of log probabilities less their mean over the classes (logistic: log odds), or of probabilities.

    Raises
    ------
    InputError
        For a loss whose models give no probabilities.

    Examples
    --------
    >>> from undelete.maths.losses import Softmax
    >>> before, after = np.zeros((1, 2)), np.log([[3.0, 1.0]])
    >>> answer_change(Softmax(), before, after, "probability").round(6).tolist()
    [[0.25, -0.25]]
    >>> bool(np.isclose(np.diff(answer_change(Softmax(), before, after)), -np.log(3)).all())
    True
    """
    if loss.targets != ("class",) or not loss.canonical:
        raise InputError(
            f"Updates-Leak reads probabilities, and a model of {loss.name} loss gives none, or none whose logarithms "
            "it is linear in: take one of logistic or softmax loss"
        )
    if view == "log":
        change = with_record - without
        return np.asarray(change if loss.separable else change - change.mean(axis=-1, keepdims=True))
    return np.asarray(loss.mean(with_record) - loss.mean(without))


def observe(release: Release, probes: Floats, view: View = "log") -> Floats:
    """Return all that Updates-Leak sees of a release: the change (b, p, k) of the answers at probes (p, d).

    Of a deletion, so the model with the record is the old one. The parameters are used to answer, as the model's
    owner would, and go nowhere else. Cost 2 b p d k flops.
    """
    after = predict(probes, release.W_after)  # (p, b, k)
    return answer_change(release.loss, np.moveaxis(after, 0, 1), (probes @ release.W_before)[None], view)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Changes of answers as the encoder sees them: each at length one, then standardised by the shadows'.

    The length says how wrong the model was on the record and how long the step, hardly what the record is; and a
    change of any length is then one like the shadows'.

    Parameters
    ----------
    mean, deviation : arrays (p k,)
        Of the shadows' changes at length one.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, changes: Floats) -> Inputs:
        """Return that of shadow updates (s, p, k)."""
        directions = _directions(changes)
        deviation = directions.std(axis=0)
        return cls(directions.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def forth(self, changes: Floats) -> Any:
        """Return changes (b, p, k) as a float32 tensor (b, p k)."""
        scaled = (_directions(changes) - self.mean) / self.deviation
        return torch().from_numpy(scaled.astype(np.float32))


def _directions(changes: Floats) -> Floats:
    """Return changes (b, p, k) as rows (b, p k) of mean square one; zero where there is none."""
    flat = changes.reshape(len(changes), -1)
    size = np.sqrt(np.square(flat).mean(axis=1, keepdims=True))
    return np.asarray(flat / np.where(size > 0, size, 1.0))
