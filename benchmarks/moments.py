"""Which noise in second moments costs least: three ways to (epsilon, delta) privacy of least squares.

    python benchmarks/moments.py --data DIR

Income over 50,000 dollars as 0/1 of people of California, the ten columns standardised; the median over draws of what
R2 loses on other people. *standing penalty*: noise in both moments at once, and a penalty as large as the noise
(sufficient statistics perturbation). *AdaSSP*: a third of the squared budget each for the least eigenvalue, for X'X and
for X'y, and a penalty where the records need one (Wang 2018). *by public records*: noise in both moments at once, and
the penalty that is best on public records: `NoisyMoments` itself.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undelete.data.acs import acs_income
from undelete.maintainer.defences.defence import Private
from undelete.maintainer.defences.gaussian import mu_of
from undelete.maintainer.defences.noisy import NoisyMoments
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import Squared
from undelete.maths.objective import Objective

Floats = NDArray[np.float64]
SIZES, EPSILONS, DRAWS, DELTA = (39_133, 10_000, 3000), (0.3, 1.0, 3.0), 60, 1e-6


def game(data: Path, n: int) -> Private:
    """Return n private people and as many public ones."""
    people = acs_income("CA", data)
    order = np.random.default_rng(n).permutation(people.n)
    X = people.table.drop(columns=people.target).to_numpy(float)
    X = np.c_[(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))]
    Y = people.table[[people.target]].to_numpy(float)
    own, other = order[:n], order[n : 2 * n]
    objective = Objective(X[own], Y[own], Squared(), np.r_[np.ones(X.shape[1] - 1), 0.0])
    W = np.asarray(fit(objective).W)
    return Private(objective, W, retrain_without(objective, W, np.array([0])), X[other], Y[other], has_constant=True)


def moments(game: Private) -> tuple[Floats, Floats, float, float, float]:
    """Return the clipped moments in units, the records' and the targets' bounds, and the target's unit."""
    size = float(np.sqrt((game.Y_public**2).mean()))
    most = float(np.quantile(np.abs(game.Y_public / size), 0.99))
    X = game.clipped(game.objective.X) / game.unit
    Y = np.clip(game.objective.Y / size, -most, most)
    return X.T @ X + np.diag(game.objective.l2 / game.unit**2), X.T @ Y, game.bound, most, size


def solved(game: Private, A: Floats, C: Floats, size: float, rng: np.random.Generator, noise: tuple[float, float],
           penalty: float) -> Floats:  # fmt: skip
    """Return the parameters of moments with noise."""
    upper = np.triu(rng.normal(0.0, noise[0], A.shape))
    A = A + upper + np.triu(upper, 1).T + penalty * np.eye(len(A))
    return np.asarray(np.linalg.solve(A, C + rng.normal(0.0, noise[1], C.shape)) * size / game.unit[:, None])


def one_draw(game: Private, epsilon: float, rng: np.random.Generator) -> Floats:
    """Return least squares with noise in one draw and a penalty for its worst."""
    A, C, R, B, size = moments(game)
    sigma = R * math.sqrt(R**2 + B**2) / mu_of(epsilon, DELTA)
    return solved(game, A, C, size, rng, (sigma, sigma), 2 * sigma * math.sqrt(len(A) / 2))


def ada(game: Private, epsilon: float, rng: np.random.Generator) -> Floats:
    """Return AdaSSP with thirds of the squared budget."""
    A, C, R, B, size = moments(game)
    mu = mu_of(epsilon, DELTA) / math.sqrt(3)
    seen = float(np.linalg.eigvalsh(A)[0]) + rng.normal(0.0, R**2 / mu) - 1.64 * R**2 / mu
    penalty = max(0.0, 2 * R**2 / mu * math.sqrt(len(A)) - max(seen, 0.0))
    return solved(game, A, C, size, rng, (R**2 / mu, R * B / mu), penalty)


def by_public(game: Private, epsilon: float, rng: np.random.Generator) -> Floats:
    """Return the project's own."""
    return NoisyMoments(delta=DELTA).protect(game, epsilon, rng).W_before


WAYS: dict[str, Callable[[Private, float, np.random.Generator], Floats]] = {
    "standing penalty": one_draw, "AdaSSP": ada, "by public records": by_public,
}  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    print(f"| n | epsilon | R2 | {' | '.join(f'loss, {way}' for way in WAYS)} |")
    print("|---" * (3 + len(WAYS)) + "|")
    for n in SIZES:
        played = game(options.data, n)
        spread = float(played.Y_public.var())

        def r2(W: Floats, played: Private = played, spread: float = spread) -> float:
            return 1 - float(((played.Y_public - played.X_public @ W) ** 2).mean()) / spread

        best = r2(played.W)
        for epsilon in EPSILONS:
            losses = []
            for way in WAYS.values():
                rng = np.random.default_rng(0)
                losses.append(best - float(np.median([r2(way(played, epsilon, rng)) for _ in range(DRAWS)])))
            print(f"| {n:,} | {epsilon:g} | {best:.4f} | {' | '.join(f'{loss:.4f}' for loss in losses)} |", flush=True)


if __name__ == "__main__":
    main()
