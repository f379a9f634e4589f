"""Categories that no public record has: the people who have them are an error of everything that is told."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.unvaried import unseen
from undelete.attacker.groups.likelihood import sum_gradient
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.hrec_plus import hrec_plus
from undelete.auditing.released import read_pair

MODELS = {"ridge": lambda: Ridge(1.0), "logistic": lambda: LogisticRegression(tol=1e-8, max_iter=2000)}
NUMBERS = ["age", "hours", "schooling"]


def people(rng, n, wales):
    """Records, the first of which live where few do."""
    table = pd.DataFrame(
        {"age": rng.integers(18, 80, n), "hours": rng.integers(0, 60, n), "schooling": rng.integers(1, 17, n)}
    )
    table["land"] = rng.choice(["England", "Scotland", "Ulster"], n, p=[0.5, 0.3, 0.2])
    table.loc[: wales - 1, "land"] = "Wales"
    score = 0.02 * table.age + 0.1 * table.schooling + 0.8 * (table.land == "Wales") + rng.normal(0, 1, n)
    return table.assign(wage=score, rich=np.where(score > 2.0, "yes", "no"))


def pair(seed, kind, gone, private=3, public=0, n=500):
    """Two models of people of whom one left, and the public view; the person."""
    rng = np.random.default_rng(seed)
    own, others = people(rng, n, private), people(rng, n, public)
    target = "wage" if kind == "ridge" else "rich"
    steps = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(), ["land"]))
    model = make_pipeline(FrozenEstimator(steps.fit(own)), MODELS[kind]())
    columns = [*NUMBERS, "land"]
    before, after = (clone(model).fit(one[columns], one[target]) for one in (own, own.drop(index=gone)))
    return read_pair(before, after, others[[*columns, target]], target=target, n=n), own, target


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("private", [1, 3])
def test_nothing_wrong_is_told_surely_of_who_has_a_category_that_no_public_record_has(kind, private):
    sure, told = [], 0
    for seed in range(6):
        found, own, _ = pair(seed, kind, 0, private)
        release = found.release
        shown = hrec_plus(release, np.random.default_rng(0))
        told += int(np.isfinite(shown.probability[0]).all())
        for j, column in enumerate(release.columns):
            if shown.probability[0, j] > 0.95:
                sure.append(str(column.values[shown.codes[0, j]]) == str(own[column.name][0]))
    assert np.sum(np.logical_not(sure)) <= 1  # of up to 24, at .95 and more
    assert told == 6 if private == 1 else told <= 2  # where others have it too, how many decides about the scale


def of_numbers(kind):
    """By how many of their errors the numbers' gradients are off, root mean square: of one person, and of a group."""
    off, groups = [], []
    for seed in range(12):
        found, own, target = pair(seed, kind, 0)
        release = found.release
        difference = Difference.best(release)
        estimate = Estimate.of(from_gradient(release, difference, unchanged(release), attack="hrec+"))
        x = found.old.features(own.iloc[[0]])[0]
        y = own[target][0] if kind == "ridge" else 2.0 * (own[target][0] == "yes") - 1
        true = -x * float(release.loss.residual(np.full((1, 1), y), (x @ release.W_before)[None])[0, 0])
        numbers = np.eye(len(x))[:, :3]
        t2 = estimate.weights(release) ** 2
        covariance = estimate.moments(release, t2, numbers)[2][0] * estimate.scale[0] ** 2
        off.append((difference.gradient[0, :, 0] - true) @ numbers / np.sqrt(np.diag(covariance)))
        together, covariance = sum_gradient(release, 1)
        groups.append(((together[:, 0] - true) @ numbers) / np.sqrt(np.diag(covariance)[:3]))
    return [float(np.sqrt(np.mean(np.square(z)))) for z in (off, groups)]


@pytest.mark.parametrize("kind", MODELS)
def test_the_error_of_the_gradient_counts_people_whom_no_public_record_stands_for(kind, monkeypatch):
    assert all(0.5 < z < 1.3 for z in of_numbers(kind))
    for module in ("undelete.attacker.gradient.estimate", "undelete.attacker.table.whole_error"):
        monkeypatch.setattr(f"{module}.unseen", lambda _: [])
    assert min(of_numbers(kind)) > (3.5 if kind == "ridge" else 1.8)


def test_nobody_is_missing_where_the_last_one_left():
    for private, expected in ((1, 0.0), (3, 2.0)):
        found, _, _ = pair(0, "ridge", 0, private)
        (wales,) = unseen(found.release)
        assert wales.expected.tolist() == [expected]
        assert (wales.view.X_public[:, -2] == 1).all()  # the constant is last, and of the countries Wales
        assert (wales.view.X_public[:, 3:-2] == 0).all()


def test_ends_that_the_files_leave_of_columns_are_no_matter_in_the_model_s_space():
    """A median moved, and nobody public is Welsh: the two together were refused."""
    found, _, _ = pair(0, "ridge", 0)
    ends = np.full((1, len(found.release.columns), 2), np.nan)
    ends[0, 0] = 18.0, 60.0
    within = dataclasses.replace(found.release, within=ends)
    (wales,), (plain,) = unseen(within), unseen(found.release)
    np.testing.assert_array_equal(wales.view.X_public, plain.view.X_public)


def test_a_number_of_little_spread_is_not_surer_than_the_gradient():
    right, said = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame({"density": rng.normal(0.997, 0.002, 800), "sugar": rng.normal(5, 2, 800)})
        table["left"] = rng.choice(["no", "yes"], 800)
        table["score"] = 100 * table.density + 0.1 * table.sugar + rng.normal(0, 1, 800)
        own, columns = table[:400], ["density", "sugar", "left"]
        steps = make_column_transformer((MaxAbsScaler(), columns[:2]), (OneHotEncoder(), ["left"])).fit(own)
        before, after = (
            make_pipeline(FrozenEstimator(steps), Ridge(1e-4)).fit(one[columns], one.score)
            for one in (own, own.drop(index=7))
        )
        release = read_pair(before, after, table[400:], target="score", n=400).release
        found = hrec_plus(release, np.random.default_rng(0))
        said.append(found.probability[0, 0])
        right.append(abs(found.values[0, 0] - own.density[7]) < 0.01 * release.columns[0].spread)
    assert np.mean(said) < np.mean(right) + 0.2
