"""The figures of pictures: deleted images, one a label, above what the attacks make of them.

The deletions are those of the curves' panels: from them one of each label is drawn by the seed, before any attack runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undelete.attacker.baselines import MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.lab.files import PIXELS, header, prepare, save
from undelete.lab.images import Images, load
from undelete.lab.kept import Kept
from undelete.lab.models import Model, tried
from undelete.lab.panel import ON_IMAGES
from undelete.lab.steps import Folder, Progress
from undelete.paper.drawings.sheet import NAMES
from undelete.paper.figure import PIXEL_SIMILARITY, Figure, play_panels
from undelete.report import picture_rows as pictures


@dataclass(frozen=True)
class Grid:
    """What one command draws: blocks of four rows, one block for each data set and model.

    Parameters
    ----------
    name, title, shows : str
        Of the figure, and what it is after.
    data : sequence of str
        Data sets.
    models : sequence of Model
        Of each data set.
    rows : sequence of str
        Attacks whose pictures are shown.
    """

    name: str
    title: str
    shows: str
    data: Sequence[str]
    models: Sequence[Model]
    rows: Sequence[str] = (HREC.name, HREC_PLUS.name, MAXDIFF.name)
    attacks: Sequence[str] = ON_IMAGES


def reproduce(
    grid: Grid, data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Draw a grid; panels that the curves' figures have played are taken from ``out/cache``.

    See `undelete.paper.figure.reproduce`.
    """
    folder = prepare(out)
    populations = load(data_dir, grid.data, deletions)
    models = [tried(model, deletions) for model in grid.models]
    figure = Figure(grid.name, grid.title, grid.shows, models, lambda *_: (populations, []), grid.attacks, True)
    panels = play_panels(models, populations, folder, deletions, seed, progress, figure)
    blocks = [
        (population, panel)
        for column, population in enumerate(populations)
        for panel in (row[column] for row in panels)
    ]
    result = header(
        grid.name, grid.title, grid.shows, seed, "all" if deletions is None else deletions, features=PIXELS
    ) | {
        "similarity": PIXEL_SIMILARITY,
        "notes": ["One deletion of each label, drawn at random by the seed before any attack ran."],
        "grids": [_described(population, panel, grid) for population, panel in blocks],
    }
    save(result, folder, lambda stem: _draw(grid, result, blocks, stem))
    return result


def _described(population: Images, panel: Kept, grid: Grid) -> dict[str, Any]:
    """Return what is shown of a panel, and how its model came about."""
    labels = [population.data.classes[int(label)] for label in panel.arrays["labels"]]
    cosines = {
        # None: nothing came back
        name: [None if value != value else round(float(value), 6) for value in panel.arrays[f"cosine_{name}"]]
        for name in grid.rows
    }
    attacks = {
        name: {key: value for key, value in attack.items() if not key.startswith("curve_")}
        for name, attack in panel.account["attacks"].items()
    }
    return panel.account | {
        "attacks": attacks,
        "rows": panel.arrays["rows"].tolist(),
        "labels": labels,
        "cosines": cosines,
    }


def _draw(grid: Grid, result: dict[str, Any], blocks: list[tuple[Images, Kept]], stem: Path) -> tuple[Path, Path]:
    rows = []
    for (population, panel), described in zip(blocks, result["grids"], strict=True):
        info, arrays = population.data.info, panel.arrays
        rows.append(
            pictures.PictureRow(
                "deleted", list(info.pixels(arrays["deleted"])), None, _above(panel), described["labels"]
            )
        )
        for name in grid.rows:
            drawn = [None if (guess != guess).any() else info.pixels(guess[None])[0] for guess in arrays[name]]
            rows.append(pictures.PictureRow(NAMES.get(name, name), drawn, arrays[f"cosine_{name}"]))
    notes = [
        "Under each picture its cosine similarity to the deleted one, in pixels of [-1, 1]. One deletion a label, "
        f"drawn at random by the seed. Exact retraining; {result['split']} {result['seed']}.",
        result["command"],
    ]
    return pictures.draw(f"{grid.title} ({grid.shows})", [], rows, stem, notes)


def _above(panel: Kept) -> str:
    account = panel.account
    return f"{account['sample']}, {account['model']}, n = {account['n']:,}, penalty {account['penalty']:.4g}"
