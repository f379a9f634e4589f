"""Networks: what a deletion gives back of people, and under which trainings it gives back nothing and says so.

`mlp` trains networks to the optimum with and without a person and attacks the pair, on several splits, beside plain
gradient matching, guesses and the bound of who knows the gradient. Settings were fixed on other splits than those that
the results page shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.networks.attack import NAMES, Attacked, attack
from undelete.attacker.networks.columns import on_columns
from undelete.attacker.networks.estimate import Estimator, GradientEstimate
from undelete.attacker.networks.record import Decoder
from undelete.attacker.networks.told import joined
from undelete.lab.files import header, prepare, save
from undelete.lab.matching import matched
from undelete.lab.networks import Case, Trained, optimum, prepared
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maintainer.networks import retrain_without
from undelete.maths.arrays import Floats
from undelete.paper.drawings.networks import draw
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction
from undelete.scoring.calibration import calibration_error
from undelete.scoring.intervals import mean_interval
from undelete.scoring.table import columns_right, score
from undelete.scoring.truth import Truth

FEATURES = (
    "columns standardised with the public records' means and deviations, or categories as indicators: a fixed "
    "preprocessing that everybody knows"
)
CASES = (
    Case("acs8", "ACS Income CA, ten numbers, 8 softplus units", 10_000, 10_000, (8,), 3e-4),
    Case("income", "ACS Mobility, logarithm of income, 8 softplus units", 8_000, 8_000, (8,), 3e-4, number=True),
    Case("onehot", "ACS Income CA, categories as indicators, 6 softplus units", 8_000, 8_000, (6,), 3e-4, onehot=True),
    Case("acs16", "ACS Income CA, ten numbers, 16 softplus units", 10_000, 10_000, (16,), 3e-4),
)
SPLIT = "private and public records drawn apart at random by the seed"
SPLITS, EACH, MATCHED = 3, 14, 4  # splits, deletions on each, and of these how many are matched plainly, or known
_KNOWN = 1e-6  # of a record's own gradient: the deviation that is taken for known exactly
_DECIMALS = 6


def mlp(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack networks that were trained to the optimum, and write ``mlp.json`` with a picture.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Of each case, over all splits, at most 42; None for that.
    seed : int
        The first split's; the others follow.
    progress : callable, optional
        Called as progress(done, total, stage), in splits.
    """
    folder, steps = prepare(out), Steps(len(CASES) * SPLITS, progress)
    each = max(1, min(EACH, -(-(deletions or SPLITS * EACH) // SPLITS)))
    rows = []
    for case in CASES:
        games = []
        for split in range(SPLITS):
            steps.begin(case.title)
            games.append(_played(case, data_dir, seed + split, each))
            steps.add(1)
        rows.append(_row(case, games, seed))
    shows = "records of people behind networks, from two optima"
    result = header("mlp", "Multilayer perceptrons", shows, seed, each * SPLITS, features=FEATURES) | {
        "split": SPLIT, "notes": [], "networks": rows,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


class _Game:
    """One split: the scores of each attack (b,) by name, and what is said of the gradients."""

    def __init__(self, trained: Trained, release: NetworkRelease, truth: Truth, attacked: Attacked) -> None:
        self.trained, self.release, self.truth, self.attacked = trained, release, truth, attacked
        self.found: dict[str, Reconstruction] = dict(attacked.found)
        assert truth.Y is not None
        Y = release.as_loss(truth.Y)
        self.own = -release.network.gradients(release.theta_before, truth.X, Y)

    @property
    def gradients(self) -> list[GradientEstimate]:
        """The estimates."""
        return [one for one in self.attacked.gradients if one is not None]

    def chi2(self) -> Floats:
        """Return the squared distance of each estimate from the true gradient, a parameter."""
        off = [one.whitening @ (one.gradient - own) for one, own in zip(self.gradients, self.own, strict=True)]
        return np.array([float(v @ v) / len(v) for v in off])


def _played(case: Case, data_dir: Folder | None, seed: int, each: int) -> _Game:
    trained = prepared(case, data_dir, seed)
    theta = optimum(trained)
    rows = np.sort(np.random.default_rng([seed, 1]).choice(case.n, each, replace=False))
    after = retrain_without(trained.fit, theta, rows)
    release = trained.released(theta, [one.theta for one in after])
    game = _Game(trained, release, trained.truth(rows), attack(release, NAMES))
    estimator = Estimator(release)
    few = release.take(slice(0, MATCHED))
    game.found["informed"] = _informed(few, estimator, game.own[:MATCHED])
    plain = np.stack([estimator.plain(i, estimator.means(i)[0]).gradient for i in range(few.deletions)])
    game.found["matching"] = matched(few, plain, np.random.default_rng([seed, 2]))
    return game


def _informed(release: NetworkRelease, estimator: Estimator, own: Floats) -> Reconstruction:
    """Return what comes back when the gradients (b, p) are known: the bound of who holds all other records."""
    decoder, told = Decoder(release, estimator.own), []
    for G in own:
        known = np.eye(len(G)) * (_KNOWN * float(np.linalg.norm(estimator.own) / np.sqrt(len(estimator.own)))) ** 2
        exact = GradientEstimate(Difference.exact(G[None, :, None]), known, 0.0, False)
        told.append(on_columns(release, decoder, exact))
    return joined(release, told)


def _row(case: Case, games: Sequence[_Game], seed: int) -> dict[str, Any]:
    """Return a case's row of the JSON."""
    names = list(games[0].found)
    scores = {name: _scores(games, name) for name in names}
    right = np.concatenate([_right(game, "hrec+") for game in games])
    said = np.concatenate([np.nan_to_num(_probability(game)) for game in games])
    whole, sure = right.all(axis=1), np.concatenate([game.found["hrec+"].confidence for game in games])
    account = [game.attacked.account for game in games]
    low, high = mean_interval(right.mean(axis=1), np.random.default_rng([seed, 3]))
    return {
        "case": case.key, "title": case.title, "source": games[0].trained.source, "n": case.n, "m": case.m,
        "parameters": games[0].release.network.parameters, "decay": case.decay,
        "seeds": [seed + k for k in range(len(games))], "deletions": len(right),
        "attacks": {name: {key: _plain(value) for key, value in _medians(one).items()} for name, one in scores.items()},
        "curves": {
            name: np.sort(np.nan_to_num(one["centred_cosine"])).round(_DECIMALS).tolist()
            for name, one in scores.items()
        },
        "exact_columns_low": _plain(low), "exact_columns_high": _plain(high), "said": _plain(float(said.mean())),
        "whole": _plain(float(whole.mean())), "whole_said": _plain(float(np.nan_to_num(sure).mean())),
        "calibration_error": _plain(calibration_error(sure, whole.astype(float))),
        "chi2": _plain(float(np.median(np.concatenate([game.chi2() for game in games])))),
        "misfit": _plain(float(np.median(np.concatenate([one.misfit / one.freedom for one in account])))),
        "relative": _plain(float(np.median(np.concatenate([one.relative for one in account])))),
        "by_split": [_plain(float(_right(game, "hrec+").mean())) for game in games],
    }  # fmt: skip


def _scores(games: Sequence[_Game], name: str) -> dict[str, Floats]:
    parts = []
    for game in games:
        found = game.found[name]
        view = game.release.take(slice(0, len(found.X)))
        parts.append(score(view, game.truth.take(slice(0, len(found.X))), found))
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _medians(scores: dict[str, Floats]) -> dict[str, float]:
    centred = np.nan_to_num(scores["centred_cosine"])
    return {
        "deletions": len(centred), "median_cosine": float(np.median(np.nan_to_num(scores["cosine"]))),
        "median_centred_cosine": float(np.median(centred)), "q10_centred_cosine": float(np.quantile(centred, 0.1)),
        "exact_columns": float(scores["exact_columns"].mean()), "label": float(scores["label"].mean()),
        "median_target_error": float(np.median(scores["target_error"])),
    }  # fmt: skip


def _right(game: _Game, name: str) -> Floats:
    found = columns_right(game.release, game.truth, game.found[name])
    assert found is not None
    return np.asarray(found, dtype=np.float64).astype(bool)


def _probability(game: _Game) -> Floats:
    said = game.found["hrec+"].probability
    assert said is not None
    return np.asarray(said)


def _plain(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return round(float(value), _DECIMALS) if np.isfinite(value) else None


EXPERIMENTS = {"mlp": mlp}
"""By name, as `Experiment.run` calls it."""
