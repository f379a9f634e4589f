"""Huber's regression with its scale, without one record each: the same as fitting each by itself."""

from dataclasses import replace

import numpy as np
import pytest

from undelete.maintainer.joint_scale import fit_joint, retrain_joint
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber


@pytest.mark.parametrize("weighed", [False, True])
def test_a_block_is_retrained_as_each_by_itself(weighed):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(300, 3)), np.ones(300)]
    Y = (X @ [1.0, -2.0, 0.5, 3.0] + rng.standard_t(2, size=300))[:, None]
    weights = rng.uniform(0.5, 2.0, 300) if weighed else None
    objective = Objective(X, Y, Huber(1.35, 1.0), np.array([1.0, 1.0, 1.0, 0.0]), weights)
    full = fit_joint(objective, np.zeros((4, 1)), 1.0)
    objective = replace(objective, loss=Huber(1.35, full.scale))
    rows = np.array([7, 3, 250, int(np.abs(Y - X @ full.W).argmax())])
    seen = []
    found = retrain_joint(objective, full.W, rows, progress=lambda done, total: seen.append((done, total)))
    assert found.converged.all()
    assert seen[-1] == (4, 4)
    for place, row in enumerate(rows):
        alone = fit_joint(objective.take(np.delete(np.arange(300), row)), np.zeros((4, 1)), 2.0)
        np.testing.assert_allclose(found.W[place], alone.W, atol=1e-8)
        assert abs(found.scale[place] - alone.scale) < 1e-8
