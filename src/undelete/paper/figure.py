"""The figures of similarity curves: a row of panels for each model, a column for each population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undelete.lab.files import FEATURES, HONEST, PIXELS, header, prepare, save
from undelete.lab.kept import Kept, Shelf
from undelete.lab.models import Model, tried
from undelete.lab.panel import ATTACKS, play_panel
from undelete.lab.population import Population
from undelete.lab.steps import Folder, Progress, Steps
from undelete.lab.summary import LEVELS
from undelete.paper.drawings.sheet import draw

SIMILARITY = (
    "cosine in the model's space without the constant. The public mean is the origin there, so this cosine is the "
    "centred one, and Avg, which has no direction, counts as 0. 'uncentred' divides columns by their deviations "
    "and leaves their means in, which flatters every guess"
)
PIXEL_SIMILARITY = (
    "cosine of the pixels, scaled to [-1, 1], as in the paper: it flatters every guess on images that are alike. "
    "'centred' is the cosine less the public mean, which gives an average guess nothing; 'embedding' that of the "
    "random features before the search for the image"
)


@dataclass(frozen=True)
class Figure:
    """What one command draws.

    Parameters
    ----------
    name, title, shows : str
        Of the figure, and what it is after.
    models : sequence of Model
        One row of panels each.
    populations : callable
        From the data folder and the deletions to the populations, one column each, and notes.
    attacks : sequence of str
        The curves in a panel, names in `undelete.attacker.attacks.ATTACKS`.
    images : bool
        Whether the records are images.
    notes : sequence of str
        What a reader should keep in mind.
    """

    name: str
    title: str
    shows: str
    models: Sequence[Model]
    populations: Callable[[Folder | None, int | None], tuple[Sequence[Population], list[str]]]
    attacks: Sequence[str] = ATTACKS
    images: bool = False
    notes: Sequence[str] = ()


def reproduce(
    figure: Figure,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play a figure's panels, and write ``NAME.json``, ``NAME.svg`` and ``NAME.png`` into a folder.

    Parameters
    ----------
    figure : Figure
        What to play.
    data_dir : path or None
        Where the data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there. Panels are kept in its ``cache``, so that a run can go on.
    deletions : int or None
        Deletions a panel, all of the private half at most; None for all, as in the paper.
    seed : int
        Determines halves, folds and deletions, so a population's are the same in every figure.
    progress : callable, optional
        Called as progress(done, total, stage), in deletions times (attacks + 1).

    Returns
    -------
    dict
        What the JSON holds: plain numbers, strings, lists and dictionaries.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder = prepare(out)
    populations, notes = figure.populations(data_dir, deletions)
    models = [tried(model, deletions) for model in figure.models]
    panels = play_panels(models, populations, folder, deletions, seed, progress, figure)
    result = header(
        figure.name, figure.title, figure.shows, seed, "all" if deletions is None else deletions,
        features=PIXELS if figure.images else FEATURES,
    ) | {
        "similarity": PIXEL_SIMILARITY if figure.images else SIMILARITY,
        "notes": [HONEST, *figure.notes, *notes],
        "levels": LEVELS.round(6).tolist(),
        "rows": [
            {"model": model.label, "panels": [panel.account for panel in row]}
            for model, row in zip(models, panels, strict=True)
        ],
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def play_panels(
    models: Sequence[Model],
    populations: Sequence[Population],
    folder: Path,
    deletions: int | None,
    seed: int,
    progress: Progress | None,
    figure: Figure,
) -> list[list[Kept]]:
    """Return a panel for each model and population."""
    counts = [p.n if deletions is None else min(deletions, p.n) for p in populations]
    steps = Steps(len(models) * (len(figure.attacks) + 1) * sum(counts), progress)
    return [
        [
            play_panel(
                population, model, count, seed, steps, attacks=figure.attacks,
                shelf=shelf(folder, population, seed),
            )
            for population, count in zip(populations, counts, strict=True)
        ]
        for model in models
    ]  # fmt: skip


def shelf(folder: Path, population: Population, seed: int) -> Shelf:
    """Return where a population's fits, deletions and panels are kept."""
    return Shelf(folder / "cache" / f"{population.folder}-seed-{seed}")
