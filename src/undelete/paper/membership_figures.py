"""Figures 1 and 7 of the paper: membership inference on the tabular models."""

from __future__ import annotations

from functools import partial

from undelete.lab.models import LOGISTIC, RIDGE, SVM
from undelete.paper.membership import RANDOM_FEATURES, Figure, Row, reproduce

FIGURES = {
    shown.name: shown
    for shown in (
        Figure(
            "fig1", "Membership inference on ridge regression of income", "after Figure 1 of the paper", (Row(RIDGE),)
        ),
        Figure(
            "fig7", "Membership inference on the tabular models", "after Figure 7 of the paper",
            tuple(Row(model, features) for features in (0, RANDOM_FEATURES) for model in (RIDGE, LOGISTIC, SVM)),
        ),
    )
}  # fmt: skip
EXPERIMENTS = {name: partial(reproduce, shown) for name, shown in FIGURES.items()}
"""By name, each as `Experiment.run` calls it."""
