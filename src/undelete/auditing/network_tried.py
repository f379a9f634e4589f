"""A network is tried on a few public records before it is attacked: what it does not do is said in a line."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.adapters.torch import Pair
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.network import torch_func
from undelete.release.networks import NetworkRelease

_TRIED = 8  # public records
_TWICE = 2  # of them, for derivatives


def answered(pair: Pair, X: Floats) -> int:
    """Return how many numbers the network answers to records (m, d).

    Raises
    ------
    InputError
        When it takes no such records, or answers otherwise than by one finite row for each.
    """
    try:
        answer = pair.network.outputs(pair.before, X[:_TRIED])
    except InputError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        what = "give the table with the columns that it reads and the target, or features that make them"
        if isinstance(error, AssertionError):  # the guards of an exported program
            what = "export it with dynamic_shapes, for any number of records at once"
        raise InputError(
            f"the network does not take records of {X.shape[1]} numbers ({_said(error)}): {what}"
        ) from error
    if len(answer) != len(X[:_TRIED]) or not np.isfinite(answer).all():
        raise InputError(
            "the network's answers are not one finite row a record: it cannot be attacked record by record"
        )
    return int(answer.shape[1])


def differentiated(release: NetworkRelease) -> None:
    """Refuse a network, or a loss, of which torch takes no second derivatives record by record."""
    network, func = release.network, torch_func()
    theta = network.tensor(release.theta_before)
    X, Y = network.tensor(release.X_public[:_TWICE]), network.target(release.Y_network[:_TWICE])

    def moved(x: Any, y: Any) -> Any:  # with the record, and its target where that is a number
        if release.classes:
            return func.jvp(lambda u: func.grad(network.record_loss)(theta, u, y), (x,), (x,))[1]
        return func.jvp(lambda u, v: func.grad(network.record_loss)(theta, u, v), (x, y), (x, y))[1]

    try:
        func.vmap(moved)(X, Y)
    except InputError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"torch takes no second derivatives of this network and loss, record by record ({_said(error)}): the "
            "attack reads records from them; write what that names out in plain operations on tensors, without "
            "branches on their values and without fused layers, such as recurrent ones"
        ) from error


def _said(error: Exception) -> str:
    return str(error).strip().split("\n")[0].split(". ")[0].removesuffix(".")
