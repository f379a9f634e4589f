"""Public records of another population: seen by what the old model's scaler stores, used as far as they go."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.auditing.exposure import exposure
from undelete.auditing.population import alike
from undelete.command.terminal import lines

N, M = 1500, 4000
COLUMNS = ["age", "hours", "rooms", "cars"]


def people(rng: np.random.Generator, count: int, older: float = 0.0, stretch: float = 1.0) -> pd.DataFrame:
    """Made-up people: whole numbers that go together, and an income by them."""
    shared = rng.normal(size=count)
    table = pd.DataFrame(
        {
            "age": np.round(45 + older + stretch * (10 * rng.normal(size=count) + 6 * shared)),
            "hours": np.round(38 + stretch * 7 * rng.normal(size=count) + 3 * shared),
            "rooms": np.round(4 + stretch * rng.normal(size=count)),
            "cars": rng.poisson(1.2, count),
        }
    ).astype(int)
    signal = 0.02 * table.age + 0.03 * table.hours + 0.1 * table.rooms - 0.2 * table.cars
    return table.assign(income=signal + 0.4 * rng.normal(size=count))


@pytest.fixture(scope="module")
def released() -> tuple[pd.DataFrame, Pipeline]:
    own = people(np.random.default_rng(0), N)
    return own, make_pipeline(StandardScaler(), Ridge(1.0)).fit(own[COLUMNS], own.income)


def test_other_samples_of_the_same_population_are_all_used(released: tuple[pd.DataFrame, Pipeline]) -> None:
    _, model = released
    for seed in range(1, 21):
        public = people(np.random.default_rng(seed), M)
        assert alike(from_sklearn(model, public, ("income",)), public, N).notes == ()


@pytest.mark.parametrize(("older", "stretch"), [(6.0, 1.0), (0.0, 1.5), (-8.0, 1.3)])
def test_what_is_kept_has_the_stored_means_and_variances(
    released: tuple[pd.DataFrame, Pipeline], older: float, stretch: float
) -> None:
    own, model = released
    public = people(np.random.default_rng(30), M, older, stretch)
    found = alike(from_sklearn(model, public, ("income",)), public, N)
    assert found.kept is not None
    assert len(np.unique(found.kept)) == len(found.kept) > 200
    kept = public.iloc[found.kept]
    off = (kept[COLUMNS].mean() - own[COLUMNS].mean()) / own[COLUMNS].std()
    before = (public[COLUMNS].mean() - own[COLUMNS].mean()) / own[COLUMNS].std()
    assert off.abs().max() < 0.15
    assert np.log(kept[COLUMNS].std() / own[COLUMNS].std()).abs().max() < 0.1
    assert abs(before.age) > 0.3 or stretch > 1
    assert "age by" in found.notes[0] or stretch > 1
    assert f"{len(found.kept):,} of {M:,} are used" in found.notes[0]


def test_records_that_none_of_is_alike_widen_the_error_bars(released: tuple[pd.DataFrame, Pipeline]) -> None:
    _, model = released
    public = people(np.random.default_rng(3), M, older=60.0)
    found = alike(from_sklearn(model, public, ("income",)), public, N)
    assert found.kept is None
    assert found.unlike > 100
    assert "bring records of this population" in found.notes[0]


def test_a_scaler_of_other_records_says_nothing(released: tuple[pd.DataFrame, Pipeline]) -> None:
    own, _ = released
    earlier = people(np.random.default_rng(5), 700, older=9.0)
    scaler = StandardScaler().fit(earlier[COLUMNS])
    model = make_pipeline(scaler, Ridge(1.0).fit(scaler.transform(own[COLUMNS]), own.income))
    public = people(np.random.default_rng(6), M)
    assert alike(from_sklearn(model, public, ("income",)), public, N).notes == ()


def test_probabilities_hold_with_records_of_another_population(released: tuple[pd.DataFrame, Pipeline]) -> None:
    own, model = released
    public = people(np.random.default_rng(7), M, older=6.0, stretch=1.2)
    played = undelete.simulate(
        model, X=own[COLUMNS], y=own.income, X_public=public[COLUMNS], y_public=public.income, deletions=80, rng=0
    )
    right = played.right["hrec+"] if played.right is not None else None
    said = played.found["hrec+"].probability
    assert said is not None
    assert right is not None
    assert len(played.release.X_public) < M
    assert abs(np.nanmean(said) - right.mean()) < 0.08
    assert any("not like the training records" in line for line in played.warnings)


def test_an_audit_says_it_and_a_release_keeps_it(
    released: tuple[pd.DataFrame, Pipeline], tmp_path_factory: pytest.TempPathFactory
) -> None:
    own, model = released
    rest = own.drop(index=3)
    scaler = model[0]
    after = make_pipeline(scaler, Ridge(1.0).fit(scaler.transform(rest[COLUMNS]), rest.income))
    public = people(np.random.default_rng(8), M, older=60.0)
    found = undelete.audit(model, after, public, target="income")
    assert any("not like the training records" in line for line in found.warnings)
    assert found.release.unlike > 100
    file = tmp_path_factory.mktemp("release") / "release.npz"
    found.release.save(file)
    assert undelete.Release.load(file).unlike == found.release.unlike
    assert found.verdict.word == "NOT DECIDABLE"
    page = file.with_name("report.html")
    condition = "holds only if the check behind the verdict is wrong"
    assert condition in " ".join("\n".join(lines(found)).split())
    found.to_html(page)
    assert condition in page.read_text()
    alike_ones = people(np.random.default_rng(9), M)
    anew = make_pipeline(StandardScaler(), Ridge(1.0)).fit(rest[COLUMNS], rest.income)
    well = undelete.audit(model, anew, alike_ones, target="income")
    assert well.verdict.word != "NOT DECIDABLE"
    assert condition not in " ".join("\n".join(lines(well)).split())
    well.to_html(page)
    assert condition not in page.read_text()


def test_a_promise_counts_what_the_error_bars_are_widened_by(released: tuple[pd.DataFrame, Pipeline]) -> None:
    own, model = released
    rest = own.drop(index=3)
    after = make_pipeline(model[0], Ridge(1.0).fit(model[0].transform(rest[COLUMNS]), rest.income))
    audit = undelete.audit(model, after, people(np.random.default_rng(9), M), target="income")
    release = audit.release
    found = audit.found["hrec"]
    promised = [exposure(dataclasses.replace(release, unlike=wider), found, None) for wider in (1.0, 9.0)]
    assert promised[1].value[0] < promised[0].value[0]
    assert promised[1].most[0] >= promised[0].most[0]


@pytest.mark.parametrize("paid", [0.0, 3.0])
def test_others_whose_target_depends_on_the_columns_otherwise_are_seen(
    released: tuple[pd.DataFrame, Pipeline], paid: float
) -> None:
    own, model = released
    rest = own.drop(index=3)
    after = make_pipeline(model[0], Ridge(1.0).fit(model[0].transform(rest[COLUMNS]), rest.income))
    public = people(np.random.default_rng(7), M, older=3.0, stretch=1.2)
    public["income"] += paid * (public.age > 60)
    audit = undelete.audit(model, after, public, target="income")
    check = next(one for one in audit.diagnostics if one.name == "Gradient on all public data")
    assert check.ok is (paid == 0)
