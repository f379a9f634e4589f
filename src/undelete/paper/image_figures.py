"""Figures 2 to 4 and 11 to 14 of the paper: images of MNIST, Fashion-MNIST and CIFAR-10."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from undelete.lab import images
from undelete.lab.models import IMAGE_FREE, IMAGE_RIDGE, IMAGE_SOFTMAX, PIXELS
from undelete.lab.panel import ON_IMAGES
from undelete.lab.population import Population
from undelete.lab.steps import Folder
from undelete.paper import figure, grid


def _all(data_dir: Folder | None, deletions: int | None) -> tuple[Sequence[Population], list[str]]:
    return images.load(data_dir, deletions=deletions), []


_RFF = "RFF: random Fourier features, the bandwidth chosen on public records."
_FREE = (
    "Where the classes are separable, the cross-entropy without a penalty has no minimum, and what one stops at "
    "depends on the optimiser, which the paper does not say; where they are not, the minimum is out of reach with so "
    "many features. A penalty that hardly matters takes the place of none, and the panel says which of the two it is."
)
_CURVES = (
    figure.Figure(
        "fig3", "Images deleted from three models", "after Figure 3 of the paper", (PIXELS, IMAGE_RIDGE, IMAGE_SOFTMAX),
        _all, ON_IMAGES, images=True, notes=(_RFF,),
    ),
    figure.Figure(
        "fig3_many", "Many images deleted from two models", "after Figure 3 of the paper",
        (PIXELS, IMAGE_RIDGE), _all, ON_IMAGES, images=True, notes=(_RFF,),
    ),
    figure.Figure(
        "fig11", "Images deleted from models without a penalty", "after Figure 11 of the paper", (IMAGE_FREE,), _all,
        ON_IMAGES, images=True, notes=(_RFF, _FREE),
    ),
)  # fmt: skip
_FASHION, _MNIST, _CIFAR = ("fashion_mnist",), ("mnist",), ("cifar10",)
_GRIDS = (
    grid.Grid("fig2", "CIFAR-10 images deleted", "after Figure 2 of the paper", _CIFAR, (IMAGE_SOFTMAX,)),
    grid.Grid("fig4", "Clothes and digits deleted", "after Figure 4 of the paper", _FASHION + _MNIST, (IMAGE_SOFTMAX,)),
    grid.Grid("fig12", "CIFAR-10 images deleted", "after Figure 12 of the paper", _CIFAR, (PIXELS, IMAGE_RIDGE)),
    grid.Grid("fig13", "Clothes deleted", "after Figure 13 of the paper", _FASHION, (PIXELS, IMAGE_RIDGE)),
    grid.Grid("fig14", "Digits deleted", "after Figure 14 of the paper", _MNIST, (PIXELS, IMAGE_RIDGE)),
)
EXPERIMENTS = {shown.name: partial(figure.reproduce, shown) for shown in _CURVES} | {
    shown.name: partial(grid.reproduce, shown) for shown in _GRIDS
}
"""By name, each as `Experiment.run` calls it."""
