"""Networks: what a deletion gives back, of people and of images, where both models are at the optimum.

`mlp` (people) and `cnn` (images) train networks to the optimum with and without a record and attack the pair, on
several splits, beside plain gradient matching, guesses and the bound of who knows the gradient. Settings were fixed on
other splits than those that the results page shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.networks.attack import NAMES, attack
from undelete.attacker.networks.columns import Located, on_columns
from undelete.attacker.networks.estimate import Estimator, GradientEstimate
from undelete.attacker.networks.record import Decoder
from undelete.attacker.networks.told import joined
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Kept, Shelf, code_of, digest
from undelete.lab.matching import matched
from undelete.lab.network_images import ImageCase, prepared_images
from undelete.lab.networks import Case, optimum, prepared
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maintainer.networks import retrain_without
from undelete.maths.arrays import Floats
from undelete.paper.drawings.networks import draw
from undelete.paper.needs import sizes
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction
from undelete.scoring.calibration import calibration_error
from undelete.scoring.intervals import mean_interval
from undelete.scoring.table import columns_right, score

FEATURES = (
    "columns standardised with the public records' means and deviations, categories as indicators, or pixels of "
    "[-1, 1]: a fixed preprocessing that everybody knows"
)
CASES: tuple[Case | ImageCase, ...] = (
    Case("acs8", "ACS Income CA, ten numbers, 8 softplus units", 10_000, 10_000, (8,), 3e-4),
    Case("income", "ACS Mobility, logarithm of income, 8 softplus units", 8_000, 8_000, (8,), 3e-4, number=True),
    Case("onehot", "ACS Income CA, categories as indicators, 6 softplus units", 8_000, 8_000, (6,), 3e-4, onehot=True),
    Case("acs16", "ACS Income CA, ten numbers, 16 softplus units", 10_000, 10_000, (16,), 3e-4),
)
IMAGE_CASES: tuple[Case | ImageCase, ...] = (
    ImageCase("mnist7", "MNIST, 7 x 7, two convolutions and a dense layer", 6_000, 6_000, 7, "convolutions", (3, 4),
              1e-3),
    ImageCase("mnist14", "MNIST, 14 x 14, 6 tanh units", 15_000, 15_000, 14, "dense", (6,), 1e-3),
)  # fmt: skip
SPLIT = "private and public records drawn apart at random by the seed"
SPLITS, EACH, MATCHED = 3, 14, 4  # splits, deletions on each, and of these how many are matched plainly, or known
_FEWER = 2  # times as few deletions of images: training takes most of the time
_KNOWN = 1e-6  # of a record's own gradient: the deviation that is taken for known exactly
_DECIMALS = 6
_SCORES = ("cosine", "centred_cosine", "exact_columns", "label", "target_error")


def mlp(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack multilayer perceptrons that were trained to the optimum, and write ``mlp.json`` with a picture.

    What is done of a case and a split is kept in the folder `cache` and not done again.

    Parameters
    ----------
    data_dir : path or None
        Where the data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Of each case, over all splits, at most 42; None for that.
    seed : int
        The first split's; the others follow.
    progress : callable, optional
        Called as progress(done, total, stage), in splits.
    """
    plan = _Plan("mlp", "Multilayer perceptrons", "records behind networks, from two optima", CASES)
    return _all(plan, data_dir, out, deletions, seed, progress)


def cnn(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack networks on images that were trained to the optimum, and write ``cnn.json``; see `mlp`.

    Deletions are half as many.
    """
    plan = _Plan("cnn", "Networks on images", "images behind networks, from two optima", IMAGE_CASES)
    return _all(plan, data_dir, out, deletions, seed, progress)


@dataclass(frozen=True)
class _Plan:
    """What an experiment plays."""

    name: str
    title: str
    shows: str
    cases: Sequence[Case | ImageCase]


def _all(
    plan: _Plan, data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None
) -> dict[str, Any]:
    played, trial = splits(SPLITS, EACH, deletions)
    folder, steps = prepare(out), Steps(played * len(plan.cases), progress)
    shelf = Shelf(folder / "cache" / f"networks-seed-{seed}")
    each = max(1, min(EACH, -(-(deletions or SPLITS * EACH) // played)))
    rows = []
    for case in plan.cases:
        games = []
        count = max(1, each // _FEWER) if isinstance(case, ImageCase) else each
        data = sizes(("mnist",) if isinstance(case, ImageCase) else ("acs", "acs_us"), data_dir)
        key = digest(code_of(__name__), data, case, count, seed)
        for split in range(played):
            steps.begin(case.title)
            kept = shelf.load(f"{case.key}-{split}", key)
            if kept is None:
                kept = shelf.store(f"{case.key}-{split}", key, *_played(case, data_dir, seed + split, count))
            games.append(kept)
            steps.add(1)
        rows.append(_row(case, games, seed))
    result = header(plan.name, plan.title, plan.shows, seed, each * played, features=FEATURES) | {
        "split": SPLIT, "notes": trial, "networks": rows,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _played(
    case: Case | ImageCase, data_dir: Folder | None, seed: int, each: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Play one split: the scores of each attack (b,), and what is said of the gradients."""
    trained = prepared_images(case, data_dir, seed) if isinstance(case, ImageCase) else prepared(case, data_dir, seed)
    theta = optimum(trained)
    rows = np.sort(np.random.default_rng([seed, 1]).choice(case.n, each, replace=False))
    after = retrain_without(trained.fit, theta, rows)
    release, truth = trained.released(theta, [one.theta for one in after]), trained.truth(rows)
    assert truth.Y is not None
    attacked = attack(release, NAMES, further=False)  # the truth is in columns as public records have them
    own = -release.network.gradients(release.theta_before, truth.X, release.as_loss(truth.Y))
    found = dict(attacked.found)
    few, estimator = release.take(slice(0, MATCHED)), Estimator(release)
    found["informed"] = _informed(few, estimator, own[:MATCHED])
    plain = np.stack([estimator.plain(i, estimator.means(i)[0]).gradient for i in range(few.deletions)])
    found["matching"] = matched(few, plain, np.random.default_rng([seed, 2]))
    arrays: dict[str, Any] = {}
    for name, one in found.items():
        part = slice(0, len(one.X))
        scores = score(release.take(part), truth.take(part), one)
        arrays |= {f"{name}/{key}": scores[key] for key in _SCORES}
    main, right = found["hrec+"], columns_right(release, truth, found["hrec+"])
    if right is not None:
        assert main.probability is not None
        arrays |= {"right": right, "said": np.nan_to_num(main.probability), "sure": main.confidence}
    estimates = (estimator.estimate(i) for i in range(release.deletions))  # one at a time: each has p x p numbers
    off = [one.whitening @ (one.gradient - true) for one, true in zip(estimates, own, strict=True)]
    account = attacked.account
    arrays |= {"chi2": np.array([float(v @ v) / len(v) for v in off]), "relative": account.relative,
               "misfit": account.misfit / account.freedom}  # fmt: skip
    if isinstance(case, ImageCase):
        arrays |= {"true": truth.X, "recovered": main.X, "guess": found["nearest"].X}
    return arrays, {"source": trained.source, "parameters": release.network.parameters,
                    "left": max(one.gradient_norm for one in after)}  # fmt: skip


def _informed(release: NetworkRelease, estimator: Estimator, own: Floats) -> Reconstruction:
    """Return what comes back when the gradients (b, p) are known: the bound of who holds all other records."""
    decoder, told = Decoder(release, estimator.own), []
    for G in own:
        known = np.eye(len(G)) * (_KNOWN * float(np.linalg.norm(estimator.own) / np.sqrt(len(estimator.own)))) ** 2
        exact = GradientEstimate(Difference.exact(G[None, :, None]), known, 0.0, False)
        told.append(on_columns(release, decoder, Located.by(decoder, exact)))
    return joined(release, told)


def _row(case: Case | ImageCase, games: Sequence[Kept], seed: int) -> dict[str, Any]:
    """Return a case's row of the JSON."""

    def of_all(name: str) -> Floats:
        return np.concatenate([game.arrays[name] for game in games])

    names = [name.split("/")[0] for name in games[0].arrays if name.endswith("/cosine")]
    scores = {name: {key: of_all(f"{name}/{key}") for key in _SCORES} for name in names}
    row = {
        "case": case.key, "title": case.title, "source": games[0].account["source"], "n": case.n, "m": case.m,
        "parameters": games[0].account["parameters"], "decay": case.decay,
        "seeds": [seed + k for k in range(len(games))], "deletions": len(of_all("misfit")),
        "gradient_norm_largest": max(game.account["left"] for game in games),
        "attacks": {name: {key: _plain(value) for key, value in _medians(one).items()} for name, one in scores.items()},
        "curves": {
            name: np.sort(np.nan_to_num(one["centred_cosine"])).round(_DECIMALS).tolist()
            for name, one in scores.items()
        },
    }  # fmt: skip
    row |= {name: _plain(float(np.median(of_all(name)))) for name in ("chi2", "misfit", "relative")}
    row |= _calibrated(games, seed) if "right" in games[0].arrays else {}
    if isinstance(case, ImageCase):
        row["side"] = case.side
        row["shown"] = {name: games[0].arrays[name].round(2).tolist() for name in ("true", "recovered", "guess")}
    return row


def _calibrated(games: Sequence[Kept], seed: int) -> dict[str, Any]:
    """Return how many columns are right beside how many were told to be."""
    right, said, sure = (np.concatenate([game.arrays[name] for game in games]) for name in ("right", "said", "sure"))
    right = right.astype(bool)
    whole = right.all(axis=1)
    low, high = mean_interval(right.mean(axis=1), np.random.default_rng([seed, 3]))
    return {
        "exact_columns_low": _plain(low), "exact_columns_high": _plain(high), "said": _plain(float(said.mean())),
        "whole": _plain(float(whole.mean())), "whole_said": _plain(float(np.nan_to_num(sure).mean())),
        "calibration_error": _plain(calibration_error(sure, whole.astype(float))),
        "by_split": [_plain(float(game.arrays["right"].mean())) for game in games],
    }  # fmt: skip


def _medians(scores: dict[str, Floats]) -> dict[str, float]:
    centred = np.nan_to_num(scores["centred_cosine"])
    return {
        "deletions": len(centred), "median_cosine": float(np.median(np.nan_to_num(scores["cosine"]))),
        "median_centred_cosine": float(np.median(centred)), "q10_centred_cosine": float(np.quantile(centred, 0.1)),
        "exact_columns": float(scores["exact_columns"].mean()), "label": float(scores["label"].mean()),
        "median_target_error": float(np.median(scores["target_error"])),
    }  # fmt: skip


def _plain(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return round(float(value), _DECIMALS) if np.isfinite(value) else None


EXPERIMENTS = {"mlp": mlp, "cnn": cnn}
"""By name, as `Experiment.run` calls it."""
