"""A table's cells are read as the model's encoder knows them; what is left over is counted and named."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import undelete
from undelete.adapters.design.conform import Use, conformed, unknown
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.errors import InputError

N = 1200


def read(cells, known, *, closed=True, fills=False, number=False):
    use = {"c": Use(tuple(known), closed, fills, number)}
    return conformed(pd.DataFrame({"c": cells}), use)["c"].tolist()


@pytest.mark.parametrize(
    ("cells", "known", "options", "expected"),
    [
        (["01", "12", "x"], (1.0, 12.0), {}, [1.0, 12.0, "x"]),
        ([1, 12, 3], ("01", "12"), {}, ["01", "12", 3]),
        ([" north", "south "], ("north", "south"), {}, ["north", "south"]),
        (["north"], (" north",), {}, [" north"]),
        ([True, False], ("TRUE", "FALSE"), {}, ["TRUE", "FALSE"]),
        (["TRUE", "FALSE"], (0.0, 1.0), {}, [1.0, 0.0]),
        ([1, 0], ("TRUE",), {"closed": False}, ["TRUE", "FALSE"]),
        (["Ko\u0308ln"], ("K\u00f6ln",), {}, ["K\u00f6ln"]),  # they look alike
        ([True, False], ("TRUE",), {"closed": False}, ["TRUE", "FALSE"]),
        ([5, 6], ("05",), {"closed": False}, [5, 6]),  # the names of a plain file are read as numbers later
        (["yes", "maybe"], ("yes", "no"), {}, ["yes", "maybe"]),
        (["YES", "No"], ("yes", "no"), {}, ["yes", "no"]),
        (["YES", "yes"], ("yes", "no"), {}, ["YES", "yes"]),  # a table that has both tells them apart
        (["YES"], ("yes", "Yes"), {}, ["YES"]),
        (["NA"], ("na",), {}, ["NA"]),
        (["YES"], ("yes",), {"closed": False}, ["YES"]),  # may be the category that R leaves out
        (["01", "1"], ("1", "01"), {}, ["01", "1"]),
        (["1.0"], ("1", "01"), {}, ["1.0"]),  # it could be either
        (["12", " 7"], (), {"number": True}, [12.0, 7.0]),
        (["TRUE", "FALSE"], (), {"number": True}, [1.0, 0.0]),
        (["12", "many"], (), {"number": True}, ["12", "many"]),
    ],
)
def test_cells_are_read_in_the_writing_the_model_knows(cells, known, options, expected):
    assert read(cells, known, **options) == expected


def test_marks_of_missing_cells_are_missing_only_where_the_model_reads_such():
    kept = read(["NA", "?", "DE"], ("DE",))
    assert kept == ["NA", "?", "DE"]
    assert pd.isna(read(["NA", "?", "DE"], ("DE", "missing"), fills=True)).tolist() == [True, True, False]
    assert read(["NA", "DE"], ("DE", "NA"), fills=True) == ["NA", "DE"]  # Namibia
    assert read([None, "DE"], ("DE", "nan")) == ["nan", "DE"]
    assert pd.isna(read(["4", "?", "n.a."], (), number=True, fills=True)).tolist() == [False, True, True]
    assert read(["4", "?"], (), number=True) == ["4", "?"]


def test_what_is_left_over_is_counted_and_named():
    use = {"c": Use(("a", "b"), True, False, False)}
    (told,) = unknown(pd.DataFrame({"c": ["a", "x", "x", None, "y", "b"]}), use)
    assert told.startswith("4 of 6 cells of column 'c' ('x', 'y') are no category the model knows (it knows 'a', 'b')")
    assert unknown(pd.DataFrame({"c": ["a", "b"]}), use) == []
    with pytest.raises(InputError, match=r"2 of 2 cells of column 'c' .* the model sees nothing of this column"):
        unknown(pd.DataFrame({"c": ["x", "y"]}), use)
    plain = {"c": Use(("a",), False, False, False)}
    assert unknown(pd.DataFrame({"c": ["a", "x"]}), plain) == []  # the category that R leaves out
    assert len(unknown(pd.DataFrame({"c": ["x", "x"]}), plain)) == 1


def people():
    draw = np.random.default_rng(8)
    table = pd.DataFrame({"age": draw.integers(18, 70, 2 * N), "month": draw.integers(1, 13, 2 * N)})
    table["job"] = draw.choice(np.array(["state", "own", np.nan], dtype=object), 2 * N, p=[0.5, 0.3, 0.2])
    table["member"] = draw.random(2 * N) < 0.4
    pay = 20 * table.age + 30 * table.month + 90 * (table.job == "state") - 80 * table.member
    return table.assign(pay=np.round(pay + draw.normal(0, 60, 2 * N), 2))


def steps(unseen="ignore"):
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown=unseen))
    return make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown=unseen), ["month", "member"]), (words, ["job"])
    )


def test_a_file_written_otherwise_than_for_the_training_gives_the_same_record(tmp_path):
    table = people()
    private, public = table[:N], table[N:].reset_index(drop=True)
    odd = public.assign(
        month=[f"{m:02d}" for m in public.month],
        job=[" ?" if pd.isna(job) else f" {job}" for job in public.job],
        member=np.where(public.member, "TRUE", "FALSE"),
    )
    odd.to_csv(tmp_path / "public.csv", index=False)
    who = [int(private.index[private.job.isna()][0]), int(private.index[private.member][0])]
    for i in who:
        fits = [
            make_pipeline(steps(), Ridge(1.0)).fit(rows.drop(columns="pay"), rows.pay)
            for rows in (private, private.drop(index=i))
        ]
        plain = undelete.audit(*fits, public, target="pay", n=N)
        other = undelete.audit(*fits, tmp_path / "public.csv", target="pay", n=N)
        assert other.records.astype(str).to_numpy().tolist() == plain.records.astype(str).to_numpy().tolist()
        assert plain.records.job[0] == ("missing" if i == who[0] else private.job[i])
        assert plain.records.member[0] == private.member[i]
        cells = {cell["name"]: cell for cell in plain.document()["records"][0]["columns"]}
        assert isinstance(cells["member"]["recovered"], bool)
        assert cells["member"]["low"] is None


def test_cells_of_another_kind_are_refused_or_told_in_a_warning():
    table = people()
    private, public = table[:N], table[N:].reset_index(drop=True)
    fits = [
        make_pipeline(steps(), Ridge(1.0)).fit(rows.drop(columns="pay"), rows.pay)
        for rows in (private, private.drop(index=3))
    ]
    some = public.assign(job=np.where(public.age < 30, "retired", public.job))
    audit = undelete.audit(*fits, some, target="pay", n=N)
    assert any("cells of column 'job' ('retired') are no category" in text for text in audit.warnings)
    with pytest.raises(InputError, match=r"cells of column 'month' .* are no category the model knows"):
        undelete.audit(*fits, public.assign(month="May"), target="pay", n=N)


def test_a_logical_column_of_a_plain_file_is_read_from_booleans(tmp_path):
    table = people()[["age", "member", "pay"]]
    private, public = table[:N], table[N:]
    public.assign(member=np.where(public.member, "TRUE", "FALSE")).to_csv(tmp_path / "public.csv", index=False)

    def plain(rows, name):
        X = np.column_stack([np.ones(len(rows)), rows.age, rows.member]).astype(float)
        intercept, *coef = np.linalg.lstsq(X, rows.pay, rcond=None)[0]
        file = tmp_path / f"{name}.json"
        parts = {"coef": coef, "intercept": intercept, "loss": "squared", "feature_names": ["age", "member=TRUE"]}
        file.write_text(json.dumps(parts | {"l2": 0, "n": len(rows)}))
        return file

    for i in (0, 1, 2, 3):
        audit = undelete.audit(
            plain(private, "a"), plain(private.drop(index=i), "b"), tmp_path / "public.csv", target="pay"
        )
        assert str(audit.records.member[0]).upper() == str(private.member[i]).upper()


def test_an_ordinal_code_is_found_for_another_writing():
    table = pd.DataFrame({"grade": [1, 2, 3] * 10, "x": np.arange(30.0)})
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(make_column_transformer((coder, ["grade"]), ("passthrough", ["x"])), Ridge())
    model.fit(table, np.arange(30.0) ** 1.5)
    linear = from_sklearn(model, table, None)
    text = table.assign(grade=[f"0{g}" for g in table.grade])
    np.testing.assert_array_equal(linear.features(text), linear.features(table))


@pytest.mark.parametrize(("strategy", "shown"), [("mean", True), ("most_frequent", True), ("most_frequent", False)])
def test_a_cell_that_may_have_been_missing_says_so_whether_or_not_a_public_one_is(strategy, shown):
    draw = np.random.default_rng(2)
    table = pd.DataFrame({"age": draw.integers(20, 60, 2 * N).astype(float), "kids": draw.integers(0, 4, 2 * N)})
    table.loc[(draw.random(2 * N) < 0.15) & (shown | (table.index < N)), "age"] = np.nan
    pay = 30 * table.age.fillna(33) + 90 * table.kids + draw.normal(0, 20, 2 * N)
    gone = int(table.index[table.age.isna()][0])
    model = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler(), Ridge(1.0)).fit(table[:N], pay[:N])
    audit = undelete.simulate(model, table[:N], pay[:N], table[N:], pay[N:], deletions=[gone, gone + 1])
    fill = model[0].statistics_[0]
    assert audit.records.age[0] == f"missing, or {fill:.6g}"
    assert audit.true_records.age[0] == "missing"
    assert audit.document()["records"][0]["columns"][0]["right"]
    release = undelete.Release
    column = audit.release.columns[0]
    assert isinstance(audit.release, release)
    assert column.filled == pytest.approx(fill)


def test_numbers_stay_within_what_their_column_can_hold(tmp_path):
    draw = np.random.default_rng(5)
    table = pd.DataFrame(
        {"wage": draw.lognormal(1, 1.5, 600), "share": draw.random(600), "kids": draw.integers(0, 3, 600)}
    )
    pay = 0.01 * table.wage + table.share + table.kids + draw.normal(0, 1, 600)
    audit = undelete.simulate(
        Ridge(1.0), table[:300], pay[:300], table[300:], pay[300:], deletions=40, attacks=["hrec+"]
    )
    assert (audit.records.wage >= 0).all()
    assert audit.records.share.between(0, 1).all()
    assert audit.records.share.isin([0, 1]).any()  # some would have come back beyond
    for record in audit.document()["records"]:
        for cell in record["columns"]:
            assert cell["low"] < cell["high"]
            assert cell["low"] >= (0 if cell["name"] != "kids" else -1)
    audit.release.save(tmp_path / "release.npz")
    again = undelete.Release.load(tmp_path / "release.npz").columns
    assert [(c.least, c.greatest, c.filled, c.logical) for c in again] == [
        (c.least, c.greatest, c.filled, c.logical) for c in audit.release.columns
    ]
