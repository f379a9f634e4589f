import numpy as np
import pytest
from scipy.optimize import root
from scipy.stats import norm
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, Ridge, TweedieRegressor
from sklearn.svm import LinearSVC, LinearSVR

from tests.conftest import LOSS_NAMES, outputs, people
from undelete.errors import InputError
from undelete.maintainer.cross_validation import choose_penalty
from undelete.maintainer.fit import _line_search, fit, gradient_norm, unsettled
from undelete.maintainer.softmax import null_free
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective


def make(name, n=400, d=5, k=1, l2=2.0, seed=0, penalise_constant=False):
    k = outputs(name, k)
    X, Y = people(np.random.default_rng(seed), n, d, k, name)
    penalty = np.full(d, l2)
    penalty[-1] = l2 if penalise_constant else 0.0
    return Objective(X, Y, LOSSES[name], penalty)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_reaches_the_stated_gradient_norm_and_measures_it(name, seed):
    objective = make(name, k=2, seed=seed)
    fitted = fit(objective)
    assert fitted.converged
    assert fitted.gradient_norm <= 1e-10
    assert fitted.gradient_norm == gradient_norm(objective, fitted.W)


def reference(name, X, Y, l2):
    y = Y[:, 0] if name != "softmax" else Y.argmax(axis=1)
    if name == "squared":
        return Ridge(alpha=l2).fit(X, y)
    if name in ("logistic", "softmax"):
        return LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(X, y)
    if name == "probit":
        return ByScores(l2, lambda y, z: -y * norm.pdf(y * z) / norm.cdf(y * z)).fit(X, y)
    if name.startswith("negative_binomial"):
        a = LOSSES[name].alpha
        # of log p = y log(a m) - (y + 1/a) log(1 + a m), by its two parts
        return ByScores(l2, lambda y, z: (y + 1 / a) * a * np.exp(z) / (1 + a * np.exp(z)) - y).fit(X, y)
    mean = {"alpha": l2 / len(X), "solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}
    if name in ("poisson", "gamma"):
        return (PoissonRegressor if name == "poisson" else GammaRegressor)(**mean).fit(X, y)
    if name.startswith("tweedie"):
        return TweedieRegressor(power=LOSSES[name].power, link="log", **mean).fit(X, y)
    primal = {"C": 1 / l2, "dual": False, "tol": 1e-12, "max_iter": 100000}
    if name == "squared_hinge":
        return LinearSVC(loss="squared_hinge", **primal).fit(X, y)
    return LinearSVR(loss="squared_epsilon_insensitive", epsilon=LOSSES[name].epsilon, **primal).fit(X, y)


class ByScores:
    """A model by its score equations, `pull` a record's slope in its prediction: scikit-learn has none."""

    def __init__(self, l2, pull):
        self.l2, self.pull = l2, pull

    def fit(self, X, y):
        def score(w):
            pull = self.pull(y, X @ w[:-1] + w[-1])
            return np.append(X.T @ pull + self.l2 * w[:-1], pull.sum())

        found = root(score, np.zeros(X.shape[1] + 1), tol=1e-13)
        self.coef_, self.intercept_ = found.x[:-1], found.x[-1:]
        return self


def penalises_its_constant(name):
    """Whether liblinear fits it, which treats the intercept as a weight."""
    return name == "squared_hinge" or name.startswith("squared_epsilon")


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_equals_scikit_learn(name):
    objective = make(name, penalise_constant=penalises_its_constant(name))
    theirs = reference(name, objective.X[:, :-1], objective.Y, 2.0)
    ours = fit(objective).W
    expected = np.vstack([np.atleast_2d(theirs.coef_).T, np.atleast_1d(theirs.intercept_)])
    if name == "softmax":
        # shifting all intercepts alike changes nothing
        expected, ours = null_free(objective, expected), null_free(objective, ours)
    np.testing.assert_allclose(ours[:, : expected.shape[1]], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("l2", [2.0, 0.0])
def test_a_large_softmax_model_is_fitted_without_its_hessian(l2, monkeypatch):
    objective = make("softmax", k=4, l2=l2)
    expected = fit(objective)
    monkeypatch.setattr("undelete.maintainer.fit._DENSE_PARAMETERS", 0)
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 6)  # two of five axes
    found = fit(objective)
    assert found.converged
    assert found.gradient_norm <= 1e-10
    np.testing.assert_allclose(null_free(objective, found.W), null_free(objective, expected.W), atol=1e-7)


def test_separable_classes_without_penalty_do_not_converge():
    X = np.c_[np.linspace(-1, 1, 20), np.ones(20)]
    objective = Objective(X, np.sign(X[:, :1]), LOSSES["logistic"], np.zeros(2))
    assert not fit(objective, tol=1e-14, max_iterations=20).converged


def test_penalty_choice_prefers_shrinkage_for_noise_and_none_for_signal():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(60, 20)), np.ones(60)]
    l2 = np.r_[np.ones(20), 0.0]
    noise = Objective(X, rng.normal(size=(60, 1)), LOSSES["squared"], l2)
    signal = Objective(X, X @ rng.normal(size=(21, 1)), LOSSES["squared"], l2)
    penalties = [1e-3, 1.0, 1e3]
    assert choose_penalty(noise, penalties, np.random.default_rng(1)) == 1e3
    assert choose_penalty(signal, penalties, np.random.default_rng(1)) == 1e-3


def test_penalty_choice_refuses_when_nothing_converges(monkeypatch):
    objective = make("logistic", n=50)
    stuck = fit(objective, max_iterations=0)
    monkeypatch.setattr("undelete.maintainer.cross_validation.fit", lambda *a, **k: stuck)
    with pytest.raises(InputError, match="no penalty gave a converged fit"):
        choose_penalty(objective, [1.0], np.random.default_rng(0))


def test_a_step_to_a_smaller_gradient_that_lies_higher_is_not_taken():
    """Where the predictions are sure of themselves the gradient is small, and the loss may be large."""
    objective = Objective(np.ones((1, 1)), np.ones((1, 1)), LOSSES["logistic"], np.array([0.01]))
    w, far = np.zeros((1, 1)), np.full((1, 1), 20.0)
    gradient = objective.gradient(w)
    assert np.abs(objective.gradient(far)).max() < 0.5 * np.abs(gradient).max()
    assert objective.value(far) > objective.value(w)
    found = _line_search(objective, w, w - far, gradient)
    assert objective.value(found) < objective.value(w)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_units_of_features_and_targets_do_not_matter(name):
    objective = make(name, l2=0.5)
    units = np.array([1e5, 1e-6, 1.0, 3600.0, 1.0])
    target = 1e4 if name == "squared" else 1.0
    other = Objective(objective.X * units, objective.Y * target, objective.loss, objective.l2 * units**2)
    W = fit(objective, tol=1e-4).W + 1e-3
    assert gradient_norm(other, W * target / units[:, None]) == pytest.approx(gradient_norm(objective, W), rel=1e-9)
    ours, theirs = fit(objective), fit(other)
    assert ours.converged
    assert theirs.converged
    expected = ours.W * target / units[:, None]
    difference = theirs.W - expected
    if name == "softmax":  # a shift of all classes alike changes nothing
        difference = difference - difference.mean(axis=1, keepdims=True)
        expected = expected - expected.mean(axis=1, keepdims=True)
    assert (np.abs(difference).max(axis=1) <= 1e-6 * np.abs(expected).max(axis=1)).all()


def test_a_regression_that_does_not_settle_is_not_called_separable():
    assert "separable" not in unsettled(make("squared"))
    assert "separable" not in unsettled(make("poisson"))
    assert "separable" in unsettled(make("logistic"))
