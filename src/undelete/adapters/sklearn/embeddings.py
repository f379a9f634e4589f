"""Reads scikit-learn's random Fourier and Nystroem features: a fixed embedding between preprocessing and model.

An embedding is no polynomial of the raw columns, so it has a place of its own: after all other steps, right before
the linear model. It is drawn when it is fitted. Two models can be compared only over the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp
from sklearn.kernel_approximation import Nystroem as SklearnNystroem
from sklearn.kernel_approximation import RBFSampler

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding, Nystroem, RandomFourierFeatures


def read_embedding(step: Any, inputs: int) -> Embedding:
    """Return the embedding that a fitted step computes.

    Parameters
    ----------
    step : RBFSampler or Nystroem
        Fitted; Nystroem with kernel="rbf".
    inputs : int
        Number of columns that enter it.

    Raises
    ------
    InputError
        When it has another kernel, or takes another number of columns. Its arrays are checked by `checked_copy`.
    """
    phi = EMBEDDERS[type(step)](step)
    if phi.inputs != inputs:
        raise InputError(
            f"{type(step).__name__} was fitted on {phi.inputs} columns and is given {inputs}: the pipeline was changed "
            "after it was fitted; refit it"
        )
    return phi


def refuse_after(step: Any, embedder: str) -> NoReturn:
    """Refuse a step between an embedding and the model."""
    raise InputError(
        f"the pipeline has {type(step).__name__} after {embedder}: undelete reads an embedding only as the last step "
        "before the linear model; move the other steps before it"
    )


def _fourier(step: RBFSampler) -> RandomFourierFeatures:
    return RandomFourierFeatures(_dense(step.random_weights_), _dense(step.random_offset_))


def _nystroem(step: SklearnNystroem) -> Nystroem:
    if step.kernel != "rbf":
        kernel = repr(step.kernel) if isinstance(step.kernel, str) else "a function"
        raise InputError(
            f"Nystroem was fitted with kernel={kernel}: undelete traces records back through kernel='rbf' alone; fit "
            "with that"
        )
    basis, mixing = _dense(step.components_), _dense(step.normalization_)
    gamma = 1.0 / basis.shape[1] if step.gamma is None else float(step.gamma)  # what the kernel takes for None
    return Nystroem(basis, mixing, np.array(gamma))


def _dense(array: Any) -> Floats:
    return np.asarray(array.toarray() if sp.issparse(array) else array, dtype=np.float64)


EMBEDDERS: dict[type, Callable[[Any], Embedding]] = {RBFSampler: _fourier, SklearnNystroem: _nystroem}
