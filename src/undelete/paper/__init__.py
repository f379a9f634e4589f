"""The paper's experiments, and ours beside them, one command each: `undelete reproduce NAME`.

Bertran et al., Reconstruction Attacks on Machine Unlearning: Simple Models are Vulnerable (2024). `EXPERIMENTS`
maps a name to a function ``(data_dir, out, deletions, seed, progress) -> dict`` that writes ``out/NAME.json``,
and for a figure ``NAME.svg`` and ``NAME.png``. The dictionary it returns is what the JSON holds; `lines` shows it
in a terminal, and `undelete.paper.page` makes the pages of docs/results from it.

The paper prints its distributions as images, so their numbers cannot be compared one by one; those of its
Table 1 can.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, stage)."""
Folder = str | os.PathLike[str]
Experiment = Callable[..., dict[str, Any]]

_TABLES = ("fig1", "fig5", "fig6", "fig7", "fig10", "table1", "better")
IMAGE_EXPERIMENTS = ("fig2", "fig3", "fig4", "fig8", "fig9", "fig11", "fig12", "fig13", "fig14", "table2")
TRAINED = ("fig8", "fig9")
"""Those that take the keywords `shadows` and `epochs`."""
DELETIONS = dict.fromkeys(_TABLES, 2000) | dict.fromkeys(IMAGE_EXPERIMENTS, 200)
"""Deletions a panel, unless said otherwise; the paper's are all."""


def _run(
    name: str,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None = 200,
    seed: int = 0,
    progress: Progress | None = None,
    **trained: int,
) -> dict[str, Any]:
    """Run one experiment; its modules are imported only now, or `undelete --help` would wait for matplotlib."""
    from undelete.paper import better, fig1, fig7, image_figures, leak, table1, table2, tabular

    runs: dict[str, Experiment] = {
        **tabular.FIGURES, **image_figures.FIGURES, "table1": table1.run, "table2": table2.run, "better": better.run,
        "fig1": fig1.run, "fig7": fig7.run, **{name: partial(leak.run, name) for name in TRAINED},
    }  # fmt: skip
    return runs[name](data_dir, out, deletions, seed, progress, **trained)


EXPERIMENTS: dict[str, Experiment] = {name: partial(_run, name) for name in DELETIONS}
"""Each runs as ``EXPERIMENTS[name](data_dir, out, deletions, seed, progress)``; deletions None means all.

Those of `TRAINED` also take how much is trained, see `undelete.paper.leak.run`.
"""


def lines(result: dict[str, Any]) -> list[str]:
    """Return an experiment's result as plain text of at most 80 columns."""
    from undelete.paper import terminal

    return terminal.lines(result)
