"""The images on which the decoders are compared: the deletions of the paper's image figures."""

from __future__ import annotations

from pathlib import Path

from undelete.lab.fitting import deal
from undelete.lab.images import load
from undelete.lab.kept import Kept, attacking_code, digest
from undelete.lab.models import Model, tried
from undelete.lab.panel import play_release
from undelete.lab.steps import Folder, Steps
from undelete.paper.better_tables import Played
from undelete.paper.figure import shelf
from undelete.paper.measures import DECODERS, Game, attacked

_FORM = 1  # of what is kept of a game


def pictures(name: str, model: Model, data_dir: Folder | None, deletions: int, seed: int, out: Path) -> Game:
    """Play images, as in the paper's figures: see `undelete.lab.panel`.

    Parameters
    ----------
    name : str
        The data set.
    model : Model
        What is fitted.
    data_dir : path or None
        Where the data are.
    deletions : int
        How many, of all private images at most.
    seed : int
        Determines halves, features and deletions: the same as in the figures.
    out : path
        Keeps what is fitted and retrained, for the figures too, and the game.
    """
    population, model = load(data_dir, (name,), deletions)[0], tried(model, deletions)
    on_shelf, count = shelf(out, population, seed), min(deletions, population.n)
    _, mark = deal(model, population, seed, Steps())
    entry, key = f"decoders-{model.key}-{count}", digest(_FORM, mark, count, *DECODERS, attacking_code())
    kept = on_shelf.load(entry, key)
    if kept is None:
        game = attacked(Played(*play_release(population, model, count, seed, on_shelf)), seed)
        arrays = {
            f"{what}_{d}": array[d]
            for what, array in (("scores", game.scores), ("right", game.right))
            for d in DECODERS
        }
        played = {**game.account, "title": f"{population.name}, {model.label}"}
        account = {"game": played, "columns": game.columns, "seconds": game.seconds}
        kept = on_shelf.store(entry, key, arrays, account)
    return _game(kept)


def _game(kept: Kept) -> Game:
    scores, right = ({d: kept.arrays[f"{what}_{d}"] for d in DECODERS} for what in ("scores", "right"))
    return Game(kept.account["game"], kept.account["columns"], kept.account["seconds"], scores, right)
