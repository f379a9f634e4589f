"""All experiments by name: what `undelete reproduce` can be asked for.

Bertran et al., Reconstruction Attacks on Machine Unlearning: Simple Models are Vulnerable (2024). Each writes
``out/NAME.json``, and for a figure ``NAME.svg`` and ``NAME.png``. The dictionary that `Experiment.run` returns is what
the JSON holds; `undelete.paper.pages` makes the pages of docs/results from it, and what a terminal shows.

The paper prints its distributions as images, so their numbers cannot be compared one by one; those of its
Table 1 can.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from undelete.lab.steps import Folder, Progress


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Parameters
    ----------
    name : str
        What `undelete reproduce` calls it.
    module : str
        Where its `EXPERIMENTS` has the function of this name; imported when it runs, or `undelete --help` would wait
        for matplotlib.
    data : {"tables", "images"}
        What it is made of.
    trained : bool
        Whether it trains networks on shadow updates, and so takes the keywords `shadows` and `epochs`.
    most : int or None
        Deletions a panel, where each has to be trained for.
    """

    name: str
    module: str
    data: Literal["tables", "images"] = "tables"
    trained: bool = False
    most: int | None = None

    @property
    def deletions(self) -> int:
        """Deletions a panel, unless said otherwise; the paper's are all."""
        return self.most or (2000 if self.data == "tables" else 200)

    def run(
        self,
        data_dir: Folder | None,
        out: Folder,
        deletions: int | None = 200,
        seed: int = 0,
        progress: Progress | None = None,
        **trained: int,
    ) -> dict[str, Any]:
        """Run it and write its files; deletions None means all."""
        runs = import_module(f"undelete.paper.{self.module}").EXPERIMENTS
        found: dict[str, Any] = runs[self.name](data_dir, out, deletions, seed, progress, **trained)
        return found


EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        Experiment("fig1", "membership_figures"),
        *(Experiment(name, "tabular") for name in ("fig5", "fig6")),
        Experiment("fig7", "membership_figures"),
        Experiment("fig10", "tabular"),
        Experiment("table1", "table1"),
        Experiment("better", "better"),
        *(Experiment(name, "networks", most=42) for name in ("mlp",)),
        Experiment("conditions", "network_conditions", most=16),
        *(Experiment(name, "image_figures", "images") for name in ("fig2", "fig3", "fig4")),
        *(Experiment(name, "leak", "images", trained=True) for name in ("fig8", "fig9")),
        *(Experiment(name, "image_figures", "images") for name in ("fig11", "fig12", "fig13", "fig14")),
        Experiment("table2", "table2", "images"),
    )
}
