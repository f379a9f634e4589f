"""Descriptions for readers: known columns have words and units, unknown ones their own name."""

import pytest

from undelete.data import ACS_SCHEMA, WAGES_SCHEMA, ColumnInfo, Schema, schema_of
from undelete.data.acs import INCOME_FEATURES, MOBILITY_FEATURES


def test_an_unknown_column_is_described_by_its_name() -> None:
    assert ACS_SCHEMA["shoe_size"] == ColumnInfo("shoe_size", label="shoe_size")
    assert ACS_SCHEMA["shoe_size"].kind is None


def test_every_column_of_the_sources_is_described() -> None:
    described = {*ACS_SCHEMA.names}
    assert described.issuperset([*INCOME_FEATURES, *MOBILITY_FEATURES, "PINCP", "PINCP_gt50k"])
    for schema in (ACS_SCHEMA, WAGES_SCHEMA):
        assert len(set(schema.names)) == len(schema.names)
        assert len({column.label for column in schema.columns}) == len(schema.names)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("SEX", 2, "2 female"),
        ("SEX", 2.0, "2 female"),
        ("SCHL", 4, "4 grade 1"),
        ("SCHL", 14, "14 grade 11"),
        ("RELP", 17, "17 in other group quarters"),
        ("SEX", 3, "3"),
        ("AGEP", 34, "34 years"),
        ("WKHP", 40, "40 hours a week"),
        ("POBP", 303, "303"),
        ("state", "Texas", "Texas"),
        ("smoker", True, "True"),
    ],
)
def test_values_are_written_for_a_reader(column: str, value: float | str, text: str) -> None:
    assert ACS_SCHEMA[column].text(value) == text


def test_large_numbers_keep_their_digits() -> None:
    assert ACS_SCHEMA["PINCP"].text(1_234_567) == "1234567 dollars a year"


def test_a_known_table_is_recognised_by_most_of_its_columns() -> None:
    assert schema_of([*INCOME_FEATURES, "PINCP_gt50k"]) is ACS_SCHEMA
    assert schema_of(["educ", "exper", "state", "lweekinc"]) is WAGES_SCHEMA
    assert schema_of(["educ", "state"]) == Schema()
    assert schema_of(["SEX", "MAR", "CIT", *"abcdefgh"]) == Schema()
