"""Where a protected network is attacked by somebody who knows the defence, and used."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from undelete.attacker.networks.attack import attack
from undelete.attacker.networks.protected import knowing
from undelete.auditing.exposed import Named, best_guess, better, costs, exposed, named, spread
from undelete.maintainer.defences.of_networks import PrivateNetwork, ProtectedNetwork
from undelete.maths.arrays import Floats, Indices
from undelete.maths.loss import Loss
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth
from undelete.scoring.utility import Utility, utility

_ATTACKS = ("hrec+", "hrec")
_SHADOWS = 8  # trainings of the mechanism on public records, by which its law is found out


@dataclass(frozen=True, eq=False)
class NetworkArena:
    """Where a protected network is attacked and used.

    Parameters
    ----------
    private : PrivateNetwork
        The maintainer's own.
    release : NetworkRelease
        What anybody sees of it where there is no defence.
    loss : Loss
        The network's, of its outputs.
    truth : callable
        From rows (b,) to the private records in them, in the columns of a release.
    judge : SeedSequence
        Of the draws that judge a row.
    limit : float
        Exposure over which somebody who does not know the defence attacks, too.
    """

    private: PrivateNetwork
    release: NetworkRelease
    loss: Loss
    truth: Callable[[NDArray[np.int64], NetworkRelease], Truth]
    judge: np.random.SeedSequence
    limit: float

    def row(self, protected: ProtectedNetwork, defence: Named | None, strength: float | None) -> dict[str, Any]:
        """Return one row of the table."""
        rng = np.random.default_rng(self.judge)
        used, change = self._used(protected, rng)
        plain = self._utility(self.private.theta)
        return {
            **named(defence, strength, protected.budget),
            **self._attacked(protected, rng),
            **costs(used, plain, protected.budget, self.chance),
            "largest_change": change,
            "coefficients_moved": None,
        }

    @cached_property
    def chance(self) -> float:
        """How often the commonest whole public record, target included, comes up: the best guess before any release."""
        return best_guess(self.release.X_public, self.release.Y_public)

    def _attacked(self, protected: ProtectedNetwork, rng: np.random.Generator) -> dict[str, Any]:
        """Return what the strongest attack gets of the deletions, and what one gets that does not know the defence.

        Who knows a defence may act as if it were not there, and does so where that is better.
        """
        rows = self._exposed(protected)
        noise = protected.noise if protected.mechanism is None else self._found_out(protected, rng)
        plain = self._release(protected)
        told = knowing(plain, (noise, noise), protected.together)
        found = self._best(told, rows, rng)
        found["exposure_unknowing"] = None
        if told is not plain:
            alike = self._best(plain, rows, rng)
            apart = alike
            if protected.unknowing is not None:
                before, after = protected.unknowing
                apart = self._best(dataclasses.replace(plain, theta_before=before, theta_after=after), rows, rng)
            found = better(found, alike)
            found["exposure_unknowing"] = apart["exposure"] if found["exposure"] > self.limit else None
        found["quantiles"] = spread(found.pop("near"))
        return found

    def _release(self, protected: ProtectedNetwork) -> NetworkRelease:
        """Return what anybody sees of the networks."""
        n = self.release.n if protected.n is None else protected.n
        left = n - 1 if protected.members is None else n
        after = protected.l2 * (left / n) if self.private.averaged else protected.l2
        return dataclasses.replace(
            self.release, theta_before=protected.before, theta_after=protected.after, n=n,
            penalty_before=protected.l2, penalty_after=after,
        )  # fmt: skip

    def _found_out(self, protected: ProtectedNetwork, rng: np.random.Generator) -> Floats:
        """Return the covariance (p, p) of a training that is drawn at random, from trainings on public records."""
        assert protected.mechanism is not None
        public, n = self.private, self.private.fit.n
        rows = rng.choice(len(public.X_public), n, replace=len(public.X_public) < n)
        drawn = [protected.mechanism(public.X_public[rows], public.Y_public[rows], rng) for _ in range(_SHADOWS)]
        return np.asarray(ledoit_wolf(np.stack(drawn))[0])

    def _best(self, release: NetworkRelease, rows: Indices, rng: np.random.Generator) -> dict[str, Any]:
        attacked = attack(release, _ATTACKS)
        seen, truth = attacked.release, self.truth(rows, attacked.release)
        return reduce(better, [exposed(seen, truth, one, rng) for one in attacked.found.values()])

    def _exposed(self, protected: ProtectedNetwork) -> Indices:
        """Return the rows that are scored: of people who were deleted together the one whose gradient is largest."""
        if protected.members is None:
            return self.private.rows
        fit, theta = self.private.fit, self.private.theta
        largest = [
            members[(fit.network.gradients(theta, fit.X[members], fit.Y[members]) ** 2).sum(axis=1).argmax()]
            for members in protected.members
        ]
        return np.array(largest)

    def _utility(self, theta: Floats) -> Utility:
        Z = self.release.network.outputs(theta, self.release.X_public)
        return utility(self.loss, self._targets, Z, classes=bool(self.release.classes))

    @property
    def _targets(self) -> Floats:
        """Public targets as the loss of linear models takes them: one of several classes as 0 and 1."""
        Y = self.release.Y_public
        return np.maximum(Y, 0.0) if self.release.classes and Y.shape[1] > 1 else Y

    def _used(self, protected: ProtectedNetwork, rng: np.random.Generator) -> tuple[Utility, float]:
        """Return a protected network's utility, noise averaged over draws, and its largest change of an answer."""
        draws = [protected.again(rng) for _ in range(1 if protected.redraw is None else protected.draws)]
        each = [self._utility(theta) for theta in draws]
        mean = {
            field: np.mean([getattr(one, field) for one in each], axis=0)
            for field in ("value", "parts", "loss", "auc", "calibration")
        }
        network, X = self.release.network, self.release.X_public
        old, new = (np.asarray(self.loss.mean(network.outputs(t, X))) for t in (self.private.theta, draws[0]))
        used = Utility(
            each[0].name, float(mean["value"]), mean["parts"], float(mean["loss"]), float(mean["auc"]),
            float(mean["calibration"]),
        )  # fmt: skip
        return used, float(np.abs(new - old).max())
