"""`hrec+` beside the paper's decoder: the same releases and deletions, several splits, one row a case.

A case is a population and a model, played split by split; each decoder sees the same `Release`. To add one, append to
`CASES` a `Case` whose `play` returns a `Played`.

The settings of `hrec+` were chosen on people of Texas, those of its prior by held-out likelihood and the others by
games among them. None of them is in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from undelete.paper import Folder, Progress
from undelete.paper.better_drawing import draw
from undelete.paper.better_images import pictures
from undelete.paper.better_tables import Played, income, wages
from undelete.paper.files import FEATURES, header, prepare, save
from undelete.paper.files import PIXELS as PIXELS_AS
from undelete.paper.measures import DECODERS, LEVELS, Game, attacked, decoder
from undelete.paper.models import IMAGE_RIDGE, LOGISTIC, PIXELS, RIDGE


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
        ``play(data_dir, deletions, seed, out) -> Played``; `out` may keep what is dear to make.
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
    play: Callable[[Folder | None, int, int, Path], Played]
    splits: int
    most: int
    targets: Sequence[Target] = ()
    curve: str = "exact_columns"


_CALIBRATED, _QUICK = Target("calibration_error", at_most=0.05), Target("milliseconds", at_most=50)
CASES: tuple[Case, ...] = (
    Case(
        "ca_ridge", "ACS Income CA, ridge regression", partial(income, "CA", RIDGE), 10, 400,
        (Target("exact_record", at_least=0.33), Target("surest_tenth", at_least=0.80), _CALIBRATED, _QUICK),
    ),
    Case(
        "ca_logistic", "ACS Income CA, logistic regression", partial(income, "CA", LOGISTIC), 10, 400,
        (Target("exact_record", at_least=0.28), _CALIBRATED, _QUICK),
    ),
    Case(
        "wages", "Census 2000 wages, ridge regression", wages, 10, 400,
        (Target("exact_record", at_least=0.60), _CALIBRATED, _QUICK),
    ),
)  # fmt: skip

_SURE_LABEL = Target("label", at_least=0.98)
IMAGE_CASES: tuple[Case, ...] = (
    Case(
        "fashion_ridge", "Fashion-MNIST, ridge on 4,096 RFF", partial(pictures, "fashion_mnist", IMAGE_RIDGE), 1, 200,
        (Target("share_above_.99", at_least=0.75), Target("q10_cosine", at_least=0.96)), "cosine",
    ),
    Case("mnist_ridge", "MNIST, ridge on 4,096 RFF", partial(pictures, "mnist", IMAGE_RIDGE), 1, 200, (), "cosine"),
    Case(
        "cifar_ridge", "CIFAR-10, ridge on 4,096 RFF", partial(pictures, "cifar10", IMAGE_RIDGE), 1, 200,
        (Target("median_cosine", at_least=0.98),), "cosine",
    ),
    Case(
        "fashion_pixels", "Fashion-MNIST, softmax on pixels", partial(pictures, "fashion_mnist", PIXELS), 1, 200,
        (Target("share_above_.99", at_least=0.35), _SURE_LABEL), "cosine",
    ),
    Case("mnist_pixels", "MNIST, softmax on pixels", partial(pictures, "mnist", PIXELS), 1, 200, (), "cosine"),
)  # fmt: skip


def run(
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
    *,
    images: bool = False,
) -> dict[str, Any]:
    """Compare the decoders, and write ``better.json``, ``better.svg`` and ``better.png`` into a folder.

    Of images the files are called ``better_images``: what is fitted and retrained is shared with the figures of images.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Deletions on each split, a case's `most` at most; None for that.
    seed : int
        The first split's; the others follow.
    progress : callable, optional
        Called as progress(done, total, stage), in splits.
    images : bool
        Whether images are compared, or tables.

    Returns
    -------
    dict
        What the JSON holds: `cases`, one row each.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder, cases = prepare(out), IMAGE_CASES if images else CASES
    total = sum(case.splits for case in cases)
    rows: list[dict[str, Any]] = []
    done = 0
    for case in cases:
        games = []
        for split in range(case.splits):
            count = case.most if deletions is None else min(deletions, case.most)
            games.append(attacked(case.play(data_dir, count, seed + split, folder), seed + split))
            done += 1
            if progress is not None:
                progress(done, total, case.title)
        rows.append(_row(case, games, seed))
    shows = "hrec+ and the paper's decoder on the same releases"
    name, title = ("better_images" if images else "better"), "Two decoders of the same deletions"
    features = PIXELS_AS if images else "ACS Income: " + FEATURES + "; wages: the pipeline of `undelete demo`"
    of_texas = "those of hrec+ chosen on people of Texas, none of whom is in a table"
    of_images = (
        "the rules of hrec+ for images were settled on 14 x 14 copies of 15,000 Fashion-MNIST training images, which "
        "overlap those scored here, and the damping of rare pixels after a first run on these splits: not on public "
        "records alone"
    )
    result = header(name, title, shows, seed, deletions or "all", features=features) | {
        "settings": of_images if images else of_texas,
        "levels": LEVELS.round(6).tolist(),
        "notes": [],
        "cases": rows,
    }
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _row(case: Case, games: Sequence[Game], seed: int) -> dict[str, Any]:
    """Return a case's row of the JSON."""
    accounts = [game.account for game in games]
    decoders = {name: decoder(name, games, case.curve, seed) for name in DECODERS}
    best = decoders["hrec+"]["measures"]
    return {
        "case": case.key, "title": case.title, "source": accounts[0]["source"], "target": accounts[0]["target"],
        "n": accounts[0]["n"], "m": accounts[0]["m"], "d": accounts[0]["d"],
        "seeds": [seed + k for k in range(len(games))],
        "deletions": sum(len(game.scores["hrec"]) for game in games),
        "penalties": [account["penalty"] for account in accounts],
        "gradient_norm_largest": max(account["gradient_norm_largest"] for account in accounts),
        "columns": list(games[0].columns), "curve_of": case.curve, "decoders": decoders,
        "targets": [
            asdict(target) | {"value": best[target.measure]["value"], "met": target.met(best[target.measure]["value"])}
            for target in case.targets
        ],
    }  # fmt: skip
