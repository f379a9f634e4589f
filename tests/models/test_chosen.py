"""Regressions that leave features out by steps or evidence, that stop after some passes, or fit a scale besides."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import (
    ARDRegression,
    HuberRegressor,
    Lars,
    LinearRegression,
    MultiTaskElasticNet,
    OrthogonalMatchingPursuit,
    SGDClassifier,
    SGDRegressor,
)

import undelete
from tests.models.conftest import COLUMNS, WHO, customers, kept, pair
from undelete import InputError
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.problem import Problem
from undelete.auditing.released import read_pair
from undelete.maintainer.joint_scale import fit_joint
from undelete.maintainer.resample import bootstrap, fit_each_resample
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber

NUMBERS = [*COLUMNS[:3], "z0", "z1"]
MODELS = {
    "pursuit": (lambda: OrthogonalMatchingPursuit(n_nonzero_coefs=3), "wage"),
    "angles": (lambda: Lars(n_nonzero_coefs=3), "wage"),
    "relevance": (lambda: ARDRegression(threshold_lambda=50.0), "wage"),
    "tasks": (lambda: MultiTaskElasticNet(0.5, tol=1e-14, max_iter=100_000), ["wage", "other"]),
}


@pytest.fixture(scope="module")
def people():
    table = customers(400, seed=2)
    noise = np.random.default_rng(7).normal(size=(3, len(table)))
    return table.assign(z0=noise[0], z1=noise[1], wage=table.wage + 0.3 * noise[0], other=table.age / 9 + noise[2])


@pytest.mark.parametrize("name", MODELS)
def test_in_the_features_that_are_kept_the_gradient_is_exact(people, name):
    make, target = MODELS[name]
    before, after = (make().fit(part[NUMBERS], part[target]) for part in (people, people.drop(index=WHO)))
    used = people[[*NUMBERS, *([target] if isinstance(target, str) else target)]]
    found = read_pair(before, after, used.drop(index=WHO), target=target, n=len(people))
    assert found.kept is not None
    assert 0 < (~found.kept).sum() < 4
    x = found.old.features(used.loc[[WHO]])
    exact = (x[0][:, None] * (used.loc[[WHO], np.atleast_1d(target)].to_numpy() - x @ found.old.W))[found.kept]
    told = Difference.by(found.release, "answers").gradient[0]
    np.testing.assert_allclose(told, exact, atol=1e-7 * np.abs(exact).max())
    with pytest.raises(InputError, match="chooses its features anew in each fit"):
        undelete.leave_one_out(make(), used[NUMBERS], used[target], [0])


def test_what_a_feature_that_left_the_model_adds_to_the_target_is_not_known():
    """Of two indicators pursuit takes one, and after a deletion the other: what the record had there is unseen."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.integers(0, 40, 600), "left": rng.integers(0, 2, 600)})
    table = table.assign(right=1 - table.left, wage=0.2 * table.age + 5 * table.left + rng.normal(size=600))
    columns, private, public = ["age", "left", "right"], table[:300], table[300:]
    models = []
    for part, gone in ((private, "right"), (private.drop(index=WHO), "left")):
        kept = [name for name in columns if name != gone]
        models.append(OrthogonalMatchingPursuit(n_nonzero_coefs=2).fit(part[columns], part.wage))
        least = LinearRegression().fit(part[kept], part.wage)
        models[-1].coef_ = np.insert(least.coef_, columns.index(gone), 0.0)
        models[-1].intercept_ = least.intercept_
    found = undelete.audit(*models, public, target="wage", n=300, attacks=["hrec+"]).found["hrec+"]
    assert found.target_low[0, 0] <= private.wage[WHO] <= found.target_high[0, 0]
    assert found.target_high[0, 0] - found.target_low[0, 0] > 4.5
    read = read_pair(*models, public, target="wage", n=300)
    np.testing.assert_allclose(np.ptp(read.release.offset_public), abs(models[0].coef_[1]))
    ranked = undelete.who_was_deleted(*models, public, private, target="wage", n=300)
    assert ranked.index[0] == WHO
    assert ranked["p_value"].iloc[0] > 1e-3


def test_nobody_is_named_by_fits_that_say_nothing_of_where_they_stopped(people):
    models = [
        SGDRegressor(random_state=0, max_iter=3000, tol=None, average=True).fit(part[NUMBERS] / 50, part.wage)
        for part in (people, people.drop(index=WHO))
    ]
    asked = people[[*NUMBERS, "wage"]]
    asked = asked.assign(**(asked[NUMBERS] / 50))
    with pytest.raises(InputError, match="used up its iterations"):
        undelete.who_was_deleted(*models, asked.drop(index=WHO), asked, target="wage", n=len(people))


HUBER = {"tol": 1e-9, "max_iter": 1000}


def test_huber_is_retrained_with_its_scale(people):
    X, y = people[NUMBERS].iloc[:150], people.wage.iloc[:150]
    played = Problem.of(HuberRegressor(**HUBER), X, y).retrain(np.array([0, 50]), tol=1e-9)
    assert played.converged.all()
    for i, row in enumerate((0, 50)):
        A = np.c_[X.drop(index=row), np.ones(149)]
        left = y.drop(index=row).to_numpy()

        def value(theta, A=A, left=left):
            u = np.abs(left - A @ theta[:-1]) / theta[-1]
            each = np.where(u < 1.35, u**2, 2 * 1.35 * u - 1.35**2)
            return 149 * theta[-1] + theta[-1] * each.sum() + 1e-4 * (theta[:-2] ** 2).sum()

        theta = np.r_[played.W[i, :, 0], played.scale[i]]
        size = np.r_[np.abs(A).max(axis=0), 1.0]
        assert np.abs(approx_fprime(theta, value, 1e-6) / size).max() < 2e-2
        theirs = HuberRegressor(**HUBER).fit(X.drop(index=row), left)
        np.testing.assert_allclose(theta[:-2], theirs.coef_, atol=2e-3)
        assert theta[-1] == pytest.approx(theirs.scale_, abs=2e-3)


def test_huber_gives_the_record_back(people):
    before, after = pair(lambda: HuberRegressor(**HUBER), people, "wage")
    public = customers(3000, seed=4)[[*COLUMNS, "wage"]]
    found = undelete.audit(before, after, public, target="wage", n=len(people), truth=people.loc[[WHO]])
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.98
    private = people.iloc[:300]
    played = undelete.simulate(
        kept(HuberRegressor(**HUBER), private), private[COLUMNS], private.wage, public[COLUMNS], public.wage,
        deletions=10, attacks=("hrec+", "informed"),
    )  # fmt: skip
    assert played.summary().loc["hrec+", "median_centred_cosine"] > 0.99


def test_shadows_of_huber_are_fits_of_their_resamples(people):
    X, y = people[NUMBERS].iloc[:200].to_numpy(dtype=float), people.wage.iloc[:200].to_numpy()
    drawn = bootstrap(200, 150, 2, np.random.default_rng(1))
    objective = Objective(np.c_[X, np.ones(200)], y[:, None], Huber(1.35, 1.0), np.r_[np.full(X.shape[1], 2e-4), 0.0])
    scale = float(np.abs(y - np.median(y)).mean())
    start = np.r_[np.zeros(X.shape[1]), np.median(y)][:, None]
    found = fit_each_resample(objective, start, drawn, lambda one, at: fit_joint(one, at, scale))
    for W, count in zip(found.W, drawn, strict=True):
        rows = np.repeat(np.arange(200), count.astype(int))
        np.testing.assert_allclose(W[:-1, 0], HuberRegressor(**HUBER).fit(X[rows], y[rows]).coef_, atol=2e-3)


def test_huber_betrays_its_members():
    draw = np.random.default_rng(3)
    parts = [part for n in (100, 100, 300) for part in (draw.normal(size=(n, 20)), draw.normal(size=n))]
    assert undelete.membership(HuberRegressor(**HUBER), *parts, shadows=16).auc > 0.6


def test_passes_over_the_records_are_read_where_they_came_near_the_optimum(people):
    def near():
        return SGDClassifier(loss="log_loss", alpha=0.01, average=True, random_state=0, tol=None, max_iter=300)

    public = customers(3000, seed=4)[[*COLUMNS, "left"]]
    before, after = pair(near, people, "left")
    found = undelete.audit(before, after, public, target="left", n=len(people), truth=people.loc[[WHO]])
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.9
    assert found.verdict.word == "NOT DECIDABLE"  # nothing is promised
    far = pair(lambda: SGDClassifier(loss="log_loss", random_state=0), people, "left")
    with pytest.raises(InputError, match=r"differ by \d+ times the hardest pull of any public record"):
        undelete.audit(*far, public, target="left", n=len(people))
    with pytest.raises(InputError, match="loss='hinge', which has no curvature"):
        undelete.audit(*pair(SGDClassifier, people, "left"), public, target="left", n=len(people))
    bare = [SGDClassifier(loss="log_loss").fit(people[COLUMNS[:3]], people.left)] * 2
    with pytest.raises(InputError, match="with the number of training records and public targets: give n"):
        undelete.audit(*bare, public[[*COLUMNS[:3], "left"]], target="left")
