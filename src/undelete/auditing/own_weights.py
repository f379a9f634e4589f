"""Class weights that count in the model of a record's own class otherwise than in the others: fit and deletions."""

from __future__ import annotations

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.adapters.weights import BALANCED, output_weights
from undelete.errors import InputError
from undelete.maintainer.changed import After
from undelete.maintainer.output_weights import OutputWeighted
from undelete.maths.arrays import Indices
from undelete.maths.objective import Objective


def weighed_each(model: LinearModel, objective: Objective) -> Objective:
    """Return what a model minimises, with what its records weigh in each output beside what they do in all.

    Raises
    ------
    InputError
        Where a penalty beside the mean loss goes with it.
    """
    factors = output_weights(model, np.asarray(objective.Y))
    if factors is None:
        return objective
    if model.averaged:
        raise InputError(
            f"{model.kind} weighs a record in the model of its own class in another way than in the others, which is "
            "not retrained with a penalty beside the mean loss: leave class_weight out, or fit the classes apart"
        )
    given = objective.weights
    return OutputWeighted.by(objective, factors if given is None else factors * np.asarray(given)[:, None])


def afterwards_each(model: LinearModel, objective: OutputWeighted, rows: Indices) -> list[After]:
    """Return what is minimised after the deletion of a record of each class, whose weights may balance the others."""
    if model.class_weights != BALANCED:
        return [After(np.arange(len(rows)), objective)]
    Y = np.asarray(objective.Y)
    own = Y.argmax(axis=1)[rows]
    return [
        After(np.flatnonzero(own == c), OutputWeighted.by(objective, output_weights(model, Y, int(c))))
        for c in np.unique(own)
    ]


def refuse_own_weights(objective: Objective, what: str) -> None:
    """Refuse what is not made for records that weigh differently in each output."""
    if isinstance(objective, OutputWeighted):
        raise InputError(
            f"{what} for models that weigh a record in the model of its own class in another way than in the others: "
            "leave class_weight out, or fit the classes apart"
        )
