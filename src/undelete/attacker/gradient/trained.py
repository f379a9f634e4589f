"""What a model would say of public records, had it been trained on them: maths (56).

A model gives way to each record that it is trained on, the more so the more parameters it has for its records. When
one of them is deleted, the answers of those that remain change by less than those of people the model never saw, and
public records, taken as they are, tell the deleted record's pull too large.

What a record's prediction z would be, had it been among the training records, is the z+ with z+ + q r(y, z+) = z, for
q = x' H^-1 x by the Hessian H of the others. So its answer before and after the deletion is found from what both models
say of it, and its own leverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss

PAYS = 0.01  # mean leverage from which it counts beside what public records miss by being others
ROUNDS = 6  # H is that of the training records' predictions, and these follow from H

_STEPS, _STEP, _EXACT = 100, 3.0, 1e-9  # of Newton's method


@dataclass(frozen=True, eq=False)
class Trained:
    """What public records would be among the training records.

    Parameters
    ----------
    loss : Loss
        Of the old model.
    Y : array (m, k)
        Their targets.
    q : array (m, k, k), or (m, k) of a separable loss
        x' H^-1 x, of each output by each.
    Z : array (m, k)
        Their predictions by the old model, had it been trained on them.
    """

    loss: Loss
    Y: Floats
    q: Floats
    Z: Floats

    @property
    def leverage(self) -> float:
        """The mean of a record's, of one output, before it is taken out of H."""
        C = bends(self.loss, self.Y, self.Z)
        total = (self.q * C).sum() if self.q.ndim == 2 else np.einsum("mij,mji->", self.q, C)
        return float(total) / self.Z.size

    def answers(self, Z: Floats, loss: Loss | None = None) -> Floats | None:
        """Return what another model, which says Z (m, k) of them, would say; its loss, where it is another."""
        return given_way(self.loss if loss is None else loss, self.Y, Z, self.q, Z)

    def change(self, Z_after: Floats, loss: Loss | None = None) -> Floats | None:
        """Return by how much (m, k) they would pull less on the old model than on another one: the summand of (19)."""
        later = self.answers(Z_after, loss)
        if later is None:
            return None
        return np.asarray(
            self.loss.residual(self.Y, self.Z) - (self.loss if loss is None else loss).residual(self.Y, later)
        )


def bends(loss: Loss, Y: Floats, Z: Floats) -> Floats:
    """Return each record's curvature, (m, k), or between its outputs (m, k, k)."""
    if loss.separable:
        return np.broadcast_to(np.asarray(loss.curvature(Y, Z)), Z.shape)
    return np.stack([np.asarray(loss.curvature_action(Y, Z, np.broadcast_to(one, Z.shape)))
                     for one in np.eye(Z.shape[1])], axis=2)  # fmt: skip


def given_way(loss: Loss, Y: Floats, Z: Floats, q: Floats, start: Floats) -> Floats | None:
    """Return z+ (m, k) with z+ + q r(y, z+) = z, by Newton's method; None where it does not come to an end."""
    found, size = start.copy(), 1 + float(np.abs(Z).max())
    for _ in range(_STEPS):
        r = np.asarray(loss.residual(Y, found))
        C = bends(loss, Y, found)
        if loss.separable:
            off = found + q * r - Z
            step = off / (1 + q * C)
        else:
            off = found + (q @ r[:, :, None])[:, :, 0] - Z
            step = np.linalg.solve(np.eye(Z.shape[1]) + q @ C, off[:, :, None])[:, :, 0]
        if not np.isfinite(step).all():
            return None
        if np.abs(off).max() <= _EXACT * size:
            return found
        found = found - step * (1.0 if loss.quadratic else np.minimum(1, _STEP / np.maximum(np.abs(step), _STEP)))
    return None
