"""The images on which the decoders are compared: the deletions of the paper's image figures."""

from __future__ import annotations

from pathlib import Path

from undelete.paper import Folder
from undelete.paper.better_tables import Played
from undelete.paper.figure import shelf
from undelete.paper.images import load
from undelete.paper.models import Model
from undelete.paper.panel import play_release


def pictures(name: str, model: Model, data_dir: Folder | None, deletions: int, seed: int, out: Path) -> Played:
    """Play images, as in the paper's figures: see `undelete.paper.panel`.

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
        Keeps what is fitted and retrained, for the figures too.
    """
    population = load(data_dir, (name,))[0]
    kept = shelf(out, population, seed)
    return Played(*play_release(population, model, min(deletions, population.n), seed, kept))
