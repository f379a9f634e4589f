"""Figures 5, 6 and 10 of the paper: people of the American Community Survey.

The space is standardised with the public half (see `undelete.lab.samples`), so the average public record is the
origin: Avg has no direction there and its cosine counts as 0, and the cosine of the others is the centred one.
`uncentred` is the cosine of the same records when columns are divided by their deviations but their means are left in:
there an average record scores high, which is why it is not the headline. On random Fourier features the records
are compared before the features.

Figure 10 has no penalty. Where columns are collinear the least-norm solution is taken, as in the paper's Appendix C.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from undelete.lab import models, samples
from undelete.lab.population import Population
from undelete.lab.steps import Folder
from undelete.paper import figure

_NOTE = (
    "The paper does not say how many random Fourier features (RFF) it takes of the ACS columns: "
    f"{models.TABLE_FEATURES} here, their bandwidth chosen on public records.",
)


def _states(data_dir: Folder | None, _: int | None) -> tuple[Sequence[Population], list[str]]:
    return samples.states(data_dir), []


def _regression(data_dir: Folder | None, _: int | None) -> tuple[Sequence[Population], list[str]]:
    return samples.regression(data_dir)


EXPERIMENTS = {
    shown.name: partial(figure.reproduce, shown)
    for shown in (
        figure.Figure(
            "fig5", "Ridge regression of income", "after Figure 5 of the paper", (models.RIDGE, models.RIDGE_RFF),
            _regression, notes=_NOTE,
        ),
        figure.Figure(
            "fig6", "Classification of income over 50,000 dollars", "after Figure 6 of the paper",
            (models.LOGISTIC, models.SVM, models.LOGISTIC_RFF, models.SVM_RFF), _states, notes=_NOTE,
        ),
        figure.Figure(
            "fig10", "Ordinary least squares of income", "after Figure 10 of the paper",
            (models.LEAST_SQUARES, models.LEAST_SQUARES_RFF), _regression, notes=_NOTE,
        ),
    )
}  # fmt: skip
"""By name, each as `Experiment.run` calls it."""
