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
from typing import Any

from undelete.paper import Folder, Progress
from undelete.paper.better_drawing import draw
from undelete.paper.better_tables import Played, income, wages
from undelete.paper.files import FEATURES, header, prepare, save
from undelete.paper.measures import DECODERS, LEVELS, Game, attacked, decoder
from undelete.paper.models import LOGISTIC, RIDGE


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
        ``play(data_dir, deletions, seed) -> Played``.
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
    play: Callable[[Folder | None, int, int], Played]
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


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Compare the decoders, and write ``better.json``, ``better.svg`` and ``better.png`` into a folder.

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
        Called as progress(done, total), in splits.

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
    total = sum(case.splits for case in CASES)
    rows: list[dict[str, Any]] = []
    done = 0
    for case in CASES:
        games = []
        for split in range(case.splits):
            count = case.most if deletions is None else min(deletions, case.most)
            games.append(attacked(case.play(data_dir, count, seed + split), seed + split))
            done += 1
            if progress is not None:
                progress(done, total, "")
        rows.append(_row(case, games, seed))
    shows = "hrec+ and the paper's decoder on the same releases"
    result = header("better", "Two decoders of the same deletions", shows, seed, deletions or "all") | {
        "features": "ACS Income: " + FEATURES + "; wages: the pipeline of `undelete demo`",
        "settings": "those of hrec+ chosen on people of Texas, none of whom is in a table",
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
