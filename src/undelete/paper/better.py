"""`hrec+` beside the paper's decoder: the same releases and deletions, several splits, one row a case.

A case is a population and a model, played split by split; each decoder sees the same `Release`. To add one, append to
`CASES` a `Case` whose `play` returns a `Game`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.data.images import IMAGES
from undelete.lab.files import header, prepare, save
from undelete.lab.images import TRIED, load
from undelete.lab.models import IMAGE_RIDGE, IMAGE_SOFTMAX, LOGISTIC, PIXELS, RIDGE, TRIED_FEATURES, Model
from undelete.lab.steps import TRIAL, Folder, Progress
from undelete.paper.better_images import pictures
from undelete.paper.better_tables import Played, income, wages
from undelete.paper.drawings.better import draw
from undelete.paper.measures import DECODERS, LEVELS, Game, attacked, decoder

FEATURES = (
    "ACS Income: the task's columns as numbers, standardised with the public half's means and deviations, and the "
    "constant 1; wages: the pipeline of `undelete demo`; images: the pixels scaled to [-1, 1], or random Fourier "
    "features of them, and the constant 1"
)
SETTINGS = (
    "those of hrec+ for tables chosen on people of Texas, who are in no table here; those for images settled on small "
    "copies of training images, and then tried on the data sets' test images, which are in no result "
    "(`benchmarks/decoder_settings.py`)"
)
_A_TRIAL = (
    f"A trial: fewer than {TRIAL} deletions are played on a tenth of the splits, and images on {TRIED:,} of them with "
    f"{TRIED_FEATURES:,} random features."
)


@dataclass(frozen=True)
class Target:
    """What a measure of `hrec+` was meant to reach: at least, or at most, a value."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float | None) -> bool:
        """Return whether a value reaches it."""
        if value is None:
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True)
class Case:
    """A population and a model.

    Parameters
    ----------
    key : str
        In the JSON.
    title : str
        In words.
    play : callable
        ``play(data_dir, deletions, seed, out) -> Game``; `out` may keep what is dear to make.
    splits : int
        How many halves are dealt: the experiment's seed and those after it.
    most : int
        Deletions on each split, at most.
    targets : sequence of Target
        What the better decoder was meant to reach.
    curve : str
        The score whose distribution is drawn.
    """

    key: str
    title: str
    play: Callable[[Folder | None, int, int, Path], Game]
    splits: int
    most: int
    targets: Sequence[Target] = ()
    curve: str = "exact_columns"


_TABLE_SPLITS, _TABLE_DELETIONS = 20, 400
_IMAGE_SPLITS, _IMAGE_DELETIONS = 3, 200
_TRIAL_SPLITS = 10  # times as few splits where so few deletions are asked for that it is a trial
_CALIBRATED, _QUICK = Target("calibration_error", at_most=0.05), Target("milliseconds", at_most=50)
_SURE_LABEL, _SECOND = Target("label", at_least=0.98), Target("milliseconds", at_most=1000)
_AHEAD = Target("deciles_ahead", at_least=1.0)
_DECILES = slice(len(LEVELS) // 10, -1, len(LEVELS) // 10)  # of a curve


def _table(key: str, title: str, play: Callable[..., Played], targets: Sequence[Target]) -> Case:
    def game(data_dir: Folder | None, deletions: int, seed: int, out: Path) -> Game:
        return attacked(play(data_dir, deletions, seed), seed)

    return Case(key, title, game, _TABLE_SPLITS, _TABLE_DELETIONS, (*targets, _CALIBRATED, _QUICK))


def _images(name: str, model: Model, targets: Sequence[Target] = ()) -> Case:
    play, title = partial(pictures, name, model), f"{IMAGES[name].title}, {model.label}"
    return Case(f"{name}_{model.key}", title, play, _IMAGE_SPLITS, _IMAGE_DELETIONS, (*targets, _SECOND), "cosine")


CASES: tuple[Case, ...] = (
    _table(
        "ca_ridge", "ACS Income CA, ridge regression", partial(income, "CA", RIDGE),
        (Target("exact_record", at_least=0.33), Target("surest_tenth", at_least=0.80)),
    ),
    _table(
        "ca_logistic", "ACS Income CA, logistic regression", partial(income, "CA", LOGISTIC),
        (Target("exact_record", at_least=0.28),),
    ),
    _table("wages", "Census 2000 wages, ridge regression", wages, (Target("exact_record", at_least=0.60),)),
    _images("mnist", PIXELS, (_AHEAD,)),
    _images("mnist", IMAGE_RIDGE),
    _images("mnist", IMAGE_SOFTMAX, (_AHEAD,)),
    _images("fashion_mnist", PIXELS, (Target("share_above_.99", at_least=0.35), _SURE_LABEL)),
    _images(
        "fashion_mnist", IMAGE_RIDGE, (Target("share_above_.99", at_least=0.75), Target("q10_cosine", at_least=0.96))
    ),
    _images("fashion_mnist", IMAGE_SOFTMAX, (_AHEAD,)),
    _images("cifar10", PIXELS, (_AHEAD,)),
    _images("cifar10", IMAGE_RIDGE, (Target("median_cosine", at_least=0.98),)),
    _images("cifar10", IMAGE_SOFTMAX, (_AHEAD,)),
)  # fmt: skip


def run(
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare the decoders, and write ``better.json``, ``better.svg`` and ``better.png`` into a folder.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA. The images may lie where `undelete data` puts them.
    out : path
        The folder; made when it is not there. What is fitted and retrained of images is kept in its ``cache``, and
        shared with the figures of images.
    deletions : int or None
        Deletions on each split, a case's `most` at most; None for that. Fewer than 50 are a trial: of a tenth of the
        splits, and of images on fewer.
    seed : int
        The first split's; the others follow.
    progress : callable, optional
        Called as progress(done, total, stage), in splits.

    Returns
    -------
    dict
        What the JSON holds: `cases`, one row each.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder = prepare(out)
    load(data_dir)  # before the tables' minutes: say now if there are no images
    trial = deletions is not None and deletions < TRIAL
    splits = {case.key: -(-case.splits // _TRIAL_SPLITS) if trial else case.splits for case in CASES}
    total = sum(splits.values())
    rows: list[dict[str, Any]] = []
    done = 0
    for case in CASES:
        games = []
        for split in range(splits[case.key]):
            if progress is not None:
                progress(done, total, case.title)
            count = case.most if deletions is None else min(deletions, case.most)
            games.append(case.play(data_dir, count, seed + split, folder))
            done += 1
        rows.append(_row(case, games, seed))
    if progress is not None:
        progress(done, total, CASES[-1].title)
    shows = "hrec+ and the paper's decoder on the same releases"
    result = header(
        "better", "Two decoders of the same deletions", shows, seed, deletions or "all", features=FEATURES
    ) | {
        "settings": SETTINGS,
        "levels": LEVELS.round(6).tolist(),
        "notes": [_A_TRIAL] if trial else [],
        "cases": rows,
    }
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _row(case: Case, games: Sequence[Game], seed: int) -> dict[str, Any]:
    """Return a case's row of the JSON."""
    accounts = [game.account for game in games]
    decoders = {name: decoder(name, games, case.curve, seed) for name in DECODERS}
    best = decoders[HREC_PLUS.name]["measures"]
    ours, paper = (np.array(decoders[name]["curve"])[_DECILES] for name in (HREC_PLUS.name, HREC.name))
    best["deciles_ahead"] = {"value": float((ours > paper).mean()), "low": None, "high": None, "by_split": []}
    decoders[HREC.name]["measures"]["deciles_ahead"] = dict.fromkeys(("value", "low", "high")) | {"by_split": []}
    return {
        "case": case.key, "title": accounts[0].get("title", case.title),
        "source": accounts[0]["source"], "target": accounts[0]["target"],
        "n": accounts[0]["n"], "m": accounts[0]["m"], "d": accounts[0]["d"],
        "seeds": [seed + k for k in range(len(games))],
        "deletions": sum(len(game.scores[HREC.name]) for game in games),
        "penalties": [account["penalty"] for account in accounts],
        "gradient_norm_largest": max(account["gradient_norm_largest"] for account in accounts),
        "columns": list(games[0].columns), "curve_of": case.curve, "decoders": decoders,
        "targets": [
            asdict(target) | {"value": best[target.measure]["value"], "met": target.met(best[target.measure]["value"])}
            for target in case.targets
        ],
    }  # fmt: skip


EXPERIMENTS = {"better": run}
"""By name, as `Experiment.run` calls it."""
