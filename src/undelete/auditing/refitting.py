"""What a preprocessing that is refitted after a deletion gives away, beside all that is done to the coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from undelete.auditing.audit import audit
from undelete.auditing.exposed import interval
from undelete.auditing.protection import REFITTING
from undelete.errors import InputError
from undelete.maths.arrays import Indices
from undelete.scoring.intervals import wilson

_TARGET = "target of the model"


@dataclass(frozen=True, eq=False)
class People:
    """A fitted estimator and the two tables.

    Parameters
    ----------
    estimator : estimator or LinearModel
        As it was given.
    train, public : DataFrame
        Without their targets.
    y, y_public : array
        The targets.
    """

    estimator: Any
    train: pd.DataFrame
    y: ArrayLike
    public: pd.DataFrame
    y_public: ArrayLike


def refitting_row(people: People, rows: Indices, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a pipeline that is fitted anew as a whole without each of some records.

    Parameters
    ----------
    people : People
        Who is deleted from.
    rows : array (b,) of int
        Who is deleted.
    plain : mapping
        The row without a defence: what it costs is the same.

    Returns
    -------
    dict
        The row; {"refused": why} where there is no preprocessing, or the pair cannot be audited.
    """
    estimator = people.estimator
    if not isinstance(estimator, Pipeline) or len(estimator.steps) < 2 or np.ndim(people.y) != 1:
        return {"refused": "there is no Pipeline whose preprocessing could be refitted"}
    y = np.asarray(people.y)
    public = people.public.assign(**{_TARGET: np.asarray(people.y_public)})
    near, whole = [], []
    try:
        for row in rows:
            stay = np.arange(len(y)) != row
            later = clone(estimator).fit(people.train[stay], y[stay])
            truth = people.train.iloc[[row]].assign(**{_TARGET: y[[row]]})
            found = audit(estimator, later, public, target=_TARGET, truth=truth, n=len(y), attacks=("hrec+", "hrec"))
            right = found.right.get("hrec+")
            near.append(float(np.nan_to_num(found.exposure)[0]))
            whole.append(0.0 if right is None else float(right[0].all()))
    except InputError as error:
        return {"refused": str(error)}
    values = np.clip(near, 0.0, 1.0)
    low, high = interval(values, np.random.default_rng(0))
    return dict(plain) | {
        "defence": REFITTING, "label": "no defence, scaler refitted too", "exposure": float(values.mean()),
        "exposure_low": low, "exposure_high": high, "exposure_unknowing": None, "attack": "hrec+",
        "whole_records": float(np.mean(whole)), "whole_records_high": wilson(sum(whole), len(whole))[1],
        "quantiles": [round(float(x), 4) for x in np.quantile(values, np.linspace(0, 1, len(plain["quantiles"])))],
    }  # fmt: skip
