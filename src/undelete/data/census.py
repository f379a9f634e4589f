"""The columns of the census tables that the demonstration and the experiments use, in a reader's words."""

from __future__ import annotations

from collections.abc import Iterable

from undelete.data.schema import ColumnInfo, Schema

WAGES_SCHEMA = Schema(
    (
        ColumnInfo("educ", "education", "years", "discrete"),
        ColumnInfo("exper", "experience", "years", "discrete"),
        ColumnInfo("state", "state", "", "categorical"),
        ColumnInfo("lweekinc", "log weekly income", "log dollars", "continuous"),
    )
)
"""The columns of `sources.census_wages`."""
_YES_NO = {1: "yes", 2: "no"}
# Code names: the Census Bureau's 2018 PUMS data dictionary, shortened. Where folktables fills what does
# not apply with 0, that code is named too. OCCP (529 occupations) and POBP (222 places) keep their numbers.
ACS_SCHEMA = Schema(
    (
        ColumnInfo("AGEP", "age", "years", "discrete"),
        ColumnInfo(
            "COW",
            "class of worker",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "private company employee",
                2: "private non-profit employee",
                3: "local government employee",
                4: "state government employee",
                5: "federal government employee",
                6: "self-employed, not incorporated",
                7: "self-employed, incorporated",
                8: "unpaid in family business",
                9: "unemployed, no recent work",
            },
        ),
        ColumnInfo(
            "SCHL",
            "schooling",
            kind="categorical",
            codes={
                1: "none",
                2: "nursery school",
                3: "kindergarten",
                **{code: f"grade {code - 3}" for code in range(4, 15)},
                15: "grade 12, no diploma",
                16: "high school diploma",
                17: "GED or alternative",
                18: "some college, under 1 year",
                19: "college, no degree",
                20: "associate's degree",
                21: "bachelor's degree",
                22: "master's degree",
                23: "professional degree",
                24: "doctorate",
            },
        ),
        ColumnInfo(
            "MAR",
            "marital status",
            kind="categorical",
            codes={1: "married", 2: "widowed", 3: "divorced", 4: "separated", 5: "never married"},
        ),
        ColumnInfo("OCCP", "occupation code", kind="categorical"),
        ColumnInfo("POBP", "place of birth code", kind="categorical"),
        ColumnInfo(
            "RELP",
            "relation to householder",
            kind="categorical",
            codes=dict(
                enumerate(
                    (
                        "householder",
                        "spouse",
                        "biological child",
                        "adopted child",
                        "stepchild",
                        "brother or sister",
                        "parent",
                        "grandchild",
                        "parent-in-law",
                        "child-in-law",
                        "other relative",
                        "roomer or boarder",
                        "housemate",
                        "unmarried partner",
                        "foster child",
                        "other nonrelative",
                        "in an institution",
                        "in other group quarters",
                    )
                )
            ),
        ),
        ColumnInfo("WKHP", "hours worked", "hours a week", "discrete"),
        ColumnInfo("SEX", "sex", kind="categorical", codes={1: "male", 2: "female"}),
        ColumnInfo(
            "RAC1P",
            "race",
            kind="categorical",
            codes={
                1: "White",
                2: "Black or African American",
                3: "American Indian",
                4: "Alaska Native",
                5: "American Indian or Alaska Native, other",
                6: "Asian",
                7: "Native Hawaiian or Pacific Islander",
                8: "some other race",
                9: "two or more races",
            },
        ),
        ColumnInfo("PINCP", "income", "dollars a year", "continuous"),
        ColumnInfo("PINCP_gt50k", "income over 50,000 dollars", kind="categorical", codes={0: "no", 1: "yes"}),
        ColumnInfo("DIS", "disability", kind="categorical", codes=_YES_NO),
        ColumnInfo(
            "CIT",
            "citizenship",
            kind="categorical",
            codes={
                1: "born in the US",
                2: "born in a US territory",
                3: "born abroad to American parents",
                4: "naturalised",
                5: "not a citizen",
            },
        ),
        ColumnInfo(
            "MIL",
            "military service",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "on active duty",
                2: "on active duty in the past",
                3: "training only",
                4: "never",
            },
        ),
        ColumnInfo(
            "ANC",
            "ancestry",
            kind="categorical",
            codes={1: "single", 2: "multiple", 3: "unclassified", 4: "not reported", 8: "suppressed"},
        ),
        ColumnInfo("NATIVITY", "nativity", kind="categorical", codes={1: "native", 2: "foreign born"}),
        ColumnInfo("DEAR", "hearing difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo("DEYE", "vision difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo("DREM", "cognitive difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo(
            "GCL",
            "lives with a grandchild",
            kind="categorical",
            codes={0: "not applicable", **_YES_NO},
        ),
        ColumnInfo(
            "ESR",
            "employment status",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "employed, at work",
                2: "employed, not at work",
                3: "unemployed",
                4: "armed forces, at work",
                5: "armed forces, not at work",
                6: "not in the labour force",
            },
        ),
        ColumnInfo("JWMNP", "journey to work", "minutes", "discrete"),
    )
)
"""The columns of `acs.acs_income` and `acs.acs_mobility`, as the 2018 survey codes them."""


def schema_of(names: Iterable[str]) -> Schema:
    """Return the known schema that a table's column names point to, or an empty one.

    One shared name is no evidence (a stranger's `educ` may count anything): at least three names must be
    known, and be half of the table's at least.
    """
    given = set(names)
    for schema in (WAGES_SCHEMA, ACS_SCHEMA):
        shared = given.intersection(schema.names)
        if len(shared) >= 3 and 2 * len(shared) >= len(given):
            return schema
    return Schema()
