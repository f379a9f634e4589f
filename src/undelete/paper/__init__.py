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
from importlib import import_module
from typing import Any

Progress = Callable[[int, int], None]
Folder = str | os.PathLike[str]
Experiment = Callable[[Folder | None, Folder, int | None, int, Progress | None], dict[str, Any]]


def _run(
    name: str,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run one experiment; its modules are imported only now, or `undelete --help` would wait for matplotlib."""
    experiment: Experiment = import_module(f"undelete.paper.{name}").run
    return experiment(data_dir, out, deletions, seed, progress)


_NAMES = ("fig1", "fig5", "fig6", "fig7", "fig10", "table1", "better")
EXPERIMENTS: dict[str, Experiment] = {name: partial(_run, name) for name in _NAMES}
"""Each runs as ``EXPERIMENTS[name](data_dir, out, deletions, seed, progress)``; deletions None means all."""


def lines(result: dict[str, Any]) -> list[str]:
    """Return an experiment's result as plain text of at most 80 columns."""
    from undelete.paper import terminal

    return terminal.lines(result)
