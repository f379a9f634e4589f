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

from undelete.lab.steps import TRIAL, Folder, Progress

_ALL = 30_000
"""Deletions a panel that `all` is taken for where its time is told: half of MNIST."""
_KEEPING = ("fig3", "fig3_many", "fig8", "fig11", "better", "answers_images")
"""What keeps fitted models of images that others take over, beside what is within them."""


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
    part : str
        What of the paper it is, in a few words.
    needs : tuple of str
        What must be at hand, names in `undelete.paper.needs.NEEDS`; the three states or the three sets of images
        unless said otherwise.
    seconds : tuple (float, float)
        What it takes on two cores: once, and for each deletion a panel, all panels together. Those of images and of
        Updates-Leak are the seconds of retraining and reconstruction in docs/results, added up; those of tables were
        timed; of the four cases of networks one was. (0, 0): nobody measured it.
    counts : int
        Deletions a panel from which on the time does not grow.
    trial : float
        CPU seconds of a trial: fewer than 50 deletions, or half of `most`, where less of everything else is done, too.
        Measured once, of what `all --deletions 20` plays with one thread, after those that keep what it takes over:
        fig3, whose hrec+ was timed in `better`, then `better`, fig11 and fig8. 0: nobody measured it.
    usual : int or None
        Deletions a panel unless said otherwise; None: what others of its kind play.
    within : str or None
        The experiment that has played all of its panels, so that after that one only the drawing remains.
    """

    name: str
    module: str
    data: Literal["tables", "images"] = "tables"
    trained: bool = False
    most: int | None = None
    part: str = ""
    needs: tuple[str, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.0)
    counts: int = _ALL
    trial: float = 0.0
    usual: int | None = None
    within: str | None = None

    @property
    def deletions(self) -> int:
        """Deletions a panel, unless said otherwise; the paper's are all."""
        return self.usual or self.most or (2000 if self.data == "tables" else 200)

    @property
    def shares(self) -> bool:
        """Whether others take over what it fits, so that no two of them are to run side by side."""
        return self.within is not None or self.name in _KEEPING

    @property
    def wants(self) -> tuple[str, ...]:
        """What must be at hand, by name."""
        return self.needs or (("acs",) if self.data == "tables" else ("mnist", "fashion_mnist", "cifar10"))

    def tries(self, deletions: int | None) -> bool:
        """Return whether so many deletions are a trial."""
        return deletions is not None and deletions < min(TRIAL, (self.most or 2 * TRIAL) / 2)

    def expected(self, deletions: int | None) -> float:
        """Return about how many seconds it takes with so many deletions a panel; None for all."""
        if self.trial and self.tries(deletions):
            return self.trial
        once, each = self.seconds
        return once + each * min(_ALL if deletions is None else deletions, self.most or _ALL, self.counts)

    def run(
        self,
        data_dir: Folder | None,
        out: Folder,
        deletions: int | None = 200,
        seed: int = 0,
        progress: Progress | None = None,
        **trained: int,
    ) -> dict[str, Any]:
        """Run it and write its files; deletions None means all.

        The JSON's `made` says with which options, data and code.
        """
        from undelete.lab.files import prepare, save
        from undelete.paper.finished import made

        runs = import_module(self.source).EXPERIMENTS
        found: dict[str, Any] = runs[self.name](data_dir, out, deletions, seed, progress, **trained)
        options = {"deletions": "all" if deletions is None else deletions, "seed": seed, **trained}
        found["made"] = made(self, options, data_dir, prepare(out))
        save(found, prepare(out))
        return found

    @property
    def source(self) -> str:
        """The full name of its module."""
        return f"undelete.paper.{self.module}"


_IMAGES = ("mnist", "fashion_mnist", "cifar10")
EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            "fig1", "membership_figures", part="Figure 1: membership inference, ridge regression", seconds=(12, 0.05),
        ),
        Experiment("fig5", "tabular", part="Figure 5: income, ridge regression", seconds=(50, 0.1)),
        Experiment("fig6", "tabular", part="Figure 6: income, logistic regression and SVM", seconds=(140, 0.4)),
        Experiment("fig7", "membership_figures", part="Figure 7: membership inference, six models", seconds=(250, 0.5)),
        Experiment("fig10", "tabular", part="Figure 10: income, least squares", seconds=(45, 0.1)),
        Experiment("table1", "table1", part="Table 1: how well the tabular models predict", seconds=(140, 0)),
        Experiment(
            "better", "better", part="beyond it: hrec+ beside the paper's decoder", needs=("acs", *_IMAGES),
            seconds=(1800, 113), counts=200, trial=350,
        ),
        Experiment("answers", "answers", most=40, part="beyond it: answers in place of models", seconds=(20, 4)),
        Experiment(
            "answers_images", "answers", "images", trained=True, most=40, part="beyond it: answers of an image model",
            needs=("cifar10", "torch"), trial=480,
        ),
        Experiment("groups", "groups", most=20, part="beyond it: several people at once", needs=("acs",),
                   seconds=(60, 150)),
        Experiment("refitted_groups", "groups", most=20, part="beyond it: several people, scalers refitted",
                   needs=("acs",), seconds=(10, 280), trial=300),
        Experiment("lists", "lists", most=20, part="beyond it: several people among candidates", needs=("acs",),
                   seconds=(20, 25)),
        Experiment(
            "defences", "defences", most=20, part="beyond it: what each defence leaves and costs",
            needs=("acs",), trial=71,
        ),
        Experiment(
            "defences_more", "defences", most=20, part="beyond it: the same in two other states", needs=("acs",),
            trial=140,
        ),
        Experiment(
            "defences_images", "defences_images", "images", most=12, part="beyond it: defences of image models",
            needs=("fashion_mnist",),
        ),
        Experiment(
            "defences_mlp", "defences_networks", most=12, part="beyond it: defences of a network",
            needs=("acs", "torch"),
        ),
        Experiment(
            "noisy_images", "noisy_images", "images", most=10, part="beyond it: pictures under noise",
            needs=("fashion_mnist",), trial=16,
        ),
        Experiment("population", "population", part="beyond it: public records of another population", needs=("acs",),
                   seconds=(60, 0.5)),
        Experiment("sensitivity", "sensitivity", most=30, part="beyond it: where it stops working", needs=("acs",),
                   seconds=(20, 1.5)),
        Experiment(
            "mlp", "networks", most=42, part="Section 3.2: networks on people", needs=("acs", "acs_us", "torch"),
            seconds=(60, 68), trial=430,
        ),
        Experiment(
            "cnn", "networks", most=42, part="Section 3.2: networks on images",
            needs=("mnist", "torch"), trial=550,
        ),
        Experiment(
            "lora", "network_parts", most=42, part="beyond it: networks of which a part was trained",
            needs=("acs", "torch"), trial=71,
        ),
        Experiment(
            "heads", "heads", "images", most=60, part="Section 3.1: a head on a frozen net",
            needs=("fashion_mnist", "cifar10", "torch"), trial=300,
        ),
        Experiment(
            "conditions", "network_conditions", most=40, part="beyond it: networks as people train them",
            needs=("acs", "torch"), trial=290,
        ),
        Experiment(
            "fig2", "image_figures", "images", part="Figure 2: pictures, CIFAR-10", needs=("cifar10",),
            seconds=(60, 3.1), within="fig3",
        ),
        Experiment(
            "fig3", "image_figures", "images", part="Figure 3: images, three models", seconds=(900, 38.6), trial=710,
        ),
        Experiment(
            "fig3_many", "image_figures", "images", part="Figure 3: two of its models, more deletions", usual=1000,
            seconds=(300, 9.6), trial=5,
        ),
        Experiment(
            "fig4", "image_figures", "images", part="Figure 4: pictures, clothes and digits",
            needs=("fashion_mnist", "mnist"), seconds=(400, 25.6), within="fig3",
        ),
        Experiment(
            "fig8", "leak", "images", trained=True, part="Figure 8: Updates-Leak beside the attacks",
            needs=("cifar10", "torch"), seconds=(1600, 4.0), trial=240,
        ),
        Experiment(
            "fig9", "leak", "images", trained=True, part="Figure 9: pictures of Updates-Leak",
            needs=("cifar10", "torch"), seconds=(1600, 4.0), within="fig8",
        ),
        Experiment(
            "fig11", "image_figures", "images", part="Figure 11: images, without a penalty",
            seconds=(900, 48.6), trial=290,
        ),
        Experiment(
            "stopped", "stopped", "images", most=20, part="Figure 11 as people train: models stopped early",
            needs=("acs", *_IMAGES), seconds=(100, 20),
        ),
        Experiment(
            "fig12", "image_figures", "images", part="Figure 12: pictures, CIFAR-10", needs=("cifar10",),
            seconds=(150, 5.5), within="fig3",
        ),
        Experiment(
            "fig13", "image_figures", "images", part="Figure 13: pictures, clothes", needs=("fashion_mnist",),
            seconds=(100, 2.2), within="fig3",
        ),
        Experiment(
            "fig14", "image_figures", "images", part="Figure 14: pictures, digits", needs=("mnist",),
            seconds=(100, 2.3), within="fig3",
        ),
        Experiment(
            "table2", "table2", "images", part="Table 2: accuracy of the image models", seconds=(900, 0),
            within="fig3",
        ),
    )
}  # fmt: skip
