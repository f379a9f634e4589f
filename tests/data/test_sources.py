"""The data sets, on a small stand-in for each of the two forms that a data folder can have."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from undelete.data import acs_income, acs_mobility, census_wages, split_half
from undelete.data.acs import INCOME_FEATURES, MOBILITY_FEATURES
from undelete.errors import InputError

PERSON = {
    "RT": "P", "SERIALNO": "2018GQ0000049", "PWGTP": 75, "ESP": "", "SOCP": "1191XX",
    "AGEP": 33, "COW": 1, "SCHL": 21, "MAR": 1, "OCCP": 440, "POBP": 6, "RELP": 0, "WKHP": 40, "SEX": 2,
    "RAC1P": 6, "PINCP": 60_000, "DIS": 2, "CIT": 1, "MIL": 4, "ANC": 1, "NATIVITY": 1, "DEAR": 2, "DEYE": 2,
    "DREM": 2, "GCL": 2, "ESR": 1, "JWMNP": 25,
}  # fmt: skip


def person_file(folder: Path, fips: str, *persons: dict[str, object]) -> Path:
    """Write a state's file as the Census Bureau's download has it: a cell that does not apply is empty."""
    file = folder / "2018" / "1-Year" / f"psam_p{fips}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([{**PERSON, **person} for person in persons]).to_csv(file, index=False)
    return file


def test_census_wages_are_the_package_s_respondents() -> None:
    table = census_wages()
    assert list(table.columns) == ["educ", "exper", "state", "lweekinc"]
    assert len(table) == 29_501
    assert table.loc[0].tolist() == [13, 37, "South Carolina", pytest.approx(6.471038, abs=1e-6)]
    assert not table.isna().to_numpy().any()


def test_acs_income_keeps_the_task_s_population_and_dollars(tmp_path: Path) -> None:
    person_file(
        tmp_path,
        "06",
        {"OCCP": 1},
        {"OCCP": 2, "AGEP": 16},  # too young
        {"OCCP": 3, "AGEP": 17},
        {"OCCP": 4, "PINCP": 100},  # too little income
        {"OCCP": 5, "PINCP": 101},
        {"OCCP": 6, "WKHP": ""},  # does not work
        {"OCCP": 7, "PINCP": ""},
        {"OCCP": 8, "PWGTP": 0},  # counts for nobody
        {"OCCP": 9, "COW": ""},  # not applicable: 0, as in folktables
    )
    data = acs_income("CA", tmp_path)
    assert list(data.table.columns) == [*INCOME_FEATURES, "PINCP"]
    assert data.features == INCOME_FEATURES
    assert data.table["OCCP"].tolist() == [1, 3, 5, 9]
    assert data.table["COW"].tolist() == [1, 1, 1, 0]
    assert data.table["PINCP"].tolist() == [60_000, 60_000, 101, 60_000]
    assert (data.target, data.unit, data.n) == ("PINCP", "dollars", 4)
    assert data.over_50k().tolist() == [1, 1, 0, 1]
    assert data.source == "ACS 2018, CA, folktables' ACSIncome (4 persons)"
    assert set(data.table.dtypes) == {np.dtype(np.int64)}


def test_acs_income_takes_the_sample_first_and_the_csv_for_other_states(tmp_path: Path) -> None:
    rows = [{name: PERSON[name] for name in INCOME_FEATURES} for _ in range(3)]
    sample = (
        pd.DataFrame(rows)
        .astype("uint16")
        .assign(state=pd.Categorical(["CA", "NY", "CA"]), PINCP_gt50k=np.array([1, 0, 0], np.uint8))
    )
    sample.to_parquet(tmp_path / "acs2018_income_ca_ny_tx.parquet")
    person_file(tmp_path, "06", {})
    person_file(tmp_path, "12", {})
    data = acs_income("ca", tmp_path)
    assert list(data.table.columns) == [*INCOME_FEATURES, "PINCP_gt50k"]
    assert data.table["PINCP_gt50k"].tolist() == data.over_50k().tolist() == [1, 0]
    assert (data.target, data.unit) == ("PINCP_gt50k", "0/1: income over 50,000 dollars")
    assert acs_income("FL", tmp_path).unit == "dollars"


def test_acs_mobility_joins_the_states_and_keeps_its_ages(tmp_path: Path) -> None:
    person_file(tmp_path, "06", {"AGEP": 18}, {"AGEP": 19, "WKHP": "", "COW": "", "JWMNP": ""})
    person_file(tmp_path, "48", {"AGEP": 34, "PINCP": -8_600}, {"AGEP": 35})
    data = acs_mobility(tmp_path)
    assert list(data.table.columns) == [*MOBILITY_FEATURES, "PINCP"]
    assert data.table["AGEP"].tolist() == [19, 34]
    assert data.table.loc[0, ["WKHP", "COW", "JWMNP"]].tolist() == [0, 0, 0]
    assert data.table["PINCP"].tolist() == [60_000, -8_600]
    assert (data.target, data.unit) == ("PINCP", "dollars")
    assert data.source == "ACS 2018, CA, TX, folktables' ACSMobility (2 persons)"


def test_acs_mobility_takes_the_sample_first(tmp_path: Path) -> None:
    columns = [*MOBILITY_FEATURES, "PINCP"]
    sample = pd.DataFrame([{name: PERSON[name] for name in columns}]).assign(row=1, ESP=0, MIG=1, part="test")
    sample.to_parquet(tmp_path / "acs2018_mobility_us_40pct.parquet")
    person_file(tmp_path, "06", {}, {})
    data = acs_mobility(tmp_path)
    assert list(data.table.columns) == columns
    assert data.n == 1
    assert "40 % sample" in data.source


def test_the_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person_file(tmp_path, "06", {})
    monkeypatch.setenv("UNDELETE_DATA", str(tmp_path))
    assert acs_income("CA").n == 1


HOW = "pip install folktables, then folktables.ACSDataSource(survey_year='2018', horizon='1-Year', "


def test_refusals_say_how_to_get_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDELETE_DATA", raising=False)
    with pytest.raises(InputError) as caught:
        acs_income("CA")
    assert str(caught.value) == (
        "no data folder is known: give --data DIR or set UNDELETE_DATA; "
        + HOW
        + "survey='person', root_dir=DIR).get_data(states=['CA'], download=True)"
    )
    with pytest.raises(InputError) as caught:
        acs_income("CA", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no ACS 2018 data of CA: "
        + HOW
        + f"survey='person', root_dir='{tmp_path}').get_data(states=['CA'], download=True)"
    )
    with pytest.raises(InputError, match=r"has no ACS 2018 data: .*\.get_data\(download=True\)$"):
        acs_mobility(tmp_path)
    with pytest.raises(InputError, match=r"^'California' is no state: give its two letters, such as CA$"):
        acs_income("California", tmp_path)


def test_a_damaged_download_is_refused(tmp_path: Path) -> None:
    file = person_file(tmp_path, "06", {"AGEP": "thirty"})
    with pytest.raises(InputError, match=r"is not an ACS 2018 person file .*thirty.*: delete it"):
        acs_income("CA", tmp_path)
    file.write_text("<html>404</html>\n")
    with pytest.raises(InputError, match=r"is not an ACS 2018 person file .*: delete it"):
        acs_income("CA", tmp_path)
    person_file(tmp_path, "06", {"AGEP": 3})
    with pytest.raises(InputError, match="has no person of the task's population"):
        acs_income("CA", tmp_path)
    pd.DataFrame({"age": [1]}).to_parquet(tmp_path / "acs2018_income_ca_ny_tx.parquet")
    with pytest.raises(InputError, match="has no column 'state': it is another file under this name"):
        acs_income("CA", tmp_path)


@pytest.mark.parametrize("n", [2, 7, 100])
def test_split_half_deals_every_row_once(n: int) -> None:
    table = pd.DataFrame({"who": np.arange(n)}, index=np.arange(n) + 1000)
    private, public = split_half(table, np.random.default_rng(0))
    assert (len(private), len(public)) == (n // 2, n - n // 2)
    assert sorted([*private["who"], *public["who"]]) == list(range(n))
    assert public.index.tolist() == list(range(len(public)))
    again, _ = split_half(table, np.random.default_rng(0))
    pd.testing.assert_frame_equal(private, again)


def test_the_public_half_does_not_carry_the_private_rows() -> None:
    table = pd.DataFrame({"who": np.arange(100)})
    private, public = split_half(table, np.random.default_rng(1))
    assert not np.shares_memory(public["who"].to_numpy(), table["who"].to_numpy())
    assert not np.shares_memory(public["who"].to_numpy(), private["who"].to_numpy())
    assert public["who"].tolist() != sorted(public["who"])


def test_split_half_needs_two_rows() -> None:
    with pytest.raises(InputError, match="the table has 1 rows: a private and a public half need two"):
        split_half(pd.DataFrame({"who": [1]}), np.random.default_rng(0))
