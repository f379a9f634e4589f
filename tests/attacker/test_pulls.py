"""Whose class a gradient is of: against a plain average over records, and on classes that are far apart."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete.attacker.gradient import pulls, reweighed
from undelete.attacker.gradient.pulls import _People
from undelete.maths.losses import LOSSES


@pytest.mark.parametrize("loss", ["logistic", "squared"])
@pytest.mark.parametrize("at", [0.02, 0.3, 1.0])
def test_the_density_is_the_average_over_records(loss, at):
    """Of a normal class, drawn; the integral of one output and Laplace's approximation are two ways to it."""
    rng = np.random.default_rng(0)
    w, mean, root = np.array([0.3, -0.8, 0.5]), np.array([1.0, 0.4, -0.2]), np.diag([0.0, 1.0, 0.6])
    X = mean + rng.normal(size=(200_000, 3)) @ root.T
    Y = np.ones((1, 1))

    def pull(z):
        return -LOSSES[loss].residual(np.ones_like(z), z)

    def bend(z):
        return -LOSSES[loss].curvature(Y, z[None])

    people = _People.of(X, X @ w[:, None], np.ones(len(X), dtype=bool))
    error = 0.05 * np.array([[1.0, 0.2, 0.0], [0.2, 1.0, 0.1], [0.0, 0.1, 2.0]])
    G = at * np.array([1.0, 0.7, -0.6])
    each = multivariate_normal.logpdf(G - X * pull((X @ w)[:, None]), np.zeros(3), error)
    averaged = logsumexp(each) - np.log(len(X))
    constant = -1.5 * np.log(2 * np.pi)
    assert people.along(G, error, pull) - 0.5 * np.log(2 * np.pi) + constant == pytest.approx(averaged, abs=0.05)
    assert people.about(G[:, None], error, pull, bend, people.middle) + constant == pytest.approx(averaged, abs=0.4)


@pytest.mark.parametrize(("make", "classes"), [(RidgeClassifier, 3), (LinearSVC, 2)])
def test_people_of_classes_far_apart_are_told_apart(make, classes, monkeypatch):
    """They hardly pull, or not at all: what changes is the weight of their class."""
    table = load_iris(as_frame=True).frame
    table = table.loc[table.index.repeat(6)].reset_index(drop=True)
    noise = np.random.default_rng(0).choice([-0.1, 0.0, 0.1], size=(len(table), 4))
    table.iloc[:, :4] = (table.iloc[:, :4] + noise).round(1)
    table["rare"] = (np.random.default_rng(2).random(len(table)) < 0.3).astype(float)
    table["kind"] = table.target.clip(0, classes - 1).astype(str)
    order = np.random.default_rng(1).permutation(len(table))
    private, public = (table.iloc[half].reset_index(drop=True) for half in np.array_split(order, 2))
    columns = [*table.columns[:4], "rare"]
    if classes == 3:
        monkeypatch.setattr(pulls, "_RECORDS", 50)  # every ninth, among whom nobody is rare
        public.loc[::9, "rare"] = 0.0
    scaler = StandardScaler().fit(private[columns])
    more = {"dual": False, "tol": 1e-10, "max_iter": 100_000} if make is LinearSVC else {}
    model = make(class_weight="balanced", **more).fit(scaler.transform(private[columns]), private.kind)
    tables = [one for part in (private, public) for one in (scaler.transform(part[columns]), part.kind)]
    guesses, guess = [], reweighed._guessed
    monkeypatch.setattr(reweighed, "_guessed", lambda *given: guesses.append(guess(*given)) or guesses[-1])
    played = undelete.simulate(model, *tables, deletions=40, attacks=("hrec",))
    (found,) = guesses
    right = found.chosen == reweighed._classes(played.truth.Y)
    assert right.mean() >= 0.9
    assert found.probability.max(axis=1).mean() - right.mean() < 0.05
