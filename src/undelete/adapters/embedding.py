"""An embedding's arrays as our own: checked, and read-only."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.maths.embeddings import EMBEDDINGS, Embedding


def checked_copy(phi: Embedding) -> Embedding:
    """Return the embedding with arrays of its own that nobody can change.

    Raises
    ------
    InputError
        When they are not finite, or do not fit together.
    """
    if phi.name not in EMBEDDINGS:  # a net, which is a copy of its own already
        return phi
    arrays: dict[str, Any] = {}
    for name, value in phi.arrays().items():
        array = np.array(value, dtype=np.float64)
        if not np.isfinite(array).all():
            raise InputError(f"the embedding's {name} are not finite: the file is damaged; save it again")
        array.setflags(write=False)
        arrays[name] = array
    shapes = {name: array.shape for name, array in arrays.items()}
    if phi.name == "fourier":
        fits = len(shapes["frequencies"]) == 2 and shapes["frequencies"][1:] == shapes["phases"]
        wanted = "frequencies (inputs, features) and phases (features,)"
    else:
        basis, mixing = shapes["basis"], shapes["mixing"]
        fits = len(basis) == len(mixing) == 2 and mixing[1] == basis[0] and shapes["gamma"] == ()
        wanted = "basis (records, inputs), mixing (features, records) and gamma, a number"
    if not fits:
        seen = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(f"the embedding's arrays do not fit together ({seen}): give {wanted}")
    return EMBEDDINGS[phi.name](**arrays)
